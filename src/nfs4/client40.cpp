#include "nfs4/client40.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "nfs4/status_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kMinorVersion = 0;
constexpr std::uint32_t kBytesBefore = 65536;  // in a request and in a reply, until sizes are known
constexpr std::uint32_t kBytesBesideData = 2048;  // Linux takes 4 KiB more than its largest WRITE
constexpr std::uint32_t kCloseOperations = 2;
// A server may carry out what it has received from a connection that is gone meanwhile. Nothing can
// tell when; after this back-off (640 ms) what the caller finds is hardly changed any more.
constexpr unsigned kSettling = 6;

template <typename Operation>
Status pass(CompoundReply& reply) {
  auto taken = reply.take<Operation>();
  return taken ? ok() : Status(std::move(taken).error());
}

// Reads past a result.
Status pass(CompoundReply& reply, Op op) {
  switch (op) {
    case Op::kClose: return pass<Close>(reply);
    case Op::kCommit: return pass<Commit>(reply);
    case Op::kCreate: return pass<Create>(reply);
    case Op::kGetattr: return pass<Getattr>(reply);
    case Op::kGetfh: return pass<Getfh>(reply);
    case Op::kLink: return pass<Link>(reply);
    case Op::kLock: return pass<Lock>(reply);
    case Op::kLocku: return pass<Locku>(reply);
    case Op::kLookup: return pass<Lookup>(reply);
    case Op::kOpen: return pass<OpenCreate>(reply);
    case Op::kOpenConfirm: return pass<OpenConfirm>(reply);
    case Op::kPutfh: return pass<Putfh>(reply);
    case Op::kPutrootfh: return pass<Putrootfh>(reply);
    case Op::kRead: return pass<Read>(reply);
    case Op::kReaddir: return pass<Readdir>(reply);
    case Op::kReadlink: return pass<Readlink>(reply);
    case Op::kRemove: return pass<Remove>(reply);
    case Op::kRename: return pass<Rename>(reply);
    case Op::kRenew: return pass<Renew>(reply);
    case Op::kRestorefh: return pass<Restorefh>(reply);
    case Op::kSavefh: return pass<Savefh>(reply);
    case Op::kSetattr: return pass<Setattr>(reply);
    case Op::kVerify: return pass<Verify>(reply);
    case Op::kWrite: return pass<Write>(reply);
    default: check(false, "an operation of 4.0"); return ok();
  }
}

// Without a session only the xid ties a reply to its request: all of it is looked at before
// anything of it is believed. Errors: kBadReply.
Result<CompoundReply> parse_whole(const Chunk& record, const Compound& request) {
  auto reply = CompoundReply::parse(record, request.operations(), false);
  if (!reply) return reply;
  CompoundReply looked_at = *reply;
  for (Op op : request.operations()) {
    Status passed = pass(looked_at, op);
    if (passed) continue;
    if (passed.error().is(Own::kBadReply)) return std::move(passed).error();
    break;
  }
  return reply;
}

bool means_lost_state(Nfsstat4 status) {
  return status == Nfsstat4::kStaleClientid || status == Nfsstat4::kStaleStateid ||
         status == Nfsstat4::kExpired;
}

}  // namespace

Client40::Client40(Loop& loop, ClientOptions options)
    : Client(loop, std::move(options), kMinorVersion, kInFlightMost) {
  limits_ = ClientLimits{kOperationsMost, kInFlightMost, kBytesBefore, kBytesBefore, 0};
}

void Client40::note_sizes(std::uint64_t max_read, std::uint64_t max_write) {
  auto with_data = [](std::uint64_t data) {
    std::uint64_t most = kRecordBytesAsked;
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(std::min(data, most) + kBytesBesideData, kBytesBefore, most));
  };
  limits_.request_bytes = with_data(max_write);
  limits_.response_bytes = with_data(max_read);
}

void Client40::add_close(Compound& request) const {
  request.add(Getfh{});
  request.close_opened();
}

Status Client40::take_close(CompoundReply& reply) const {
  NFSFERRY_TRY(Getfh::Reply handle, reply.take<Getfh>(), return);
  return ok();
}

// Who has a place in the window never waits for an owner: its turn may be with a request that waits
// for a place.
Task<Result<CompoundReply>> Client40::call(Compound& request) {
  Attempt attempt;
  for (;;) {
    co_await keep_pace(request);
    NFSFERRY_TRY(Ok ready, co_await wait_ready(), co_return);
    co_await take_turn(request, attempt);
    co_await places_.acquire();
    if (state_ != State::kReady || attempt.turn.is_lost()) {
      places_.release();
      continue;
    }
    Next next = co_await exchange(request, attempt);
    places_.release();
    if (next == Next::kDone) co_return *std::move(attempt.result);
    ++counters_.retries;
  }
}

// A turn is kept over a lost connection: repeated with the same sequence ids, a request is either
// executed or answered as it was.
Task<void> Client40::take_turn(const Compound& request, Attempt& attempt) {
  if (attempt.has_turn && !attempt.turn.is_lost()) co_return;
  StateOwners::Turn turn = co_await owners_.begin(request);
  attempt.turn = std::move(turn);
  attempt.has_turn = true;
}

Client40::Next Client40::finish(Attempt& attempt, Result<CompoundReply> result) {
  std::shared_ptr<StateOwners::OpenOwner> owner = attempt.turn.open_owner();
  attempt.turn.end();
  if (owner) close_from(closes_in_a_request(), std::move(owner));
  attempt.result = std::move(result);
  return Next::kDone;
}

Task<std::optional<Result<CompoundReply>>> Client40::send(Compound& request,
                                                          StateOwners::Turn& turn,
                                                          std::shared_ptr<Connection> connection) {
  owners_.fill_in(request, turn, clientid_);
  std::uint32_t xid = next_xid_++;
  XdrWriter header = header_of(xid, request.operations().size());
  auto record = co_await transmit(connection.get(), xid, header, request);
  if (!record) co_return std::nullopt;
  XdrReader reader(record->bytes);
  Status accepted = decode_reply_header(reader);
  if (!accepted && accepted.error().is(Own::kBadReply)) {
    connection->abort(std::move(accepted).error());
    co_return std::nullopt;
  }
  if (!accepted) co_return std::move(accepted).error();
  record->bytes = record->bytes.last(reader.remaining());
  auto reply = parse_whole(*record, request);
  if (!reply) {
    connection->abort(std::move(reply).error());
    co_return std::nullopt;
  }
  learn_load(request, reply->status(), places_.has_waiters());
  places_.set_limit(window_.limit());
  owners_.settle(request, turn, reply->result_count(), reply->status());
  if (turn.has_owner()) adopt(request, *reply, turn);
  if (means_lost_state(reply->status())) begin_recovery();
  co_return std::move(reply);
}

Task<Client40::Next> Client40::exchange(Compound& request, Attempt& attempt) {
  attempt.connection = connections_.least_busy();
  auto reply = co_await send(request, attempt.turn, attempt.connection);
  if (owners_.has_lost_lock()) begin_recovery();
  if (!reply) co_return co_await after_loss(request, attempt);
  co_await confirm(attempt.turn);
  if (*reply) co_return co_await after_reply(request, attempt, **std::move(reply));
  const Error& error = reply->error();
  bool refused = treatment(error) == Treatment::kRetry && attempt.delays < kRefusedMost;
  if (refused) co_return co_await after_delay(attempt);
  co_return finish(attempt, *std::move(reply));
}

Task<Client40::Next> Client40::after_loss(const Compound& request, Attempt& attempt) {
  attempt.losses.count(attempt.connection.get());
  note_loss();
  Status ready = co_await wait_ready();
  unsigned most = request.idempotent() ? kLossesMost : 1;
  if (ready && attempt.losses.connections < most) co_return Next::kAgain;
  owners_.abandon(attempt.turn);
  if (owners_.has_lost_lock()) begin_recovery();
  if (ready) co_await back_off(kSettling);
  if (!ready) co_return finish(attempt, std::move(ready).error());
  // The least is no reason to end a connection.
  bool again = request.idempotent() && is_least(request) && ++attempt.too_much < kTooMuchMost;
  if (again) co_return co_await after_delay(attempt);
  if (request.idempotent()) {
    co_return finish(attempt, own_error(Own::kRequestRefused, request.kind(),
                                        "the connection ended twice under the same request"));
  }
  co_return finish(attempt, own_error(Own::kOutcomeUnknown, request.kind(),
                                      "the connection was lost under the request"));
}

Task<Client40::Next> Client40::after_delay(Attempt& attempt) {
  attempt.turn.end();
  attempt.has_turn = false;
  attempt.losses = {};
  co_await back_off(attempt.delays++);
  co_return Next::kAgain;
}

Task<Client40::Next> Client40::after_reply(const Compound& request, Attempt& attempt,
                                           CompoundReply reply) {
  Nfsstat4 status = reply.status();
  bool again = is_least_partial(request, reply) && ++attempt.too_much < kTooMuchMost;
  if (status != Nfsstat4::kOk) {
    Error error = explained(request, nfs4_error(status, Op::kPutfh));
    again = waits_for(request, error, attempt.delayed_since);
    reply.explain(std::move(error.detail));
  }
  if (again && request.idempotent()) co_return co_await after_delay(attempt);
  co_return finish(attempt, std::move(reply));
}

void Client40::adopt(const Compound& request, CompoundReply reply, StateOwners::Turn& turn) {
  std::optional<OpenCreate::Reply> opened;
  for (Op op : request.operations()) {
    if (op == Op::kOpen) {
      auto got = reply.take<OpenCreate>();
      if (!got) return;
      owners_.opened(turn, got->stateid);
      opened = *got;
    } else if (op == Op::kOpenConfirm) {
      auto got = reply.take<OpenConfirm>();
      if (!got) return;
      owners_.opened(turn, got->stateid);
    } else if (op == Op::kLock) {
      auto got = reply.take<Lock>();
      if (!got) return;
      owners_.locked(turn, got->stateid);
    } else if (op == Op::kGetfh) {
      auto got = reply.take<Getfh>();
      if (!got) return;
      if (!opened || !turn.open_owner()) continue;
      StateOwners::OpenedFile file{std::move(got->handle), opened->stateid};
      if (opened->confirm) turn.open_owner()->unconfirmed = file;
      if (request.closes_opened()) turn.open_owner()->to_close.push_back(std::move(file));
      opened.reset();
    } else if (!pass(reply, op)) {
      return;
    }
  }
}

Task<void> Client40::confirm(StateOwners::Turn& turn) {
  std::optional<Clock::time_point> delayed_since;
  unsigned losses = 0;
  for (unsigned delays = 0; turn.open_owner() && turn.open_owner()->unconfirmed; ++delays) {
    Status confirmed = co_await confirm_once(turn);
    if (confirmed) co_return;
    bool again = is_busy(confirmed.error()) && may_wait(delayed_since);
    if (treatment(confirmed.error()) == Treatment::kReconnect) {
      note_loss();
      Status ready = co_await wait_ready();
      again = ready && !turn.is_lost() && ++losses < kLossesMost;
    } else if (again) {
      co_await back_off(delays);
    }
    if (!again) owners_.abandon(turn);
  }
}

// For the file opened last: with each OPEN of an owner that is not confirmed, a server may forget
// the one before.
Task<Status> Client40::confirm_once(StateOwners::Turn& turn) {
  std::shared_ptr<StateOwners::OpenOwner> owner = turn.open_owner();
  if (!owner || !owner->unconfirmed) co_return ok();
  Compound request("OPEN_CONFIRM", Repeat::kIdempotent);
  request.add(Putfh{{}, owner->unconfirmed->handle});
  request.add(OpenConfirm{owner->unconfirmed->stateid});
  auto reply = co_await send(request, turn, connections_.least_busy());
  if (!reply) co_return own_error(Own::kConnectionLost, request.kind());
  if (!*reply) co_return std::move(*reply).error();
  NFSFERRY_TRY(NoReply at_file, (*reply)->take<Putfh>(), co_return);
  NFSFERRY_TRY(OpenConfirm::Reply confirmed, (*reply)->take<OpenConfirm>(), co_return);
  owner->unconfirmed.reset();
  co_return ok();
}

std::size_t Client40::closes_in_a_request() const { return limits_.operations / kCloseOperations; }

void Client40::close_from(std::size_t least, std::shared_ptr<StateOwners::OpenOwner> owner) {
  if (owner->to_close.size() < least || owner->closing || owner->lost) return;
  owner->closing = true;
  tasks_.spawn(close_files(least, std::move(owner)));
}

void Client40::after_renewal() {
  std::vector<std::shared_ptr<StateOwners::OpenOwner>> owners = owners_.open_owners();
  for (auto& owner : owners) close_from(1, std::move(owner));
}

// In requests of their own: an owner has the server's memory of one reply alone, and what stands
// behind a CLOSE would be lost with it. A file that cannot be closed is closed already, or ends
// with the client id.
Task<void> Client40::close_files(std::size_t least, std::shared_ptr<StateOwners::OpenOwner> owner) {
  while (owner->to_close.size() >= least && !owner->lost) {
    std::size_t count = std::min(closes_in_a_request(), owner->to_close.size());
    auto end = owner->to_close.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<StateOwners::OpenedFile> files(std::make_move_iterator(owner->to_close.begin()),
                                               std::make_move_iterator(end));
    owner->to_close.erase(owner->to_close.begin(), end);
    Compound request("CLOSE", Repeat::kIdempotent);
    for (const StateOwners::OpenedFile& file : files) {
      request.add(Putfh{{}, file.handle});
      request.add(Close{{}, file.stateid});
    }
    auto reply = co_await call(request);
    if (!reply) break;
    if (reply->status() == Nfsstat4::kOk) continue;
    std::size_t failed = std::max<std::size_t>(reply->result_count(), 1) - 1;
    auto rest = files.begin() + static_cast<std::ptrdiff_t>(failed / kCloseOperations) + 1;
    owner->to_close.insert(owner->to_close.begin(), std::make_move_iterator(rest),
                           std::make_move_iterator(files.end()));
  }
  owners_.closed(*owner);
}

// RENEW tells whether the client id, and with it every lock, has outlived what happened.
Task<Status> Client40::recover_once() {
  if (connections_.standing() == 0) {
    NFSFERRY_TRY(Ok connected, co_await reconnect(), co_return);
  }
  if (owners_.has_lost_lock()) need_client_ = true;
  if (!need_client_) {
    Renew renew;
    renew.clientid = clientid_;
    auto renewed = co_await bare(renew);
    bool answered = !renewed && renewed.error().domain == Domain::kNfs4;
    bool tells = renewed || (answered && !is_busy(renewed.error()));
    if (!tells) co_return std::move(renewed).error();
    need_client_ = answered && !is_status(renewed.error(), Nfsstat4::kCbPathDown);
  }
  if (need_client_) {
    NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
  }
  co_return co_await restore();
}

// With a verifier of its own each time: the server drops whatever it kept under the name before.
Task<Status> Client40::make_client() {
  std::random_device random;
  Setclientid request;
  request.id = owner_id_;
  for (std::byte& byte : request.verifier) byte = static_cast<std::byte>(random());
  auto set = co_await bare(request);
  if (!set) co_return std::move(set).error();
  SetclientidConfirm confirm;
  confirm.clientid = set->clientid;
  confirm.confirm = set->confirm;
  auto confirmed = co_await bare(confirm);
  if (!confirmed) co_return std::move(confirmed).error();
  clientid_ = set->clientid;
  ++client_generation_;
  need_restore_ = true;
  need_client_ = false;
  owners_.reset();
  co_return ok();
}

// Nothing ends a client id but its lease; a new one under the same name lets all state go at once.
Task<void> Client40::depart() {
  if (owners_.has_state()) (void)co_await make_client();
}

Compound Client40::renewal() const {
  Compound request("RENEW", Repeat::kIdempotent);
  Renew renew;
  renew.clientid = clientid_;
  request.add(renew);
  return request;
}

Task<Result<CompoundReply>> Client40::call_in_recovery(Compound& request) {
  StateOwners::Turn turn = co_await owners_.begin(request, StateOwners::Caller::kRecovery);
  auto reply = co_await send(request, turn, connections_.least_busy());
  Status confirmed = reply ? ok() : Status(own_error(Own::kConnectionLost, request.kind()));
  if (reply) confirmed = co_await confirm_once(turn);
  if (!confirmed) {
    owners_.abandon(turn);
    co_return std::move(confirmed).error();
  }
  co_return *std::move(reply);
}

}  // namespace nfsferry::nfs4
