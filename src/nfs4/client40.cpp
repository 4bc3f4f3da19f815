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
bool passes(CompoundReply& reply) {
  return reply.take<Operation>().has_value();
}

// Reads past the result of an operation that may stand in a request with an OPEN or a LOCK.
bool pass(CompoundReply& reply, Op op) {
  switch (op) {
    case Op::kClose: return passes<Close>(reply);
    case Op::kCommit: return passes<Commit>(reply);
    case Op::kGetattr: return passes<Getattr>(reply);
    case Op::kPutfh: return passes<Putfh>(reply);
    case Op::kPutrootfh: return passes<Putrootfh>(reply);
    case Op::kRead: return passes<Read>(reply);
    case Op::kRemove: return passes<Remove>(reply);
    case Op::kRename: return passes<Rename>(reply);
    case Op::kRestorefh: return passes<Restorefh>(reply);
    case Op::kSavefh: return passes<Savefh>(reply);
    case Op::kSetattr: return passes<Setattr>(reply);
    case Op::kVerify: return passes<Verify>(reply);
    case Op::kWrite: return passes<Write>(reply);
    default: return false;
  }
}

bool has_operation(const Compound& request, Op op) {
  const std::vector<Op>& ops = request.operations();
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

bool means_lost_state(Nfsstat4 status) {
  return status == Nfsstat4::kStaleClientid || status == Nfsstat4::kStaleStateid ||
         status == Nfsstat4::kExpired;
}

}  // namespace

Client40::Client40(Loop& loop, ClientOptions options)
    : Client(loop, std::move(options), kMinorVersion) {
  limits_ = ClientLimits{kOperationsMost, kInFlightMost, kBytesBefore, kBytesBefore, 0};
}

void Client40::note_sizes(std::uint64_t max_read, std::uint64_t max_write) {
  auto with_data = [](std::uint64_t data) {
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
        data + kBytesBesideData, kBytesBefore, std::uint64_t{kRecordBytesAsked}));
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
    NFSFERRY_TRY(Ok ready, co_await wait_ready(), co_return);
    co_await take_turn(request, attempt);
    co_await window_.acquire();
    if (state_ != State::kReady || attempt.turn.is_lost()) {
      window_.release();
      continue;
    }
    Next next = co_await exchange(request, attempt);
    window_.release();
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
                                                          StateOwners::Turn& turn) {
  owners_.fill_in(request, turn, clientid_);
  std::uint32_t xid = next_xid_++;
  XdrWriter header = header_of(xid, request.operations().size());
  auto record = co_await transmit(xid, header, request);
  if (!record) co_return std::nullopt;
  XdrReader reader(record->bytes);
  Status accepted = decode_reply_header(reader);
  if (!accepted && accepted.error().is(Own::kBadReply)) {
    connection_->abort(std::move(accepted).error());
    co_return std::nullopt;
  }
  if (!accepted) co_return std::move(accepted).error();
  record->bytes = record->bytes.last(reader.remaining());
  auto reply = CompoundReply::parse(*record, request.operations(), false);
  if (!reply) {
    connection_->abort(own_error(Own::kBadReply, "COMPOUND", "a reply to another request"));
    co_return std::nullopt;
  }
  owners_.settle(request, turn, reply->result_count(), reply->status());
  if (has_operation(request, Op::kOpen) || has_operation(request, Op::kLock)) {
    auto to_adopt = CompoundReply::parse(*record, request.operations(), false);
    if (to_adopt) co_await adopt(request, *std::move(to_adopt), turn);
  }
  co_return std::move(reply);
}

Task<Client40::Next> Client40::exchange(Compound& request, Attempt& attempt) {
  auto reply = co_await send(request, attempt.turn);
  if (owners_.has_lost_lock()) begin_recovery();
  if (!reply) co_return co_await after_loss(request, attempt);
  if (*reply) co_return co_await after_reply(request, attempt, **std::move(reply));
  const Error& error = reply->error();
  bool refused = treatment(error) == Treatment::kRetry && attempt.delays < kRefusedMost;
  if (refused) co_return co_await after_delay(attempt);
  co_return finish(attempt, *std::move(reply));
}

Task<Client40::Next> Client40::after_loss(const Compound& request, Attempt& attempt) {
  ++attempt.connections_lost;
  if (!connection_->connected()) begin_recovery();
  Status ready = co_await wait_ready();
  bool repeat = ready && request.idempotent() && attempt.connections_lost < kLossesMost;
  if (repeat) co_return Next::kAgain;
  owners_.abandon(attempt.turn);
  if (owners_.has_lost_lock()) begin_recovery();
  if (ready) co_await back_off(kSettling);
  if (!ready) co_return finish(attempt, std::move(ready).error());
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
  co_await back_off(attempt.delays++);
  co_return Next::kAgain;
}

Task<Client40::Next> Client40::after_reply(const Compound& request, Attempt& attempt,
                                           CompoundReply reply) {
  Nfsstat4 status = reply.status();
  if (status == Nfsstat4::kOk) co_return finish(attempt, std::move(reply));
  if (means_lost_state(status)) begin_recovery();
  Error error = explained(request, nfs4_error(status, Op::kPutfh));
  bool wait = request.idempotent() && is_busy_with(request, error);
  if (wait && may_wait(attempt.delayed_since)) co_return co_await after_delay(attempt);
  reply.explain(std::move(error.detail));
  co_return finish(attempt, std::move(reply));
}

Task<void> Client40::adopt(const Compound& request, CompoundReply reply, StateOwners::Turn& turn) {
  std::optional<StateOwners::OpenedFile> to_confirm;
  std::optional<OpenCreate::Reply> opened;
  for (Op op : request.operations()) {
    if (op == Op::kOpen) {
      auto got = reply.take<OpenCreate>();
      if (!got) break;
      owners_.opened(turn, got->stateid);
      opened = *got;
    } else if (op == Op::kLock) {
      auto got = reply.take<Lock>();
      if (!got) break;
      owners_.locked(turn, got->stateid);
    } else if (op == Op::kGetfh) {
      auto got = reply.take<Getfh>();
      if (!got) break;
      if (!opened || !turn.open_owner()) continue;
      StateOwners::OpenedFile file{std::move(got->handle), opened->stateid};
      if (opened->confirm) to_confirm = file;
      if (request.closes_opened()) turn.open_owner()->to_close.push_back(std::move(file));
      opened.reset();
    } else if (!pass(reply, op)) {
      break;
    }
  }
  if (to_confirm) co_await confirm(*to_confirm, turn);
}

// For the file opened last: with each OPEN of an owner that is not confirmed, a server may forget
// the one before.
Task<void> Client40::confirm(const StateOwners::OpenedFile& file, StateOwners::Turn& turn) {
  Compound request("OPEN_CONFIRM", Repeat::kIdempotent);
  request.add(Putfh{{}, file.handle});
  request.add(OpenConfirm{file.stateid});
  owners_.fill_in(request, turn, clientid_);
  auto reply = co_await bare_call(request);
  if (!reply) {
    owners_.abandon(turn);
    co_return;
  }
  owners_.settle(request, turn, reply->result_count(), reply->status());
  if (!passes<Putfh>(*reply)) co_return;
  auto confirmed = reply->take<OpenConfirm>();
  if (confirmed) owners_.opened(turn, confirmed->stateid);
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
  if (!connection_ || !connection_->connected()) {
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
  auto reply = co_await send(request, turn);
  if (!reply) {
    owners_.abandon(turn);
    co_return own_error(Own::kConnectionLost, request.kind());
  }
  co_return *std::move(reply);
}

}  // namespace nfsferry::nfs4
