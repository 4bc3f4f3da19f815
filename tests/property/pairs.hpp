// Ways from one place to another.
#pragma once

#include <array>

#include "copy_fixture.hpp"

namespace nfsferry::test {

struct Pair {
  const char* name;
  Place source;
  Place target;
};

inline constexpr std::array<Pair, 5> kPairs{{{"NfsToNfs", Place::kNfs, Place::kNfs},
                                             {"NfsToLocal", Place::kNfs, Place::kLocal},
                                             {"LocalToNfs", Place::kLocal, Place::kNfs},
                                             {"Nfs40ToNfs40", Place::kNfs40, Place::kNfs40},
                                             {"LocalToLocal", Place::kLocal, Place::kLocal}}};

inline void expect_done(const CopyReport& report) {
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
}

}  // namespace nfsferry::test
