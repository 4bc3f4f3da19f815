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
  bool connected = connection_ && connection_->connected();
  text +=
      connected ? ", connected for " + since(connection_->connected_since()) : ", no connection";
  text += "; " + std::to_string(counters_.requests) + " requests, " +
          std::to_string(counters_.retries) + " retries, waited " +
          format_duration(counters_.throttled_ms) + " for limits; " +
          std::to_string(connected ? connection_->pending_calls() : 0) + " in flight of " +
          std::to_string(window_.limit());
  auto oldest = connected ? connection_->oldest_pending() : std::nullopt;
  if (!oldest) return text;
  return text + "\n  the oldest request, " + std::string(oldest->kind) + " (xid " +
         std::to_string(oldest->xid) + "), has waited for " + since(oldest->since);
}

std::string Session::describe() const {
  std::string text = Client::describe();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    auto request = slot.busy && connection_ ? connection_->pending_call(slot.xid) : std::nullopt;
    if (!request) continue;
    text += "\n  slot " + std::to_string(i) + ": " + std::string(request->kind) + ", sequence id " +
            std::to_string(slot.sequence_id) + ", sent " + since(request->since) + " ago";
  }
  return text;
}

}  // namespace nfsferry::nfs4
