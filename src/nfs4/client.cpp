#include "nfs4/client.hpp"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "base/log.hpp"
#include "loop/deadline.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kProcedureCompound = 1;
constexpr std::uint64_t kConnectMs = 10'000;
constexpr std::uint32_t kAnsweredUntilMore = 64;
constexpr unsigned kResourceTimesMost = 10;

bool only_renews(const Compound& request) {
  return request.operations().empty() || request.operations().front() == Op::kRenew;
}

}  // namespace

bool is_busy(const Error& error) {
  return treatment(error) == Treatment::kRetry || is_status(error, Nfsstat4::kResource);
}

Client::Client(Loop& loop, ClientOptions options, std::uint32_t minor_version,
               std::uint32_t in_flight_most)
    : loop_(loop),
      options_(std::move(options)),
      connections_(loop, kRecordBytesAsked + 65536),
      window_(in_flight_most),
      minor_version_(minor_version),
      every_request_renews_(minor_version > 0),
      connections_wanted_(minor_version > 0 ? options_.connections : 1) {
  std::random_device random;
  char name[256] = "host";
  ::gethostname(name, sizeof name - 1);
  if (options_.credentials.machine_name.empty()) options_.credentials.machine_name = name;
  owner_id_ = "nfsferry:" + options_.credentials.machine_name + ":" + std::to_string(::getpid()) +
              ":" + std::to_string(random()) + std::to_string(random());
  next_xid_ = random();
}

Client::~Client() { check(tasks_.running() == 0, "a client is closed before it ends"); }

std::string Client::where() const { return options_.host + ":" + std::to_string(options_.port); }

std::uint64_t Client::connect_patience_ms() const {
  return std::min(kConnectMs, options_.timeout_ms);
}

Task<Status> Client::open() {
  auto addresses = co_await resolve(loop_, options_.host, options_.port, &closing_);
  if (!addresses) co_return std::move(addresses).error();
  addresses_ = *std::move(addresses);
  auto deadline =
      Clock::now() + std::min(Silence::kOpenPatience, Silence::Time(options_.timeout_ms));
  auto take_look = [this](Silence::Time passed) { look(passed); };
  tasks_.spawn(Silence::watch(loop_, closing_, std::move(take_look)));
  for (unsigned times = 0;; ++times) {
    Status made = co_await recover_once();
    if (made) break;
    Treatment treat = treatment(made.error());
    bool passing = is_busy(made.error()) || treat == Treatment::kRebuildSession ||
                   treat == Treatment::kRebuildClient;
    if (!passing || Clock::now() >= deadline) {
      Error error = std::move(made).error();
      co_await close();
      co_return error;
    }
    co_await back_off(times);
  }
  if (closing_.is_cancelled()) {  // meanwhile
    co_await close();
    co_return own_error(Own::kCancelled, "open");
  }
  renewed_ = Clock::now();
  state_ = State::kReady;
  Status all = co_await complete();
  if (state_ == State::kClosed) co_return own_error(Own::kCancelled, "open");
  if (!all) settle_for_fewer(all.error());
  co_return ok();
}

// A recovery that is under way may be what lets go of a lock.
Task<void> Client::close(std::chrono::milliseconds patience) {
  if (connections_.standing() > 0) {
    Deadline deadline(loop_, patience, [this] {
      state_ = State::kClosed;
      changed_.pulse();
      connections_.abort(own_error(Own::kTimeout, "close"));
    });
    Status ready = co_await wait_ready();
    state_ = State::kClosed;
    if (ready) co_await depart();
    co_await deadline.end();
  }
  state_ = State::kClosed;
  closing_.cancel();
  changed_.pulse();
  Error closed = own_error(Own::kCancelled, "close");
  connections_.abort(closed);
  co_await tasks_.join();
  connections_.abort(closed);  // a recovery may have made another one meanwhile
  co_await connections_.forget_ended();
}

Task<void> Client::keep_pace(const Compound& request) {
  if (options_.pace == nullptr || only_renews(request)) co_return;
  co_await options_.pace->await_request(loop_, &closing_);
}

Task<Status> Client::wait_ready() {
  while (state_ == State::kRecovering) co_await changed_.wait();
  if (state_ == State::kReady) co_return ok();
  if (death_) co_return *death_;
  co_return own_error(Own::kCancelled, "call", "the session is closed");
}

bool Client::may_wait(std::optional<Clock::time_point>& delayed_since) const {
  auto now = Clock::now();
  if (!delayed_since) delayed_since = now;
  return now - *delayed_since < std::chrono::milliseconds(options_.timeout_ms);
}

XdrWriter Client::header_of(std::uint32_t xid, std::size_t operations) const {
  XdrWriter header;
  encode_call(header, xid, kProgram, kVersion, kProcedureCompound, options_.credentials);
  header.text("");
  header.u32(minor_version_);
  header.u32(static_cast<std::uint32_t>(operations));
  return header;
}

std::vector<iovec> Client::pieces(XdrWriter& header, const Compound& request) const {
  patch_record_mark(header, header.size() - 4 + request.body().size());
  std::vector<iovec> out;
  header.append_pieces(out);
  request.body().append_pieces(out);
  return out;
}

Task<Result<Chunk>> Client::ask(Connection* connection, std::uint32_t xid, XdrWriter& header,
                                const Compound& request, std::string_view kind) {
  if (connection == nullptr) co_return own_error(Own::kConnectionLost, "send");
  ++counters_.requests;
  std::vector<iovec> out = pieces(header, request);
  co_return co_await connection->call(xid, std::move(out), kind);
}

Task<Result<Chunk>> Client::transmit(Connection* connection, std::uint32_t xid, XdrWriter& header,
                                     const Compound& request) {
  auto started = Clock::now();
  if (every_request_renews_) renewed_ = started;
  auto record = co_await ask(connection, xid, header, request, request.kind());
  if (record) {
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started);
    auto histogram = counters_.latency.find(request.kind());
    if (histogram == counters_.latency.end()) {
      histogram = counters_.latency.emplace(std::string(request.kind()), LatencyHistogram{}).first;
    }
    histogram->second.add(static_cast<std::uint64_t>(took.count()));
  }
  co_return record;
}

Task<Result<CompoundReply>> Client::bare_call(Connection* connection, const Compound& request) {
  std::uint32_t xid = next_xid_++;
  XdrWriter header = header_of(xid, request.operations().size());
  std::string_view kind = operation_name(request.operations()[0]);
  auto record = co_await ask(connection, xid, header, request, kind);
  if (!record) co_return std::move(record).error();
  XdrReader reader(record->bytes);
  NFSFERRY_TRY(Ok header_ok, decode_reply_header(reader), co_return);
  record->bytes = record->bytes.last(reader.remaining());
  co_return CompoundReply::parse(*std::move(record), request.operations(), false);
}

void Client::begin_recovery() {
  if (state_ != State::kReady) return;
  state_ = State::kRecovering;
  recovering_since_ = Clock::now();
  tasks_.spawn(recover());
}

void Client::Losses::count(const Connection* lost) {
  if (lost == nullptr || lost->connected_since() < last) return;
  ++connections;
  last = Clock::now();
}

void Client::note_loss() {
  std::size_t standing = connections_.standing();
  if (standing == 0) return begin_recovery();
  if (standing >= connections_wanted_ || mending_) return;
  log(LogLevel::kWarning, where() + ": lost " + std::to_string(connections_wanted_ - standing) +
                              " of " + std::to_string(connections_wanted_) +
                              " connections, connecting again");
  start_mending();
}

Task<void> Client::recover() {
  auto deadline = Clock::now() + std::chrono::milliseconds(options_.timeout_ms);
  bool lost_connection = connections_.standing() == 0;
  std::string lost_text = where() + ": connection lost, connecting again";
  if (lost_connection) log_for_all(LogLevel::kWarning, lost_text, lost_text);
  for (unsigned times = 0; state_ == State::kRecovering; ++times) {
    Status made = co_await recover_once();
    if (made || state_ != State::kRecovering) break;
    const Error& error = made.error();
    Treatment treat = treatment(error);
    bool hopeless = treat == Treatment::kFatal && error.domain != Domain::kOwn;
    if (hopeless || Clock::now() >= deadline) {
      std::string why = hopeless
                            ? " cannot be connected to again: "
                            : " stayed away for " + std::to_string(options_.timeout_ms / 1000) +
                                  " s (--timeout): ";
      die(own_error(Own::kUnreachable, "reconnect", where() + why + error.message()));
      co_return;
    }
    co_await back_off(times);
  }
  if (state_ != State::kRecovering) co_return;
  if (lost_connection) log(LogLevel::kInfo, where() + ": connected again");
  state_ = State::kReady;
  changed_.pulse();
  start_mending();
}

Task<Status> Client::restore() {
  if (!need_restore_) co_return ok();
  Status restored = ok();
  if (restore_) restored = co_await restore_();
  if (restored) {
    need_restore_ = false;
    co_return ok();
  }
  const Error& error = restored.error();
  if (!is_busy(error) && !starts_over(treatment(error))) die(error);
  co_return restored;
}

Task<Result<std::shared_ptr<Connection>>> Client::connect(const std::vector<Address>& addresses) {
  co_await connections_.forget_ended();
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "close");
  std::shared_ptr<Connection> connection = connections_.make();
  Status connected = co_await connection->connect(addresses, connect_patience_ms());
  if (connected) co_return connection;
  Error error = std::move(connected).error();
  error.detail = where() + (error.detail.empty() ? "" : ": " + error.detail);
  connection->abort(error);
  co_return error;
}

Task<Status> Client::reconnect() {
  NFSFERRY_TRY(std::shared_ptr<Connection> connection, co_await connect(addresses_), co_return);
  connections_.admit(*connection);
  co_return ok();
}

Task<Status> Client::complete() {
  mending_ = true;
  std::size_t standing = connections_.standing();
  std::size_t missing = connections_wanted_ > standing ? connections_wanted_ - standing : 0;
  std::vector<Status> added(missing, ok());
  TaskGroup adding;
  for (Status& one : added) adding.spawn(add_connection(one));
  co_await adding.join();
  mending_ = false;
  for (Status& one : added) {
    if (!one) co_return std::move(one);
  }
  co_return ok();
}

// To the address that the others have reached: behind another one may be another server.
Task<void> Client::add_connection(Status& added) {
  std::shared_ptr<Connection> known = connections_.least_busy();
  if (!known) co_return;  // all are lost meanwhile
  std::vector<Address> there{known->address()};
  auto connection = co_await connect(there);
  if (!connection) {
    added = std::move(connection).error();
    co_return;
  }
  Deadline deadline(loop_, std::chrono::milliseconds(connect_patience_ms()), [&] {
    (*connection)->abort(own_error(Own::kTimeout, "connect", where() + ": no answer in time"));
  });
  added = co_await bind_connection(**connection);
  co_await deadline.end();
  if (added) {
    connections_.admit(**connection);
  } else {
    (*connection)->abort(added.error());
  }
}

void Client::start_mending() {
  std::size_t standing = connections_.standing();
  bool some_missing = standing > 0 && standing < connections_wanted_;
  if (state_ != State::kReady || mending_ || !some_missing) return;
  mending_ = true;
  tasks_.spawn(mend());
}

// What cannot be had now is tried again by watch(); what the server refuses is done without.
Task<void> Client::mend() {
  Status made = co_await complete();
  if (made) {
    log(LogLevel::kInfo, where() + ": connected again, by " +
                             std::to_string(connections_.standing()) + " connections");
    start_mending();  // what was lost meanwhile
    co_return;
  }
  const Error& error = made.error();
  bool refused = error.domain == Domain::kNfs4 && !is_busy(error) && !starts_over(treatment(error));
  if (refused) settle_for_fewer(error);
}

void Client::settle_for_fewer(const Error& why) {
  std::uint32_t wanted = connections_wanted_;
  auto standing = static_cast<std::uint32_t>(connections_.standing());
  connections_wanted_ = std::clamp(standing, 1u, wanted);
  log(LogLevel::kWarning, where() + ": goes on with " + std::to_string(connections_wanted_) +
                              " of " + std::to_string(wanted) + " connections: " + why.message());
}

void Client::die(Error why) {
  if (state_ == State::kDead || state_ == State::kClosed) return;
  log(LogLevel::kError, why.message());
  death_ = std::move(why);
  state_ = State::kDead;
  changed_.pulse();
}

bool Client::is_least(const Compound& request) {
  return request.operations().size() < kOperationsLeast && request.body().size() <= kBytesLeast &&
         request.reply_bytes() <= kBytesLeast;
}

bool Client::wants_less(const Compound& request, const Error& error) {
  return treatment(error) == Treatment::kSendLess && !is_least(request);
}

bool Client::is_busy_with(const Compound& request, const Error& error) {
  return is_busy(error) && (treatment(error) == Treatment::kRetry || is_least(request));
}

bool Client::waits_for(const Compound& request, const Error& error,
                       std::optional<Clock::time_point>& delayed_since) const {
  return !request.caller_waits() && is_busy_with(request, error) && may_wait(delayed_since);
}

bool Client::is_least_refused(const Compound& request, const Error& error) {
  return treatment(error) == Treatment::kSendLess && is_least(request);
}

bool Client::is_least_partial(const Compound& request, const CompoundReply& reply) {
  return reply.is_partial() && is_least(request);
}

Error Client::explained(const Compound& request, Error error) {
  if (!is_least_refused(request, error)) return error;
  error.detail = "answered to a request of " + std::to_string(request.operations().size()) +
                 " operations that cannot be made smaller: the server allows less than we need";
  return error;
}

bool Client::learn_smaller(const Compound& request, const Error& error, std::size_t executed) {
  auto status = error.domain == Domain::kNfs4 ? static_cast<Nfsstat4>(error.code) : Nfsstat4::kOk;
  bool partly_executed = error.is(Own::kRequestRefused) && executed > 0;
  auto lower = [](std::uint32_t& limit, std::size_t wanted, std::uint32_t least) {
    auto lowered = std::max(least, static_cast<std::uint32_t>(wanted));
    if (lowered >= limit) return false;
    limit = lowered;
    return true;
  };
  if (status == Nfsstat4::kRepTooBig || status == Nfsstat4::kRepTooBigToCache) {
    return lower(limits_.response_bytes, request.reply_bytes() / 2, kBytesLeast);
  }
  if (status == Nfsstat4::kReqTooBig || (error.is(Own::kRequestRefused) && executed == 0)) {
    return lower(limits_.request_bytes, request.body().size() / 2, kBytesLeast);
  }
  if (request.operations().size() < kOperationsLeast) return false;
  // RESOURCE, TOO_MANY_OPS: the last result is the one that did not fit; after an OK all fitted.
  std::size_t fits = partly_executed ? executed + 1 : executed;
  if (executed == 0) fits = (request.operations().size() + 1) / 2;
  // It may have nothing to do with their number: once costs half of them at most, and not for ever.
  bool passing = status == Nfsstat4::kResource;
  if (passing) fits = std::max<std::size_t>(fits, limits_.operations / 2);
  std::uint32_t before = std::max(limits_.operations, operations_before_);
  bool lowered = lower(limits_.operations, fits, kOperationsLeast);
  if (!lowered) return false;
  operations_before_ = passing ? before : 0;
  answered_since_ = 0;
  if (passing) ++resource_times_;
  return true;
}

void Client::grant_operations(std::uint32_t granted) {
  limits_.operations = std::min(limits_.operations, granted);
  operations_before_ = std::min(operations_before_, granted);
}

void Client::learn_load(const Compound& request, Nfsstat4 status, bool full) {
  if (status == Nfsstat4::kDelay) {
    window_.refused();
    return;
  }
  if (status == Nfsstat4::kOk && !only_renews(request)) ++answers_;
  window_.replied(full, Clock::now());
  bool large = 2 * request.operations().size() > limits_.operations;
  if (status == Nfsstat4::kOk && large) grow_operations();
}

// Each RESOURCE doubles what it takes until more is tried.
void Client::grow_operations() {
  if (operations_before_ <= limits_.operations) return;
  std::uint32_t wanted = kAnsweredUntilMore << std::min(resource_times_, kResourceTimesMost);
  if (++answered_since_ < wanted) return;
  answered_since_ = 0;
  limits_.operations = std::min(operations_before_, limits_.operations * 3 / 2);
}

Task<void> Client::back_off(unsigned times) {
  auto wait = std::chrono::milliseconds(std::min(1000u, 10u << std::min(times, 7u)));
  counters_.throttled_ms += static_cast<std::uint64_t>(wait.count());
  (void)co_await loop_.sleep_for(wait, &closing_);  // cancelled when the client is closed
}

void note_refusal(const Error& error, Patience& patience) {
  if (is_busy(error) && !patience.since) patience.since = Clock::now();
}

Task<bool> wait_and_retry(Client& client, const Error& error, Patience& patience) {
  if (!is_busy(error) || !client.may_wait(patience.since)) co_return false;
  client.count_retry();
  co_await client.back_off(patience.times++);
  co_return true;
}

}  // namespace nfsferry::nfs4
