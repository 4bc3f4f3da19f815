// A client's session with one NFSv4.1 server (RFC 8881 section 2.10): slots as the concurrency
// window, and every recovery in one place. A caller sees a reply, an error of its own request, or
// kOutcomeUnknown for a request that must not be repeated blindly; lost connections, lost
// sessions, DELAY and GRACE of a whole request are dealt with here, by the treatment table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/treatment.hpp"
#include "loop/loop.hpp"
#include "nfs4/compound.hpp"
#include "nfs4/connection.hpp"
#include "nfs4/rpc.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs4 {

struct SessionOptions {
  std::string host;
  std::uint16_t port = 2049;
  Credentials credentials;
  std::uint64_t timeout_ms = 300'000;  // how long the server may stay away
};

// What the server granted, lowered by what was learned since.
struct SessionLimits {
  std::uint32_t operations = 0;  // in one COMPOUND, SEQUENCE included
  std::uint32_t slots = 0;
  std::uint32_t request_bytes = 0;
  std::uint32_t response_bytes = 0;
  std::uint32_t cached_response_bytes = 0;
};

class Session {
 public:
  static constexpr std::uint32_t kOperationsMost = 100;
  static constexpr std::uint32_t kOperationsLeast = 8;       // fewer cannot be worked with
  static constexpr std::uint32_t kMessageBytesLeast = 8192;  // of a request, of a reply
  static constexpr std::uint32_t kSlotsAsked = 64;
  static constexpr std::uint32_t kRecordBytesAsked = (1u << 20) + 65536;

  Session(Loop& loop, SessionOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Resolves, connects once (no patience: a refused connection is an error at once), makes client
  // id and session. Errors: errno of connect, kNameResolution, kTimeout, nfsstat4.
  Task<Status> open();
  // DESTROY_SESSION, DESTROY_CLIENTID, closes. No error stops it; bounded.
  Task<void> close();

  // Sends a COMPOUND in a slot and waits for its reply. Idempotent requests are repeated until
  // they were executed without DELAY or GRACE. Errors: kOutcomeUnknown (Repeat::kOnce only),
  // kRequestRefused (lost with its connection twice), kUnreachable (the session is dead), RPC
  // errors, nfsstat4 of SEQUENCE that mean less must be sent.
  Task<Result<CompoundReply>> call(Compound& request);

  // What a lost client id took with it (a lock) is taken again by `restore`: after every new client
  // id and before any caller's request is sent in it. It asks by call_in_recovery and may back off.
  // An error that waiting and connecting again cannot mend ends the session.
  void set_restore(std::function<Task<Status>()> restore) { restore_ = std::move(restore); }
  // For `restore` alone: one request, sent once. Errors: as they come, nothing is recovered from.
  Task<Result<CompoundReply>> call_in_recovery(Compound& request);

  // Adapts to an error that means "send less": `executed` operations of the request were done.
  // False when the limits are as low as they go.
  bool learn_smaller(const Compound& request, const Error& error, std::size_t executed);
  // Waits before something is tried the `times`th time again; counted as throttled.
  Task<void> back_off(unsigned times);

  const SessionLimits& limits() const { return limits_; }
  const TreeCounters& counters() const { return counters_; }
  std::uint32_t lease_seconds() const { return lease_seconds_; }
  void set_lease_seconds(std::uint32_t seconds) { lease_seconds_ = seconds; }
  const ExchangeId::Reply& server() const { return server_; }
  // Counts client ids: state (opens, locks) of an earlier one is gone.
  std::uint64_t client_generation() const { return client_generation_; }
  void count_retry() { ++counters_.retries; }
  Loop& loop() { return loop_; }
  std::uint64_t timeout_ms() const { return options_.timeout_ms; }
  const std::string& host() const { return options_.host; }

 private:
  struct Slot {
    std::uint32_t sequence_id = 1;
    bool busy = false;
  };
  enum class State : std::uint8_t { kClosed, kReady, kRecovering, kDead };
  enum class Lost : std::uint8_t { kConnection, kSession, kClient };
  // What is to be done after one exchange on a slot.
  enum class Next : std::uint8_t { kDone, kAgain, kSameSlot };
  struct Attempt {
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    unsigned sent = 0;  // times it went out in this session
    unsigned connections_lost = 0;
    unsigned delays = 0;
    unsigned rebuilds = 0;  // sessions that were lost under it
    std::optional<Clock::time_point> delayed_since;
    std::optional<Result<CompoundReply>> result;
  };

  Task<Status> wait_ready();
  std::uint32_t take_slot();
  void release_slot(const Attempt& attempt);
  Task<Next> exchange(Compound& request, Attempt& attempt);
  Task<Next> after_loss(const Compound& request, Attempt& attempt);
  Task<Next> after_delay(const Compound& request, Attempt& attempt);
  // In the same slot, or over again when its session is gone meanwhile.
  Next go_on(const Compound& request, Attempt& attempt);
  Task<Next> after_sequence_error(const Compound& request, Attempt& attempt, Error error);
  Task<Next> after_reply(const Compound& request, Attempt& attempt, CompoundReply reply);
  Next finish(Attempt& attempt, Result<CompoundReply> result);
  // False once the server has said DELAY for longer than the timeout.
  bool may_wait(Attempt& attempt) const;
  // The request was executed and its reply is gone.
  Next executed_unseen(const Compound& request, Attempt& attempt);
  // The slot's state at the server is unknown: it is not used again in this session.
  Next retire(Attempt& attempt, Error error);
  void advance_slot(const Attempt& attempt);
  Task<Result<Chunk>> send(const Compound& request, const Attempt& attempt);
  // One request without SEQUENCE (EXCHANGE_ID and the like).
  template <typename Operation>
  Task<Result<typename Operation::Reply>> bare(Operation operation);
  std::vector<iovec> pieces(XdrWriter& header, const Compound& request) const;

  void start_recovery(Lost lost, std::uint64_t generation);
  Task<void> recover();
  Task<Status> recover_once();
  Task<Status> reconnect();
  Task<Status> make_client();
  Task<Status> make_session();
  Task<Status> reclaim_complete();
  Task<Status> restore();
  void die(Error why);
  Task<void> watch();
  Task<void> renew();
  void check_stall();
  std::string where() const;

  Loop& loop_;
  SessionOptions options_;
  State state_ = State::kClosed;
  std::optional<Error> death_;
  Event changed_;  // pulsed when state_ changes
  std::vector<Address> addresses_;
  std::unique_ptr<Connection> connection_;
  TaskGroup tasks_;
  CancelToken closing_;

  std::string owner_id_;
  Verifier boot_verifier_{};
  std::uint64_t clientid_ = 0;
  std::uint32_t create_sequence_ = 0;
  ExchangeId::Reply server_;
  SessionId session_id_{};
  std::uint64_t session_generation_ = 0;
  std::uint64_t client_generation_ = 0;
  bool need_session_ = false;
  bool need_client_ = false;
  std::function<Task<Status>()> restore_;
  bool need_restore_ = false;

  std::vector<Slot> slots_;
  std::uint32_t retired_slots_ = 0;
  std::unique_ptr<Semaphore> slot_window_;
  SessionLimits limits_;
  TreeCounters counters_;
  std::uint32_t next_xid_ = 0;
  std::uint32_t lease_seconds_ = 90;
  Clock::time_point last_sent_{};
  bool stall_said_ = false;
  bool renewing_ = false;
};

}  // namespace nfsferry::nfs4
