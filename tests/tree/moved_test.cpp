#include "tree/moved.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace nfsferry::test {
namespace {

using Look = Result<bool>;

TEST(WasMoved, is_told_by_who_has_the_names) {
  EXPECT_TRUE(*was_moved(true, false));
  EXPECT_FALSE(*was_moved(false, true));
  EXPECT_FALSE(*was_moved(false, false));
  Look both = was_moved(true, true);
  ASSERT_FALSE(both);
  EXPECT_TRUE(both.error().is(Own::kOutcomeUnknown));
}

TEST(WasMoved, cannot_be_told_after_a_look_that_failed_and_says_how) {
  Look closed = errno_error(EACCES, "LOOKUP");
  for (const Look& said : {was_moved(closed, false), was_moved(true, closed)}) {
    ASSERT_FALSE(said);
    EXPECT_TRUE(said.error().is(Own::kOutcomeUnknown));
    std::string message = said.error().message();
    EXPECT_NE(message.find("EACCES"), message.npos) << message;
  }
}

TEST(WasMoved, is_the_error_of_a_look_that_ends_the_run) {
  for (Own own : {Own::kUnreachable, Own::kCancelled}) {
    Look ended = own_error(own, "LOOKUP");
    for (const Look& said : {was_moved(ended, false), was_moved(true, ended)}) {
      ASSERT_FALSE(said);
      EXPECT_TRUE(said.error().is(own)) << said.error().message();
    }
  }
}

}  // namespace
}  // namespace nfsferry::test
