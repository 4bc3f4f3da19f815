#include "nfs4/connections.hpp"

#include <algorithm>

namespace nfsferry::nfs4 {

std::shared_ptr<Connection> Connections::make() {
  members_.push_back(Member{std::make_shared<Connection>(loop_, record_most_)});
  return members_.back().connection;
}

void Connections::admit(const Connection& connection) {
  for (Member& member : members_) {
    if (member.connection.get() == &connection) member.admitted = true;
  }
}

std::shared_ptr<Connection> Connections::least_busy() const {
  std::shared_ptr<Connection> found;
  for (const Member& member : members_) {
    if (!member.stands()) continue;
    bool less = !found || member.connection->pending_calls() < found->pending_calls();
    if (less) found = member.connection;
  }
  return found;
}

std::size_t Connections::standing() const {
  auto stands = [](const Member& member) { return member.stands(); };
  return static_cast<std::size_t>(std::ranges::count_if(members_, stands));
}

void Connections::abort(const Error& why) {
  for (const Member& member : members_) member.connection->abort(why);
}

// What has ended is taken out first: others may come for it, too, while this one waits.
Task<void> Connections::forget_ended() {
  std::vector<std::shared_ptr<Connection>> ended;
  for (const Member& member : members_) {
    if (member.connection->ended()) ended.push_back(member.connection);
  }
  std::erase_if(members_, [](const Member& member) { return member.connection->ended(); });
  for (const auto& connection : ended) co_await connection->join();
}

Silence::Times Connections::watch(Silence::Time passed, Silence::Time dead_after) {
  Silence::Times longest;
  for (const Member& member : members_) {
    if (!member.stands()) continue;
    const Silence::Times& one = member.connection->watch(passed);
    if (one.unacknowledged >= dead_after)
      member.connection->abort(Silence::nothing_acknowledged());
    else
      longest.add(one);
  }
  return longest;
}

std::size_t Connections::pending_calls() const {
  std::size_t calls = 0;
  for (const Member& member : members_) {
    if (member.stands()) calls += member.connection->pending_calls();
  }
  return calls;
}

std::optional<Connection::Waiting> Connections::oldest_pending() const {
  std::optional<Connection::Waiting> oldest;
  for (const Member& member : members_) {
    auto one = member.stands() ? member.connection->oldest_pending() : std::nullopt;
    if (one && (!oldest || one->since < oldest->since)) oldest = one;
  }
  return oldest;
}

std::optional<Connection::Waiting> Connections::pending_call(std::uint32_t xid) const {
  for (const Member& member : members_) {
    auto call = member.connection->pending_call(xid);
    if (call) return call;
  }
  return std::nullopt;
}

std::vector<Connections::State> Connections::states() const {
  std::vector<State> states;
  for (const Member& member : members_) {
    if (!member.stands()) continue;
    const Connection& one = *member.connection;
    states.push_back({one.connected_since(), one.pending_calls(), one.oldest_pending()});
  }
  return states;
}

}  // namespace nfsferry::nfs4
