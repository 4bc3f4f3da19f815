// The TCP connections of one client to one address of its server: one, or several that carry the
// requests of one session (RFC 8881 section 2.10.5). A connection that has ended is not made again
// here: that is the client's business.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "nfs4/connection.hpp"

namespace nfsferry::nfs4 {

class Connections {
 public:
  // `record_most`: of each connection.
  Connections(Loop& loop, std::size_t record_most) : loop_(loop), record_most_(record_most) {}

  // One that is to be connected yet. Nobody is given it before it is admitted.
  std::shared_ptr<Connection> make();
  void admit(const Connection& connection);
  // The one with the fewest pending calls; null where none stands.
  std::shared_ptr<Connection> least_busy() const;
  // How many are admitted and connected.
  std::size_t standing() const;

  // Ends all of them, those under way included.
  void abort(const Error& why);
  // Waits until what has ended is quiet, and lets go of it.
  Task<void> forget_ended();

  // To be called every so often: `passed` since the last time. Ends the connections on which
  // nothing has reached the server for `dead_after`; the longest silence of the others.
  Silence::Times watch(Silence::Time passed, Silence::Time dead_after);

  // Of those that stand.
  std::size_t pending_calls() const;
  std::optional<Connection::Waiting> oldest_pending() const;
  std::optional<Connection::Waiting> pending_call(std::uint32_t xid) const;
  struct State {
    Clock::time_point connected_since;
    std::size_t pending_calls = 0;
    std::optional<Connection::Waiting> oldest;
  };
  std::vector<State> states() const;  // of those that stand

 private:
  struct Member {
    std::shared_ptr<Connection> connection;
    bool admitted = false;
    bool stands() const { return admitted && connection->connected(); }
  };

  Loop& loop_;
  std::size_t record_most_;
  std::vector<Member> members_;
};

}  // namespace nfsferry::nfs4
