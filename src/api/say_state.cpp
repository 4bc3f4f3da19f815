#include "api/say_state.hpp"

#include "base/escape.hpp"
#include "base/state_request.hpp"

namespace nfsferry::api {
namespace {

void say(const NamedTree& named) {
  say_state(std::string(named.side) + " " + escape_for_terminal(named.tree->facts().location) +
            ": " + named.tree->state());
}

}  // namespace

Task<void> say_state_when_asked(Loop& loop, std::vector<NamedTree> trees, CancelToken& done) {
  const auto look = std::chrono::milliseconds(50);
  std::uint32_t answered = state_requests();
  for (;;) {
    Status slept = co_await loop.sleep_for(look, &done);
    if (!slept) co_return;
    std::uint32_t asked = state_requests();
    if (asked == answered) continue;
    answered = asked;
    for (const NamedTree& one : trees) say(one);
  }
}

}  // namespace nfsferry::api
