// A client of one NFSv4 server: its connections, who we are to the server, and every recovery in
// one place. A caller sees a reply, an error of its own request, or kOutcomeUnknown for a request
// that must not be repeated blindly; lost connections, lost state, DELAY and GRACE of a whole
// request are dealt with here, by the treatment table. The minor versions differ in what keeps
// requests apart and how state comes back: `Session` is 4.1's, `Client40` 4.0's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/treatment.hpp"
#include "base/window.hpp"
#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "nfs4/compound.hpp"
#include "nfs4/connections.hpp"
#include "nfs4/rpc.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs4 {

struct ClientOptions {
  std::string host;
  std::uint16_t port = 2049;
  Credentials credentials;
  std::uint64_t timeout_ms = 300'000;  // how long the server may stay away
  Pace* pace = nullptr;                // of requests; null: as fast as they come
  std::uint32_t connections = 1;       // of a 4.1 session; 4.0 has one
};

// What the server grants, lowered by what was learned since.
struct ClientLimits {
  std::uint32_t operations = 0;  // in one COMPOUND, 4.1's SEQUENCE included
  std::uint32_t slots = 0;       // requests in flight
  std::uint32_t request_bytes = 0;
  std::uint32_t response_bytes = 0;
  std::uint32_t cached_response_bytes = 0;  // 4.1 only
};

// What a 4.1 server says of itself; empty on 4.0.
struct ServerName {
  std::string owner;
  std::string scope;
};

// The server has no room for it now, and nothing helps but waiting: DELAY, GRACE, and RESOURCE
// where the request cannot be made smaller.
bool is_busy(const Error& error);

class Client {
 public:
  // Fewer cannot be worked with: SEQUENCE and a directory that is made and given away.
  static constexpr std::uint32_t kOperationsLeast = 8;
  static constexpr std::uint32_t kBytesLeast = 32768;  // of a request, of a reply
  static constexpr std::uint32_t kRecordBytesAsked = (1u << 20) + 65536;

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client();

  // Resolves, connects once (no patience: a refused connection is an error at once), makes what the
  // version calls a client. Goes on with fewer connections than asked for, and says so. Errors:
  // errno of the first connect, kNameResolution, kTimeout, nfsstat4.
  Task<Status> open();
  // Gives the server's state back and closes. No error stops it; a server that does not answer is
  // waited for as long as `patience`.
  static constexpr std::chrono::milliseconds kClosePatience{3'000};
  Task<void> close(std::chrono::milliseconds patience = kClosePatience);

  // Sends a COMPOUND and waits for its reply. Idempotent requests are repeated until they were
  // executed without DELAY or GRACE, the least also without RESOURCE. The least is also sent again
  // a few times when it is executed only in part, or refused as too much. Errors: kOutcomeUnknown
  // (Repeat::kOnce only), kRequestRefused (lost with its connection twice), kUnreachable (the
  // client is dead), RPC errors.
  virtual Task<Result<CompoundReply>> call(Compound& request) = 0;

  // What a lost client id took with it (a lock) is taken again by `restore`: after every new client
  // id and before any caller's request is sent in it. It asks by call_in_recovery and may back off.
  // An error that waiting and connecting again cannot mend ends the client.
  void set_restore(std::function<Task<Status>()> restore) { restore_ = std::move(restore); }
  // For `restore` alone: one request, sent once. Errors: as they come, nothing is recovered from.
  virtual Task<Result<CompoundReply>> call_in_recovery(Compound& request) = 0;

  // The smallest request that proves the client alive at the server; it renews the lease.
  Task<Status> ping();

  // Adapts to an error that means "send less": `executed` operations of the request were done.
  // False when the limits are as low as they go.
  bool learn_smaller(const Compound& request, const Error& error, std::size_t executed);
  // No limit is ever learned that this request would not keep.
  static bool is_least(const Compound& request);
  // Whether what the request asks for is to be asked for in parts, after this error.
  static bool wants_less(const Compound& request, const Error& error);
  // Waits before something is tried the `times`th time again; counted as throttled.
  Task<void> back_off(unsigned times);
  // False once the server has been busy for longer than the timeout.
  bool may_wait(std::optional<Clock::time_point>& delayed_since) const;

  // A stateid for what a request does with the file that it has opened or locked itself: the
  // current stateid, where there is one.
  virtual Stateid opened_stateid() const = 0;
  bool has_current_stateid() const { return opened_stateid() == Stateid::current(); }
  // Ends the work of a request on the file that it has opened, which is the current one: by CLOSE,
  // or by whatever else it takes to have it closed.
  virtual void add_close(Compound& request) const = 0;
  virtual Status take_close(CompoundReply& reply) const = 0;

  // What it waits for: connection, oldest request, what is in flight. Lines for people.
  virtual std::string describe() const;

  virtual std::string_view version() const = 0;  // "4.1"
  virtual ServerName server_name() const { return {}; }
  const ClientLimits& limits() const { return limits_; }
  // As many as the server has let us make.
  std::uint32_t connections() const { return connections_wanted_; }
  // What the server's file system takes at most in one READ and one WRITE; 0: it did not say.
  virtual void note_sizes(std::uint64_t /*max_read*/, std::uint64_t /*max_write*/) {}
  const TreeCounters& counters() const { return counters_; }
  // Requests that were answered with success, but for those that only renew.
  std::uint64_t answers() const { return answers_; }
  std::uint32_t lease_seconds() const { return lease_seconds_; }
  void set_lease_seconds(std::uint32_t seconds) { lease_seconds_ = seconds; }
  // Counts client ids: state (opens, locks) of an earlier one is gone.
  std::uint64_t client_generation() const { return client_generation_; }
  void count_retry() { ++counters_.retries; }
  Loop& loop() { return loop_; }
  std::uint64_t timeout_ms() const { return options_.timeout_ms; }
  const std::string& host() const { return options_.host; }

 protected:
  enum class State : std::uint8_t { kClosed, kReady, kRecovering, kDead };
  static constexpr unsigned kLossesMost = 2;    // connections that may end under one request
  static constexpr unsigned kRefusedMost = 8;   // system errors of the RPC layer under one request
  static constexpr unsigned kTooMuchMost = 4;   // times that the least is answered as too much
  static constexpr unsigned kRebuildsMost = 8;  // states that a server may lose under one request

  // Connections that have ended under one request.
  struct Losses {
    unsigned connections = 0;
    Clock::time_point last = Clock::time_point::min();
    // Null: it was not sent. What cut one connection may have cut the others as well, and the
    // request with it that has gone over to them: only what was connected after the last loss says
    // something about the request.
    void count(const Connection* lost);
  };

  // `in_flight_most`: requests, until the server grants less.
  Client(Loop& loop, ClientOptions options, std::uint32_t minor_version,
         std::uint32_t in_flight_most);

  // One attempt at everything that is missing: connection, client id and what hangs on it; ends
  // with restore().
  virtual Task<Status> recover_once() = 0;
  // Gives back what the server keeps for us, over a connection that stands.
  virtual Task<void> depart() = 0;
  // The request that renews the lease.
  virtual Compound renewal() const = 0;
  // What is put off until then, so that nothing is put off longer than a third of the lease.
  virtual void after_renewal() {}
  // Tells the server of a connection beside those that it knows, before requests take it.
  virtual Task<Status> bind_connection(Connection& /*connection*/) { co_return ok(); }

  // Until the run's limit lets a caller's request be sent; what only renews the lease never waits.
  Task<void> keep_pace(const Compound& request);
  Task<Status> wait_ready();
  // Starts recover() unless it is at work already, or there is nothing to recover.
  void begin_recovery();
  // A request has lost its connection: that one is made again, the others go on.
  void note_loss();
  // Where none stands.
  Task<Status> reconnect();
  Task<Status> restore();
  // The answer to this request, executed up to here, is to be waited out.
  static bool is_busy_with(const Compound& request, const Error& error);
  // And by us, as there is still time.
  bool waits_for(const Compound& request, const Error& error,
                 std::optional<Clock::time_point>& delayed_since) const;
  // It is too much for the server, and cannot be made smaller. That may pass.
  static bool is_least_refused(const Compound& request, const Error& error);
  static bool is_least_partial(const Compound& request, const CompoundReply& reply);
  // Says so when a server refuses the least as too much.
  static Error explained(const Compound& request, Error error);
  // Lowers the limit to what a new session grants.
  void grant_operations(std::uint32_t granted);
  // What a reply tells of how much the server can take; `full`: others wait for its place.
  void learn_load(const Compound& request, Nfsstat4 status, bool full);
  std::string where() const;

  // Everything before the operations of a COMPOUND.
  XdrWriter header_of(std::uint32_t xid, std::size_t operations) const;
  // Sends a request whose header is complete but for its record mark; the reply after its xid.
  // Errors: kConnectionLost, also without a connection.
  Task<Result<Chunk>> transmit(Connection* connection, std::uint32_t xid, XdrWriter& header,
                               const Compound& request);
  // The same for a request without SEQUENCE that is no caller's (SETCLIENTID and the like).
  Task<Result<CompoundReply>> bare_call(Connection* connection, const Compound& request);
  template <typename Operation>
  Task<Result<typename Operation::Reply>> bare_over(Connection* connection, Operation operation) {
    Compound request("session", Repeat::kIdempotent);
    request.add(operation);
    auto reply = co_await bare_call(connection, request);
    if (!reply) co_return std::move(reply).error();
    co_return reply->template take<Operation>();
  }
  template <typename Operation>
  Task<Result<typename Operation::Reply>> bare(Operation operation) {
    std::shared_ptr<Connection> connection = connections_.least_busy();
    co_return co_await bare_over(connection.get(), std::move(operation));
  }

  Loop& loop_;
  ClientOptions options_;
  State state_ = State::kClosed;
  Connections connections_;
  TaskGroup tasks_;
  CancelToken closing_;
  std::string owner_id_;  // unique per client object: two runs never take each other's state
  std::uint64_t client_generation_ = 0;
  bool need_restore_ = false;
  ClientLimits limits_;
  Window window_;  // of requests in flight
  TreeCounters counters_;
  std::uint64_t answers_ = 0;
  std::uint32_t next_xid_ = 0;

 private:
  std::uint64_t connect_patience_ms() const;
  Task<void> recover();
  // One that no request takes yet.
  Task<Result<std::shared_ptr<Connection>>> connect(const std::vector<Address>& addresses);
  // Makes the connections that are missing beside one that stands, each tried once; the first
  // error.
  Task<Status> complete();
  Task<void> add_connection(Status& added);
  // complete() in the background.
  void start_mending();
  Task<void> mend();
  void settle_for_fewer(const Error& why);
  void die(Error why);
  void look(Silence::Time passed);
  Task<void> renew();
  void check_silence(Silence::Time passed);
  void grow_operations();
  std::vector<iovec> pieces(XdrWriter& header, const Compound& request) const;
  // Sends the request and counts it.
  Task<Result<Chunk>> ask(Connection* connection, std::uint32_t xid, XdrWriter& header,
                          const Compound& request, std::string_view kind);

  Clock::time_point recovering_since_{};
  std::uint32_t minor_version_;
  bool every_request_renews_;  // by its SEQUENCE; on 4.0 it takes a RENEW, however busy we are
  std::optional<Error> death_;
  Event changed_;  // pulsed when state_ changes
  std::vector<Address> addresses_;
  std::function<Task<Status>()> restore_;
  std::uint32_t lease_seconds_ = 90;
  Clock::time_point renewed_{};  // when a request that renews the lease was last sent
  std::uint32_t connections_wanted_;
  bool mending_ = false;
  SilenceJudge silence_;
  bool renewing_ = false;
  // After RESOURCE, which may be a passing state: what limits_.operations was, how often that came,
  // and how many requests of more than half the limit have been answered since.
  std::uint32_t operations_before_ = 0;
  unsigned resource_times_ = 0;
  std::uint32_t answered_since_ = 0;
};

// How long a busy server has been waited for: from its first refusal on.
struct Patience {
  unsigned times = 0;
  std::optional<Clock::time_point> since;
};

// Before anything else is done about an error, which may take time as well.
void note_refusal(const Error& error, Patience& patience);

// For the caller of a request that cannot be made smaller and may have stopped half-way: true if
// this error means to wait (done here), then try again; false also once the server has been busy
// for longer than the timeout.
Task<bool> wait_and_retry(Client& client, const Error& error, Patience& patience);

}  // namespace nfsferry::nfs4
