#include "nfs4/session.hpp"

#include <algorithm>
#include <random>

#include "base/log.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kMinorVersion = 1;
constexpr std::size_t kReplyHeaderBytes = 128;  // RPC and COMPOUND headers, SEQUENCE
// SEQ4_STATUS_EXPIRED_ALL_STATE_REVOKED, EXPIRED_SOME_STATE_REVOKED, ADMIN_STATE_REVOKED
constexpr std::uint32_t kStateRevoked = 0x08 | 0x10 | 0x20;

// What took a request's connections may be the request itself: sent once more it would take another
// one. Sent in its slot, an operation that no request of ours begins with is answered as its own
// only if the request has not reached the server, and then never will be executed; otherwise by
// what the server kept of the request's reply (RFC 8881 section 2.10.6.1.3).
Compound settling_request() {
  Compound request("SEQUENCE", Repeat::kIdempotent);
  request.add(Putpubfh{});
  return request;
}

Error lost_twice(const Compound& request) {
  return own_error(Own::kRequestRefused, request.kind(),
                   "the connection ended twice under the same request");
}

}  // namespace

Session::Session(Loop& loop, ClientOptions options)
    : Client(loop, std::move(options), kMinorVersion, kSlotsAsked) {
  draw_boot_verifier();
}

void Session::draw_boot_verifier() {
  std::random_device random;
  for (std::byte& byte : boot_verifier_) byte = static_cast<std::byte>(random());
}

std::uint32_t Session::take_slot() {
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].busy) continue;
    slots_[i].busy = true;
    return i;
  }
  check(false, "a slot is free when the window has room");
  return 0;
}

Status Session::take_close(CompoundReply& reply) const {
  NFSFERRY_TRY(NoReply closed, reply.take<Close>(), return);
  return ok();
}

Session::Next Session::finish(Attempt& attempt, Result<CompoundReply> result) {
  if (attempt.generation == session_generation_) slots_[attempt.slot].busy = false;
  slot_window_->release();
  attempt.result = std::move(result);
  return Next::kDone;
}

Task<Result<CompoundReply>> Session::call(Compound& request) {
  Attempt attempt;
  for (;;) {
    co_await keep_pace(request);
    NFSFERRY_TRY(Ok ready, co_await wait_ready(), co_return);
    co_await slot_window_->acquire();
    if (state_ != State::kReady) {
      slot_window_->release();
      continue;
    }
    attempt.slot = take_slot();
    attempt.generation = session_generation_;
    attempt.sent = 0;
    attempt.settling = false;
    Next next = Next::kSameSlot;
    while (next == Next::kSameSlot) next = co_await exchange(request, attempt);
    if (next == Next::kDone) co_return *std::move(attempt.result);
    ++counters_.retries;
  }
}

Task<Result<Chunk>> Session::send(const Compound& request, Attempt& attempt) {
  Sequence sequence;
  sequence.session = session_id_;
  sequence.sequence_id = slots_[attempt.slot].sequence_id;
  sequence.slot = attempt.slot;
  sequence.highest_slot = static_cast<std::uint32_t>(slots_.size()) - 1;
  // A reply that is too big for the cache is an error after the work is done: never ask then. Nor
  // with a READ: nfs-ganesha 4.3 answers from its cache with the data of something else.
  sequence.cache_this = !request.idempotent() && !request.has_reply_payload() &&
                        request.reply_bytes() + kReplyHeaderBytes <= limits_.cached_response_bytes;
  std::uint32_t xid = next_xid_++;
  XdrWriter header = header_of(xid, request.operations().size() + 1);
  header.u32(static_cast<std::uint32_t>(Op::kSequence));
  sequence.encode(header);
  slots_[attempt.slot].xid = xid;
  attempt.connection = connections_.least_busy();
  co_return co_await transmit(attempt.connection.get(), xid, header, request);
}

Task<Session::Next> Session::exchange(Compound& request, Attempt& attempt) {
  ++attempt.sent;
  std::optional<Compound> question;
  if (attempt.settling) question = settling_request();
  const Compound& asked = question ? *question : request;
  auto record = co_await send(asked, attempt);
  if (!record) co_return co_await after_loss(request, attempt);
  XdrReader reader(record->bytes);
  Status header = decode_reply_header(reader);
  if (!header) {
    if (header.error().is(Own::kBadReply)) {
      attempt.connection->abort(std::move(header).error());
      co_return co_await after_loss(request, attempt);
    }
    if (treatment(header.error()) == Treatment::kRetry && attempt.delays < kRefusedMost) {
      co_return co_await after_delay(request, attempt);
    }
    co_return give_up(request, attempt, std::move(header).error());
  }
  record->bytes = record->bytes.last(reader.remaining());
  auto reply = CompoundReply::parse(*std::move(record), request.operations(), true);
  bool fits = reply.has_value();
  if (fits && reply->sequence()) {
    const Sequence::Reply& got = *reply->sequence();
    fits = attempt.generation != session_generation_ ||
           (got.slot == attempt.slot && got.session == session_id_ &&
            got.sequence_id == slots_[attempt.slot].sequence_id);
  }
  if (!fits) {
    attempt.connection->abort(own_error(Own::kBadReply, "SEQUENCE", "a reply to another request"));
    co_return co_await after_loss(request, attempt);
  }
  learn_load(request, reply->status(), slot_window_->has_waiters());
  adjust_window();
  if (!reply->sequence()) {
    Error error = reply->sequence().error();
    co_return co_await after_sequence_error(request, attempt, std::move(error));
  }
  advance_slot(attempt);
  note_revoked(reply->sequence()->status_flags, attempt.generation);
  if (attempt.generation == session_generation_) {
    slots_wanted_ = reply->sequence()->target_highest_slot + std::uint64_t{1};
    adjust_window();
  }
  if (attempt.settling && was_not_executed(*reply)) {
    co_return co_await after_refusal(request, attempt);
  }
  co_return co_await after_reply(request, attempt, *std::move(reply));
}

// What we had locked may be another's. A client that has started anew has nothing that was revoked,
// and takes its lock again before it goes on (RFC 8881 sections 8.5 and 18.46.3).
void Session::note_revoked(std::uint32_t status_flags, std::uint64_t generation) {
  if (generation != session_generation_) return;
  bool revoked = (status_flags & kStateRevoked) != 0;
  bool news = revoked && !told_revoked_;
  told_revoked_ = revoked;
  if (!news) return;
  log(LogLevel::kWarning, where() + ": the server has revoked what we had open");
  draw_boot_verifier();
  start_recovery(Lost::kClient, generation);
}

bool Session::was_not_executed(const CompoundReply& settling) {
  std::uint32_t first = settling.first_operation();
  bool own = first == static_cast<std::uint32_t>(Op::kPutpubfh) ||
             first == static_cast<std::uint32_t>(Op::kIllegal);
  return own && settling.status() != Nfsstat4::kRetryUncachedRep;
}

// The least is no reason to end a connection: it is sent again a few times.
Task<Session::Next> Session::after_refusal(const Compound& request, Attempt& attempt) {
  if (!is_least(request) || ++attempt.too_much >= kTooMuchMost) {
    in_doubt_ = true;  // callers take what it would have closed for closed
    co_return finish(attempt, lost_twice(request));
  }
  attempt.settling = false;
  attempt.losses = {};
  attempt.sent = 0;
  co_return co_await after_delay(request, attempt);
}

// A retired slot keeps its place in the window.
void Session::adjust_window() {
  std::uint64_t limit = std::min<std::uint64_t>(slots_wanted_, slots_.size());
  limit = std::min<std::uint64_t>(limit, retired_slots_ + window_.limit());
  limit = std::max<std::uint64_t>(limit, retired_slots_ + 1ull);
  if (limit != slot_window_->limit()) slot_window_->set_limit(limit);
}

void Session::advance_slot(const Attempt& attempt) {
  if (attempt.generation == session_generation_) ++slots_[attempt.slot].sequence_id;
}

Task<Session::Next> Session::after_loss(const Compound& request, Attempt& attempt) {
  attempt.losses.count(attempt.connection.get());
  note_loss();
  Status ready = co_await wait_ready();
  if (!ready) co_return finish(attempt, std::move(ready).error());
  bool asked_enough = attempt.losses.connections >= 2 * kLossesMost || request.operations().empty();
  bool lost_too_often = attempt.losses.connections >= kLossesMost;
  if (lost_too_often && asked_enough) co_return retire(attempt, lost_twice(request));
  attempt.settling = lost_too_often;
  co_return go_on(request, attempt);
}

Task<Session::Next> Session::after_delay(const Compound& request, Attempt& attempt) {
  co_await back_off(attempt.delays++);
  Status ready = co_await wait_ready();
  if (!ready) co_return finish(attempt, std::move(ready).error());
  co_return go_on(request, attempt);
}

Session::Next Session::go_on(const Compound& request, Attempt& attempt) {
  if (attempt.generation == session_generation_) return Next::kSameSlot;
  slot_window_->release();
  // Without a lost connection every sending was answered, and refused before it was executed.
  if (request.idempotent() || attempt.losses.connections == 0) return Next::kAgain;
  attempt.result = own_error(Own::kOutcomeUnknown, request.kind(), "the session was lost");
  in_doubt_ = true;
  return Next::kDone;
}

Session::Next Session::retire(Attempt& attempt, Error error) {
  in_doubt_ = true;
  if (attempt.generation != session_generation_) {
    slot_window_->release();
  } else if (++retired_slots_ * 2 > slots_.size()) {
    start_recovery(Lost::kSession, attempt.generation);  // gives all retired slots back
  }
  attempt.result = std::move(error);
  return Next::kDone;
}

// After a loss the request may be at work in its slot still: what is sent there next would be
// answered in its place.
Session::Next Session::give_up(const Compound& request, Attempt& attempt, Error error) {
  if (attempt.losses.connections == 0) return finish(attempt, std::move(error));
  if (!request.idempotent())
    error = own_error(Own::kOutcomeUnknown, request.kind(), error.message());
  return retire(attempt, std::move(error));
}

Session::Next Session::executed_unseen(const Compound& request, Attempt& attempt) {
  in_doubt_ = true;
  if (attempt.settling) return finish(attempt, lost_twice(request));
  Next next = finish(
      attempt, own_error(Own::kOutcomeUnknown, request.kind(), "executed, but its reply was lost"));
  return request.idempotent() ? Next::kAgain : next;
}

Task<Session::Next> Session::after_sequence_error(const Compound& request, Attempt& attempt,
                                                  Error error) {
  if (is_busy_with(request, error) && may_wait(attempt.delayed_since)) {
    co_return co_await after_delay(request, attempt);
  }
  if (is_least_refused(request, error) && ++attempt.too_much < kTooMuchMost) {
    co_return co_await after_delay(request, attempt);
  }
  // Another request was executed in its slot: the one that is asked about.
  bool executed = attempt.settling && is_status(error, Nfsstat4::kSeqFalseRetry);
  Treatment treat = executed ? Treatment::kRedo : treatment(error);
  switch (treat) {
    case Treatment::kRedo: advance_slot(attempt); co_return executed_unseen(request, attempt);
    case Treatment::kReconnect:
    case Treatment::kRebuildSession:
    case Treatment::kReopen:
    case Treatment::kRebuildClient: {
      if (++attempt.rebuilds > kRebuildsMost) co_return finish(attempt, std::move(error));
      if (treat == Treatment::kReconnect && attempt.rebuilds == 1) {
        Status bound = co_await bind_connection(*attempt.connection);
        if (bound) --attempt.sent;  // it was refused
        if (bound) co_return go_on(request, attempt);
      }
      bool client = treat == Treatment::kRebuildClient;
      start_recovery(client ? Lost::kClient : Lost::kSession, attempt.generation);
      Status ready = co_await wait_ready();
      slot_window_->release();
      if (attempt.sent > 1) in_doubt_ = true;
      // Refused when first sent: not executed. Sent before: nobody can tell.
      if (ready && (request.idempotent() || attempt.sent == 1)) co_return Next::kAgain;
      attempt.result = ready ? own_error(Own::kOutcomeUnknown, request.kind(), error.name())
                             : std::move(ready).error();
      co_return Next::kDone;
    }
    default: co_return give_up(request, attempt, explained(request, std::move(error)));
  }
}

Task<Session::Next> Session::after_reply(const Compound& request, Attempt& attempt,
                                         CompoundReply reply) {
  Nfsstat4 status = reply.status();
  if (status == Nfsstat4::kRetryUncachedRep) co_return executed_unseen(request, attempt);
  bool again = is_least_partial(request, reply) && ++attempt.too_much < kTooMuchMost;
  if (status != Nfsstat4::kOk) {
    Error error = explained(request, nfs4_error(status, Op::kSequence));
    bool client_lost = treatment(error) == Treatment::kRebuildClient;
    if (client_lost) start_recovery(Lost::kClient, attempt.generation);
    again = waits_for(request, error, attempt.delayed_since);
    reply.explain(std::move(error.detail));
  }
  finish(attempt, std::move(reply));
  if (!again || !request.idempotent()) co_return Next::kDone;
  attempt.losses = {};  // it was answered
  co_await back_off(attempt.delays++);
  co_return Next::kAgain;
}

}  // namespace nfsferry::nfs4
