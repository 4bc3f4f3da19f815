#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace nfsferry {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return own_error(Own::kBadInput, "half", "odd");
  return number / 2;
}

Result<std::string> quarter_as_text(int number) {
  NFSFERRY_TRY(int once, half(number), return);
  NFSFERRY_TRY(int twice, half(once), return);
  return std::to_string(twice);
}

TEST(Result, HoldsEitherAValueOrAnError) {
  Result<int> good = half(8);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 4);
  Result<int> bad = half(7);
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().is(Own::kBadInput));
}

TEST(Result, PassesAnErrorOnUnchanged) {
  EXPECT_EQ(*quarter_as_text(12), "3");
  Result<std::string> bad = quarter_as_text(6);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().operation, "half");
  EXPECT_EQ(bad.error().detail, "odd");
}

TEST(Result, GivesAMoveOnlyValueAway) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

TEST(Result, KeepsAnErrorThatIsTheValueTypeApart) {
  Result<std::string> text = std::string("a text");
  EXPECT_EQ(text->size(), 6u);
}

TEST(ResultDeathTest, AbortsWhenTheValueOfAFailedResultIsRead) {
  Result<int> bad = half(1);
  EXPECT_DEATH((void)*bad, "value of a failed result");
}

TEST(ResultDeathTest, AbortsWhenTheErrorOfAGoodResultIsRead) {
  Result<int> good = half(2);
  EXPECT_DEATH((void)good.error(), "error of a good result");
}

}  // namespace
}  // namespace nfsferry
