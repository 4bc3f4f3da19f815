// How a session comes to be, comes back, and ends.
#include <algorithm>

#include "base/log.hpp"
#include "nfs4/session.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kProcedureCompound = 1;
constexpr std::uint32_t kMinorVersion = 1;
constexpr std::uint32_t kConfirmed = 0x80000000;  // EXCHGID4_FLAG_CONFIRMED_R
constexpr std::uint64_t kOpenPatienceMs = 30'000;
constexpr std::uint64_t kConnectMs = 10'000;
constexpr std::uint64_t kCloseMs = 3'000;
constexpr auto kStallSaidAfter = std::chrono::seconds(10);
constexpr auto kWatchEvery = std::chrono::milliseconds(500);

Task<void> abort_later(Loop& loop, Connection& connection, CancelToken& stop) {
  Status slept = co_await loop.sleep_for(std::chrono::milliseconds(kCloseMs), &stop);
  if (slept) connection.abort(own_error(Own::kTimeout, "close"));
}

}  // namespace

template <typename Operation>
Task<Result<typename Operation::Reply>> Session::bare(Operation operation) {
  Compound request("session", Repeat::kIdempotent);
  request.add(operation);
  std::uint32_t xid = next_xid_++;
  XdrWriter header;
  encode_call(header, xid, kProgram, kVersion, kProcedureCompound, options_.credentials);
  header.text("");
  header.u32(kMinorVersion);
  header.u32(1);
  ++counters_.requests;
  std::vector<iovec> out = pieces(header, request);
  auto record = co_await connection_->call(xid, std::move(out));
  if (!record) co_return std::move(record).error();
  XdrReader reader(record->bytes);
  NFSFERRY_TRY(Ok header_ok, decode_reply_header(reader), co_return);
  record->bytes = record->bytes.last(reader.remaining());
  auto reply = CompoundReply::parse(*std::move(record), request.operations(), false);
  if (!reply) co_return std::move(reply).error();
  co_return reply->template take<Operation>();
}

Task<Status> Session::open() {
  auto addresses = co_await resolve(loop_, options_.host, options_.port);
  if (!addresses) co_return std::move(addresses).error();
  addresses_ = *std::move(addresses);
  need_client_ = true;
  auto deadline =
      Clock::now() + std::chrono::milliseconds(std::min(kOpenPatienceMs, options_.timeout_ms));
  tasks_.spawn(watch());
  for (unsigned times = 0;; ++times) {
    Status made = co_await recover_once();
    if (made) break;
    bool wait = treatment(made.error()) == Treatment::kRetry && Clock::now() < deadline;
    if (!wait) {
      Error error = std::move(made).error();
      co_await close();
      co_return error;
    }
    co_await back_off(times);
  }
  state_ = State::kReady;
  co_return ok();
}

Task<void> Session::close() {
  bool had_session = state_ == State::kReady;
  state_ = State::kClosed;
  if (connection_ && connection_->connected() && had_session) {
    CancelToken stop;
    TaskGroup guard;
    guard.spawn(abort_later(loop_, *connection_, stop));
    DestroySession session;
    session.session = session_id_;
    auto destroyed = co_await bare(session);
    DestroyClientid client;
    client.clientid = clientid_;
    if (destroyed) (void)co_await bare(client);  // CLIENTID_BUSY on the way out is no error
    stop.cancel();
    co_await guard.join();
  }
  closing_.cancel();
  changed_.pulse();
  if (connection_) connection_->abort(own_error(Own::kCancelled, "close"));
  co_await tasks_.join();
  if (!connection_) co_return;  // below: a recovery may have made another one meanwhile
  connection_->abort(own_error(Own::kCancelled, "close"));
  co_await connection_->join();
}

void Session::start_recovery(Lost lost, std::uint64_t generation) {
  if (state_ != State::kReady && state_ != State::kRecovering) return;
  if (lost != Lost::kConnection && generation != session_generation_) return;  // done since
  if (lost == Lost::kSession) need_session_ = true;
  if (lost == Lost::kClient) need_client_ = true;
  if (state_ == State::kRecovering) return;
  state_ = State::kRecovering;
  tasks_.spawn(recover());
}

Task<void> Session::recover() {
  auto deadline = Clock::now() + std::chrono::milliseconds(options_.timeout_ms);
  bool lost_connection = !connection_->connected();
  if (lost_connection) log(LogLevel::kWarning, where() + ": connection lost, connecting again");
  for (unsigned times = 0; state_ == State::kRecovering; ++times) {
    Status made = co_await recover_once();
    if (made || state_ != State::kRecovering) break;
    const Error& error = made.error();
    Treatment treat = treatment(error);
    bool hopeless = treat == Treatment::kFatal && error.domain != Domain::kOwn;
    if (hopeless || Clock::now() >= deadline) {
      die(own_error(Own::kUnreachable, "reconnect",
                    where() + " stayed away for " + std::to_string(options_.timeout_ms / 1000) +
                        " s (--timeout): " + error.message()));
      co_return;
    }
    co_await back_off(times);
  }
  if (state_ != State::kRecovering) co_return;
  if (lost_connection) log(LogLevel::kInfo, where() + ": connected again");
  state_ = State::kReady;
  changed_.pulse();
}

Task<Status> Session::recover_once() {
  if (!connection_ || !connection_->connected()) {
    NFSFERRY_TRY(Ok connected, co_await reconnect(), co_return);
  }
  if (need_client_) {
    NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
    need_session_ = true;
  }
  if (need_session_) {
    Status session = co_await make_session();
    bool stale = !session && is_status(session.error(), Nfsstat4::kStaleClientid);
    if (stale) {
      NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
      session = co_await make_session();
    }
    if (!session) co_return session;
  }
  co_return co_await restore();
}

Task<Status> Session::restore() {
  if (!need_restore_) co_return ok();
  Status restored = ok();
  if (restore_) restored = co_await restore_();
  if (restored) {
    need_restore_ = false;
    co_return ok();
  }
  switch (treatment(restored.error())) {
    case Treatment::kRetry:
    case Treatment::kReconnect:
    case Treatment::kRebuildSession:
    case Treatment::kRebuildClient: break;
    default: die(restored.error());
  }
  co_return restored;
}

Task<Status> Session::reconnect() {
  if (connection_) co_await connection_->join();
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "close");
  connection_ = std::make_unique<Connection>(loop_, kRecordBytesAsked + 65536);
  std::uint64_t patience = std::min(kConnectMs, options_.timeout_ms);
  Status connected = co_await connection_->connect(addresses_, patience);
  if (!connected) {
    Error error = std::move(connected).error();
    error.detail = where() + (error.detail.empty() ? "" : ": " + error.detail);
    co_return error;
  }
  stall_said_ = false;
  co_return ok();
}

Task<Status> Session::make_client() {
  ExchangeId request;
  request.verifier = boot_verifier_;
  request.owner = owner_id_;
  auto reply = co_await bare(request);
  if (!reply) co_return std::move(reply).error();
  // The number alone proves nothing: nfs-ganesha makes it of the second of its start, a counter
  // and nothing else. A confirmed client id goes on counting where it was (RFC 8881 section
  // 18.35.4).
  bool confirmed = (reply->flags & kConfirmed) != 0;
  if (!confirmed || reply->clientid != clientid_) {
    ++client_generation_;
    need_restore_ = true;
  }
  clientid_ = reply->clientid;
  if (!confirmed) create_sequence_ = reply->sequence_id;
  server_ = *std::move(reply);
  need_client_ = false;
  co_return ok();
}

Task<Status> Session::make_session() {
  CreateSession request;
  request.clientid = clientid_;
  request.sequence_id = create_sequence_;
  request.fore = ChannelAttributes{kRecordBytesAsked, kRecordBytesAsked, 8192, 128, kSlotsAsked};
  auto reply = co_await bare(request);
  if (!reply) co_return std::move(reply).error();
  const ChannelAttributes& granted = reply->fore;
  if (granted.max_requests == 0 || granted.max_requests > 4096 ||
      granted.max_operations < kOperationsLeast || granted.max_request_bytes < kMessageBytesLeast ||
      granted.max_response_bytes < kMessageBytesLeast) {
    co_return own_error(Own::kBadReply, "CREATE_SESSION", "limits that cannot be worked with");
  }
  ++create_sequence_;
  session_id_ = reply->session;
  std::uint32_t slots = std::min(granted.max_requests, kSlotsAsked);
  bool first = session_generation_++ == 0;
  if (first) {
    limits_ = SessionLimits{std::min(granted.max_operations, kOperationsMost), slots,
                            std::min(granted.max_request_bytes, kRecordBytesAsked),
                            std::min(granted.max_response_bytes, kRecordBytesAsked),
                            granted.max_cached_response_bytes};
    slot_window_ = std::make_unique<Semaphore>(slots);
  } else {
    limits_.operations = std::min(limits_.operations, granted.max_operations);
    limits_.slots = slots;
    if (retired_slots_ > 0) slot_window_->release(retired_slots_);
    slot_window_->set_limit(slots);
  }
  slots_.assign(slots, Slot{});
  retired_slots_ = 0;
  Status reclaimed = co_await reclaim_complete();
  need_session_ = !reclaimed;
  co_return reclaimed;
}

// Needed once per client id before any OPEN; after a new session of an old one the answer is
// COMPLETE_ALREADY.
Task<Status> Session::reclaim_complete() {
  Compound request("session", Repeat::kIdempotent);
  request.add(ReclaimComplete{});
  auto reply = co_await call_in_recovery(request);
  if (!reply) co_return std::move(reply).error();
  auto done = reply->take<ReclaimComplete>();
  bool already = reply->status() == Nfsstat4::kCompleteAlready;
  if (done || already) co_return ok();
  co_return std::move(done).error();
}

// Takes slot 0 by hand, since callers wait until recovery is over. Without an answer the slot may
// be out of step: then the session is made anew.
Task<Result<CompoundReply>> Session::call_in_recovery(Compound& request) {
  need_session_ = true;
  Attempt attempt;
  attempt.generation = session_generation_;
  auto record = co_await send(request, attempt);
  if (!record) co_return std::move(record).error();
  XdrReader reader(record->bytes);
  NFSFERRY_TRY(Ok header, decode_reply_header(reader), co_return);
  record->bytes = record->bytes.last(reader.remaining());
  auto reply = CompoundReply::parse(*std::move(record), request.operations(), true);
  if (!reply) co_return std::move(reply).error();
  if (!reply->sequence()) co_return reply->sequence().error();
  advance_slot(attempt);
  need_session_ = false;
  co_return reply;
}

void Session::die(Error why) {
  if (state_ == State::kDead || state_ == State::kClosed) return;
  log(LogLevel::kError, why.message());
  death_ = std::move(why);
  state_ = State::kDead;
  changed_.pulse();
}

Task<void> Session::watch() {
  while (!closing_.is_cancelled()) {
    Status slept = co_await loop_.sleep_for(kWatchEvery, &closing_);
    if (!slept) co_return;
    check_stall();
    auto idle = Clock::now() - last_sent_;
    bool lease_due = idle > std::chrono::seconds(std::max(1u, lease_seconds_ / 3));
    if (state_ == State::kReady && lease_due && !renewing_) tasks_.spawn(renew());
  }
}

// An empty SEQUENCE renews the lease (RFC 8881 section 8.3).
Task<void> Session::renew() {
  renewing_ = true;
  Compound request("SEQUENCE", Repeat::kIdempotent);
  (void)co_await call(request);  // its errors are the session's and dealt with there
  renewing_ = false;
}

void Session::check_stall() {
  if (!connection_ || !connection_->connected()) return;
  auto oldest = connection_->oldest_pending();
  if (!oldest) {
    stall_said_ = false;
    return;
  }
  auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - *oldest);
  std::uint64_t most = state_ == State::kClosed ? std::min(kOpenPatienceMs, options_.timeout_ms)
                                                : options_.timeout_ms;
  if (static_cast<std::uint64_t>(waited.count()) >= most) {
    Error error = own_error(Own::kUnreachable, "wait",
                            where() + " has not answered for " +
                                std::to_string(waited.count() / 1000) + " s (--timeout)");
    connection_->abort(error);
    die(std::move(error));
  } else if (waited >= kStallSaidAfter && !stall_said_) {
    stall_said_ = true;
    log(LogLevel::kWarning,
        where() + ": no answer for " + std::to_string(waited.count() / 1000) + " s, waiting on");
  }
}

}  // namespace nfsferry::nfs4
