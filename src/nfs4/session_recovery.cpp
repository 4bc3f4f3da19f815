// How a session comes to be, comes back, and ends.
#include <algorithm>

#include "nfs4/session.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kConfirmed = 0x80000000;  // EXCHGID4_FLAG_CONFIRMED_R

}  // namespace

// What a request whose reply was lost has opened or locked is known to the server alone, and
// nfs-ganesha keeps it until the lease ends, even where DESTROY_CLIENTID was OK. A client that
// seems to have started anew has given it all back (RFC 8881 section 18.35.4).
Task<void> Session::depart() {
  if (!in_doubt_) {
    Status gone = co_await destroy_client();
    if (gone || !is_status(gone.error(), Nfsstat4::kClientidBusy)) co_return;
  }
  draw_boot_verifier();
  Status made = co_await start_anew();
  for (unsigned times = 0; !made && is_busy(made.error()); ++times) {
    co_await back_off(times);
    made = co_await start_anew();
  }
  if (made) (void)co_await destroy_client();
}

Task<Status> Session::start_anew() {
  NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
  co_return co_await make_session();
}

Task<Status> Session::destroy_client() {
  DestroySession session;
  session.session = session_id_;
  NFSFERRY_TRY(NoReply session_gone, co_await bare(session), co_return);
  DestroyClientid client;
  client.clientid = clientid_;
  NFSFERRY_TRY(NoReply client_gone, co_await bare(client), co_return);
  co_return ok();
}

// An empty SEQUENCE renews the lease (RFC 8881 section 8.3).
Compound Session::renewal() const { return Compound("SEQUENCE", Repeat::kIdempotent); }

void Session::start_recovery(Lost lost, std::uint64_t generation) {
  if (state_ != State::kReady && state_ != State::kRecovering) return;
  if (generation != session_generation_) return;  // done since
  if (lost == Lost::kSession) need_session_ = true;
  if (lost == Lost::kClient) need_client_ = true;
  begin_recovery();
}

Task<Status> Session::recover_once() {
  if (connections_.standing() == 0) {
    NFSFERRY_TRY(Ok connected, co_await reconnect(), co_return);
    bool asks_anyway = need_client_ || need_session_;
    if (!asks_anyway) {
      NFSFERRY_TRY(Ok reached, co_await reach_server(), co_return);
    }
  }
  // A reply of the session before may ask for a new client while this is under way.
  while (need_client_ || need_session_) {
    NFSFERRY_TRY(Ok rebuilt, co_await rebuild(), co_return);
  }
  co_return co_await restore();
}

Task<Status> Session::rebuild() {
  if (need_client_) {
    NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
    need_session_ = true;
  }
  Status session = co_await make_session();
  bool stale = !session && is_status(session.error(), Nfsstat4::kStaleClientid);
  if (!stale) co_return session;
  NFSFERRY_TRY(Ok client, co_await make_client(), co_return);
  co_return co_await make_session();
}

// A tunnel accepts connections whatever becomes of its own way to the server. Those that it ends
// say nothing about the requests on them, which go out when one has brought an answer.
Task<Status> Session::reach_server() {
  std::shared_ptr<Connection> connection = connections_.least_busy();
  if (!connection) co_return own_error(Own::kConnectionLost, "connect");
  Status bound = co_await bind_connection(*connection);
  bool answered = bound || !bound.error().is(Own::kConnectionLost);
  if (answered) co_return ok();
  connection->abort(bound.error());
  co_return bound;
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
  NFSFERRY_TRY(Ok enough, accept(granted), co_return);
  ++create_sequence_;
  session_id_ = reply->session;
  std::uint32_t slots = std::min(granted.max_requests, kSlotsAsked);
  bool first = session_generation_++ == 0;
  if (first) {
    limits_ = ClientLimits{std::min(granted.max_operations, kOperationsMost), slots,
                           std::min(granted.max_request_bytes, kRecordBytesAsked),
                           std::min(granted.max_response_bytes, kRecordBytesAsked),
                           granted.max_cached_response_bytes};
    slot_window_ = std::make_unique<Semaphore>(0);
  } else {
    grant_operations(granted.max_operations);
    limits_.slots = slots;
    if (retired_slots_ > 0) slot_window_->release(retired_slots_);
  }
  slots_.assign(slots, Slot{});
  retired_slots_ = 0;
  slots_wanted_ = slots;
  window_.set_most(slots);
  adjust_window();
  Status reclaimed = co_await reclaim_complete();
  need_session_ = !reclaimed;
  co_return reclaimed;
}

Status Session::accept(const ChannelAttributes& granted) {
  struct Row {
    std::string_view what;
    std::uint32_t granted;
    std::uint32_t least;
  };
  for (const Row& row : {Row{"operations in a request", granted.max_operations, kOperationsLeast},
                         Row{"bytes in a request", granted.max_request_bytes, kMessageBytesLeast},
                         Row{"bytes in a reply", granted.max_response_bytes, kMessageBytesLeast},
                         Row{"slots", granted.max_requests, 1}}) {
    if (row.granted >= row.least) continue;
    return own_error(Own::kBadReply, "CREATE_SESSION",
                     "the server grants " + std::to_string(row.granted) + " " +
                         std::string(row.what) + ", and no fewer than " +
                         std::to_string(row.least) + " can be worked with");
  }
  return ok();
}

Task<Status> Session::bind_connection(Connection& connection) {
  BindConnToSession request;
  request.session = session_id_;
  auto bound = co_await bare_over(&connection, request);
  if (!bound) co_return std::move(bound).error();
  if (bound->session == request.session) co_return ok();
  co_return own_error(Own::kBadReply, "BIND_CONN_TO_SESSION", "a reply about another session");
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

}  // namespace nfsferry::nfs4
