#include "nfs4/batch.hpp"

#include <algorithm>
#include <numeric>

namespace nfsferry::nfs4 {
namespace {

constexpr std::size_t kRoomInBatch = 256;   // operations
constexpr std::size_t kHeaderBytes = 1024;  // RPC, credentials, COMPOUND, SEQUENCE

std::optional<std::size_t> before(std::size_t item) {
  if (item == 0) return std::nullopt;
  return item - 1;
}

}  // namespace

Status accept_name(std::string_view name) { return check_name("name", name); }

Task<void> BatchRunner::run() {
  std::vector<std::size_t> all;
  all.reserve(batch_.size());
  for (std::size_t item = 0; item < batch_.size(); ++item) {
    Status accepted = batch_.accept(item);
    if (accepted)
      all.push_back(item);
    else
      batch_.fail(item, std::move(accepted).error());
  }
  start(all);
  co_await group_.join();
}

void BatchRunner::start(const std::vector<std::size_t>& items) {
  const ClientLimits& limits = client_.limits();
  std::vector<std::size_t> piece;
  piece.reserve(items.size());
  Cost used{kSequenceOperations, kHeaderBytes, kHeaderBytes};
  for (std::size_t item : items) {
    auto previous = piece.empty() ? std::nullopt : std::optional(piece.back());
    Cost cost = batch_.cost(item, previous);
    bool fits = used.operations + cost.operations <= limits.operations &&
                used.request_bytes + cost.request_bytes <= limits.request_bytes &&
                used.reply_bytes + cost.reply_bytes <= limits.response_bytes;
    if (!fits && !piece.empty()) {
      group_.spawn(send(std::exchange(piece, {})));
      piece.reserve(items.size());
      used = Cost{kSequenceOperations, kHeaderBytes, kHeaderBytes};
      cost = batch_.cost(item, std::nullopt);
    }
    piece.push_back(item);
    used.operations += cost.operations;
    used.request_bytes += cost.request_bytes;
    used.reply_bytes += cost.reply_bytes;
  }
  if (!piece.empty()) group_.spawn(send(std::move(piece)));
}

Cost BatchRunner::room_beside(const std::vector<std::size_t>& items) const {
  const ClientLimits& limits = client_.limits();
  Cost room{limits.operations - kSequenceOperations, limits.request_bytes - kHeaderBytes,
            limits.response_bytes - kHeaderBytes};
  std::optional<std::size_t> previous;
  for (std::size_t item : items) {
    Cost cost = batch_.cost(item, previous);
    previous = item;
    room.operations -= std::min(room.operations, cost.operations);
    room.request_bytes -= std::min(room.request_bytes, cost.request_bytes);
    room.reply_bytes -= std::min(room.reply_bytes, cost.reply_bytes);
  }
  return room;
}

Task<void> BatchRunner::send(std::vector<std::size_t> items) {
  Compound request(batch_.kind(), batch_.repeat(), kRoomInBatch);
  request.leave_waiting_to_caller();
  std::unique_ptr<Batch> head = batch_.take_head(room_beside(items));
  for (std::size_t i = 0; head && i < head->size(); ++i) head->encode(i, before(i), request);
  std::optional<std::size_t> previous;
  for (std::size_t item : items) {
    batch_.encode(item, previous, request);
    previous = item;
  }
  auto reply = co_await client_.call(request);
  Status led = ok();
  if (head) led = co_await settle_head(*head, reply);
  if (!reply) {
    co_await request_failed(request, std::move(items), std::move(reply).error());
    co_return;
  }
  if (!led) {
    bool less = treatment(led.error()) == Treatment::kSendLess;
    if (less) (void)client_.learn_smaller(request, led.error(), reply->result_count());
    co_await undo_unseen(led.error(), items);
    start(items);
    co_return;
  }
  previous.reset();
  std::vector<std::size_t> again;
  bool one_by_one = false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Status status = batch_.decode(items[i], previous, *reply);
    previous = items[i];
    if (status) continue;
    bool alone = items.size() == 1;
    one_by_one = batch_.is_contagious(status.error());
    std::size_t executed = reply->result_count();
    auto behind = std::span(items).subspan(i + 1);
    if (reply->has_failed()) co_await undo_unseen(status.error(), behind);
    if (co_await item_failed(request, items[i], alone, std::move(status).error(), executed)) {
      bool for_long = patience_[items[i]].times > kWaitsTogether;
      if (for_long && !alone)
        group_.spawn(send({items[i]}));
      else
        again.push_back(items[i]);
    }
    if (!reply->has_failed()) continue;  // judged by us: what stands behind it was executed
    again.insert(again.end(), behind.begin(), behind.end());
    break;
  }
  if (!one_by_one) start(again);
  for (std::size_t j = 0; one_by_one && j < again.size(); ++j) group_.spawn(send({again[j]}));
}

// Results that do not read say nothing of what stands behind them: it may have been executed.
Task<void> BatchRunner::undo_unseen(const Error& error, std::span<const std::size_t> items) {
  if (!error.is(Own::kBadReply)) co_return;
  for (std::size_t item : items) co_await batch_.undo(item);
}

Task<Status> BatchRunner::settle_head(Batch& head, Result<CompoundReply>& reply) {
  Status led = ok();
  if (!reply) led = reply.error();
  std::size_t done = 0;
  while (led && done < head.size()) {
    led = head.decode(done, before(done), *reply);
    if (led) ++done;
  }
  if (led) co_return led;
  std::vector<std::size_t> rest(head.size() - done);
  std::iota(rest.begin(), rest.end(), done);
  BatchRunner alone(client_, head);
  alone.start(rest);
  co_await alone.group_.join();
  co_return led;
}

bool BatchRunner::another_attempt(std::size_t item, const Error& error) {
  client_.count_retry();
  if (++attempts_[item] < kAttemptsMost) return true;
  batch_.fail(item, error);
  return false;
}

Task<bool> BatchRunner::item_failed(const Compound& request, std::size_t item, bool alone,
                                    Error error, std::size_t executed) {
  note_refusal(error, patience_[item]);
  co_await batch_.undo(item);
  Treatment treat = treatment(error);
  if (starts_over(treat)) co_return another_attempt(item, error);
  bool busy = is_busy(error);
  if (treat == Treatment::kSendLess && !(busy && alone)) {
    bool smaller = client_.learn_smaller(request, error, executed);
    if (smaller && !alone) co_return true;
    if (!busy) co_return another_attempt(item, error);
  }
  bool divisible = request.operations().size() >= Client::kOperationsLeast;
  if (treat == Treatment::kSendLess && divisible) {  // by the batch's owner
    co_await client_.back_off(attempts_[item]);
    co_return another_attempt(item, error);
  }
  bool again = co_await wait_and_retry(client_, error, patience_[item]);
  if (again) co_return true;
  batch_.fail(item, std::move(error));
  co_return false;
}

Task<void> BatchRunner::request_failed(const Compound& request, std::vector<std::size_t> items,
                                       Error error) {
  Treatment treat = treatment(error);
  bool less = treat == Treatment::kSendLess;
  if (!less && treat != Treatment::kRedo) {
    for (std::size_t item : items) batch_.fail(item, error);
    co_return;
  }
  for (std::size_t item : items) co_await batch_.undo(item);
  if (less && error.domain == Domain::kNfs4) (void)client_.learn_smaller(request, error, 0);
  if (less && items.size() > 1) {
    auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
    start(std::vector<std::size_t>(items.begin(), middle));
    start(std::vector<std::size_t>(middle, items.end()));
    co_return;
  }
  std::vector<std::size_t> again;
  for (std::size_t item : items) {
    if (another_attempt(item, error)) again.push_back(item);
  }
  start(again);
}

}  // namespace nfsferry::nfs4
