#include "api/say_state.hpp"

#include "base/escape.hpp"
#include "base/state_request.hpp"

namespace nfsferry::api {
namespace {

void say(std::string_view side, const FullTree& tree) {
  say_state(std::string(side) + " " + escape_for_terminal(tree.facts().location) + ": " +
            tree.state());
}

}  // namespace

Task<void> say_state_when_asked(Loop& loop, const FullTree& source, const FullTree& target,
                                CancelToken& done) {
  const auto look = std::chrono::milliseconds(50);
  std::uint32_t answered = state_requests();
  for (;;) {
    Status slept = co_await loop.sleep_for(look, &done);
    if (!slept) co_return;
    std::uint32_t asked = state_requests();
    if (asked == answered) continue;
    answered = asked;
    say("source", source);
    say("target", target);
  }
}

}  // namespace nfsferry::api
