#include "loop/deadline.hpp"

#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;

class DeadlineTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engine, DeadlineTest, both_engines(), engine_label);

// A wait under it, for so long or until it has passed; whether it had.
Task<bool> wait_under(Loop& loop, milliseconds time, milliseconds wait, int& calls) {
  CancelToken token;
  Deadline deadline(loop, time, [&] {
    ++calls;
    token.cancel();
  });
  Status waited = co_await loop.sleep_for(wait, &token);
  EXPECT_EQ(waited.has_value(), calls == 0);
  co_await deadline.end();
  co_return deadline.passed();
}

TEST_P(DeadlineTest, EndsWhatTakesLonger) {
  int calls = 0;
  EXPECT_TRUE(run(wait_under(loop(), milliseconds(1), std::chrono::hours(1), calls)));
  EXPECT_EQ(calls, 1);
}

TEST_P(DeadlineTest, LeavesAloneWhatEndsBefore) {
  int calls = 0;
  EXPECT_FALSE(run(wait_under(loop(), std::chrono::hours(1), milliseconds(1), calls)));
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace nfsferry::test
