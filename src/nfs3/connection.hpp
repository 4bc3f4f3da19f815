// One TCP connection of libnfs's raw API on our loop: many calls out, replies in any order. libnfs
// writes and reads its socket itself, when the loop says that it may; its callbacks store what came
// and wake who waits. A connection that has ended stays ended. libnfs tries a privileged local port
// first where the process may have one, which servers with the default of `secure` ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"
#include "loop/resolve.hpp"
#include "loop/silence.hpp"

struct rpc_context;

namespace nfsferry::nfs3 {

inline constexpr std::size_t kGroupsMost = 16;

// AUTH_SYS (RFC 5531 appendix A).
struct Credentials {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // the first kGroupsMost are sent
};

class Connection;

// One request and what becomes of its reply. Stays where it is from send() until it is done; what
// its arguments point to, too.
class Call {
 public:
  explicit Call(std::string_view kind) : kind_(kind) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  std::string_view kind() const { return kind_; }
  // Of a request that libnfs cannot send: it goes over a connection of its own, anew each time.
  // `sent` tells whether there was one. Errors: of the connection, the reply's.
  virtual bool goes_alone() const { return false; }
  virtual Task<Status> perform_alone(bool& sent);

 protected:
  // Queues the request. False: libnfs would not have it.
  virtual bool queue(rpc_context* rpc) = 0;
  // Takes what is needed of the decoded reply, which is gone afterwards. Errors: the reply's.
  virtual Status take(void* reply) = 0;
  // What libnfs calls, with the Call as its private data.
  static void on_reply(rpc_context* rpc, int status, void* data, void* call);

 private:
  friend class Connection;
  std::string_view kind_;  // "GETATTR", lives as long
  Connection* connection_ = nullptr;
  Clock::time_point since_{};
  Event done_;
  std::optional<Status> outcome_;
};

class Connection {
 public:
  explicit Connection(Loop& loop) : loop_(loop) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Errors: errno, kTimeout.
  Task<Status> connect(const Address& address, std::uint64_t timeout_ms,
                       const Credentials& credentials);
  // Errors: those of the reply, kConnectionLost, kBadReply, RPC errors, what abort() was given.
  Task<Status> perform(Call& call);

  bool stands() const { return running_ && !ended_; }
  bool ended() const { return ended_.has_value(); }
  // Ends it, or a connect under way: everything pending fails with this error, soon.
  void abort(Error why);
  // Waits until all is quiet. Call after abort, before destruction.
  Task<void> join();

  struct Waiting {
    std::string_view kind;
    Clock::time_point since;
  };
  // To be called every so often: `passed` since the last time.
  const Silence::Times& watch(Silence::Time passed);
  std::size_t pending_calls() const { return pending_.size(); }
  std::optional<Waiting> oldest_pending() const;
  Clock::time_point connected_since() const { return connected_since_; }

 private:
  friend class Call;

  Status begin(const Address& address, const Credentials& credentials);
  Task<Status> await_connected();
  Task<void> run();
  Task<void> receive();
  Task<void> transmit();
  void service(int events);
  void destroy();
  Error failure(const Call& call, const std::string& words);

  Loop& loop_;
  rpc_context* rpc_ = nullptr;
  int fd_ = -1;  // libnfs's
  bool running_ = false;
  Clock::time_point connected_since_{};
  std::optional<Error> ended_;
  Silence silence_;
  CancelToken cancel_;
  TaskGroup tasks_;
  Event work_;                  // something to send, or the end
  std::vector<Call*> pending_;  // oldest first
};

}  // namespace nfsferry::nfs3
