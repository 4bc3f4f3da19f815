// What a client waits for, for people.
#include "base/units.hpp"
#include "nfs4/session.hpp"

namespace nfsferry::nfs4 {
namespace {

std::string since(Clock::time_point when) {
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - when);
  return format_duration(static_cast<std::uint64_t>(passed.count()));
}

std::string said(const Connection::Waiting& request) {
  return std::string(request.kind) + " (xid " + std::to_string(request.xid) + "), has waited for " +
         since(request.since);
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
  auto connections = connections_.states();
  if (connections.empty()) text += ", no connection";
  if (connections_wanted_ > 1) {
    text += ", " + std::to_string(connections.size()) + " of " +
            std::to_string(connections_wanted_) + " connections";
  } else if (!connections.empty()) {
    text += ", connected for " + since(connections.front().connected_since);
  }
  text += "; " + std::to_string(counters_.requests) + " requests, " +
          std::to_string(counters_.retries) + " retries, waited " +
          format_duration(counters_.throttled_ms) + " for limits; " +
          std::to_string(connections_.pending_calls()) + " in flight of " +
          std::to_string(window_.limit());
  auto oldest = connections_.oldest_pending();
  if (oldest) text += "\n  the oldest request, " + said(*oldest);
  for (std::size_t i = 0; connections_wanted_ > 1 && i < connections.size(); ++i) {
    const Connections::State& one = connections[i];
    text += "\n  connection " + std::to_string(i + 1) + ": connected for " +
            since(one.connected_since) + ", " + std::to_string(one.pending_calls) + " in flight";
    if (one.oldest) text += "; the oldest, " + said(*one.oldest);
  }
  return text;
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
