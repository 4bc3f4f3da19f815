// What a client waits for, for people.
#include "base/units.hpp"
#include "nfs4/session.hpp"

namespace nfsferry::nfs4 {
namespace {

std::string since(Clock::time_point when) {
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - when);
  return format_duration(static_cast<std::uint64_t>(passed.count()));
}

}  // namespace

std::string Client::describe() const {
  std::string text;
  switch (state_) {
    case State::kClosed: text = limits_.slots == 0 ? "being opened" : "closed"; break;
    case State::kReady: text = "ready"; break;
    case State::kRecovering: text = "recovering for " + since(recovering_since_); break;
    case State::kDead: text = "given up"; break;
  }
  auto connected = connections_.connected_since();
  text += connected ? ", connected for " + since(*connected) : ", no connection";
  if (connections_wanted_ > 1) {
    text += ", " + std::to_string(connections_.standing()) + " of " +
            std::to_string(connections_wanted_) + " connections";
  }
  text += "; " + std::to_string(counters_.requests) + " requests, " +
          std::to_string(counters_.retries) + " retries, waited " +
          format_duration(counters_.throttled_ms) + " for limits; " +
          std::to_string(connections_.pending_calls()) + " in flight of " +
          std::to_string(window_.limit());
  auto oldest = connections_.oldest_pending();
  if (!oldest) return text;
  return text + "\n  the oldest request, " + std::string(oldest->kind) + " (xid " +
         std::to_string(oldest->xid) + "), has waited for " + since(oldest->since);
}

std::string Session::describe() const {
  std::string text = Client::describe();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    auto request = slot.busy ? connections_.pending_call(slot.xid) : std::nullopt;
    if (!request) continue;
    text += "\n  slot " + std::to_string(i) + ": " + std::string(request->kind) + ", sequence id " +
            std::to_string(slot.sequence_id) + ", sent " + since(request->since) + " ago";
  }
  return text;
}

}  // namespace nfsferry::nfs4
