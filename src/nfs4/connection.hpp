// One TCP connection that carries RPC records: many calls out, replies in any order. Replies are
// received into pool buffers of their own, so that of a payload only what came with the header is
// copied again. Reconnecting is the session's business: a connection that has ended stays ended.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"
#include "loop/resolve.hpp"
#include "loop/silence.hpp"

namespace nfsferry::nfs4 {

class Connection {
 public:
  // Records above this are refused: the connection ends with kBadReply.
  Connection(Loop& loop, std::size_t record_most) : loop_(loop), record_most_(record_most) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Tries the addresses in order. TCP_NODELAY. Errors: the most hopeful address's errno, kTimeout.
  Task<Status> connect(const std::vector<Address>& addresses, std::uint64_t timeout_ms);

  // Sends one record (the pieces, record mark included, live until this returns) and waits for
  // the reply with this xid, from its RPC header after the xid on. `kind` is what people are told
  // of it while it waits, and lives as long. Errors: kConnectionLost.
  Task<Result<Chunk>> call(std::uint32_t xid, std::vector<iovec> pieces,
                           std::string_view kind = {});

  bool connected() const { return running_; }
  bool ended() const { return ended_.has_value(); }
  // The one of the addresses that was reached.
  const Address& address() const { return address_; }
  // Ends the connection, or a connect under way: everything pending fails with this error.
  void abort(Error why);
  // Waits until reader and writer have ended. Call after abort, before destruction.
  Task<void> join();

  Clock::time_point connected_since() const { return connected_since_; }
  struct Waiting {
    std::uint32_t xid = 0;
    std::string_view kind;
    Clock::time_point since;
  };
  // To be called every so often: `passed` since the last time.
  const Silence::Times& watch(Silence::Time passed);
  std::size_t pending_calls() const { return pending_.size(); }
  // The pending call that waits longest, or the one with this xid; nothing where there is none.
  std::optional<Waiting> oldest_pending() const;
  std::optional<Waiting> pending_call(std::uint32_t xid) const;

 private:
  struct Pending {
    Waiting call;
    std::vector<iovec> pieces;
    bool sending = false;  // the kernel may still read the caller's bytes
    Event done;
    std::optional<Result<Chunk>> reply;
  };
  // What was received and not yet looked at.
  struct Staging {
    BufferRef buffer;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t size() const { return end - begin; }
  };

  Task<void> read_records();
  Task<Result<Chunk>> read_record();
  // At least `want` bytes in staging.
  Task<Status> fill(std::size_t want);
  // Fills `into` from staging, then straight from the socket.
  Task<Status> receive(std::span<std::byte> into);
  Task<void> write_records();
  void dispatch(Chunk record);
  void finish(Pending& pending);
  void fail_pending();

  Loop& loop_;
  const std::size_t record_most_;
  UniqueFd fd_;
  Address address_;
  Silence silence_;
  bool running_ = false;
  Clock::time_point connected_since_{};
  std::optional<Error> ended_;
  CancelToken cancel_;
  CancelToken* connecting_ = nullptr;
  TaskGroup tasks_;
  Staging staging_;
  std::deque<Pending*> outgoing_;
  Event work_;  // something to send, or the end
  Event writer_ended_;
  std::unordered_map<std::uint32_t, Pending*> pending_;
};

}  // namespace nfsferry::nfs4
