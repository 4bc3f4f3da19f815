// What two runs say they did.
#pragma once

#include <gtest/gtest.h>

#include "nfsferry/report.hpp"

namespace nfsferry::test {

inline void expect_same_counts(const CopyReport& dry, const CopyReport& real) {
  EXPECT_EQ(dry.files_transferred, real.files_transferred);
  EXPECT_EQ(dry.folders_transferred, real.folders_transferred);
  EXPECT_EQ(dry.folders_skipped, real.folders_skipped);
  EXPECT_EQ(dry.files_skipped, real.files_skipped);
  EXPECT_EQ(dry.bytes_written, real.bytes_written);
  EXPECT_EQ(dry.metadata_repaired, real.metadata_repaired);
  EXPECT_EQ(dry.files_deleted, real.files_deleted);
  EXPECT_EQ(dry.folders_deleted, real.folders_deleted);
  EXPECT_EQ(dry.hard_links, real.hard_links);
  EXPECT_EQ(dry.symlinks, real.symlinks);
  EXPECT_EQ(dry.backed_up, real.backed_up);
  EXPECT_EQ(dry.temporaries_removed, real.temporaries_removed);
  EXPECT_EQ(dry.deletion_refused, real.deletion_refused);
}

}  // namespace nfsferry::test
