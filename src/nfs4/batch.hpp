// Vectored requests: many items share a COMPOUND. A COMPOUND stops at its first failing operation,
// so what stands behind the failing item is sent again, and the item at fault fails alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "loop/sync.hpp"
#include "nfs4/client.hpp"

namespace nfsferry::nfs4 {

// What an item adds to a request and to its reply, at most.
struct Cost {
  std::uint32_t operations = 0;
  std::size_t request_bytes = 0;
  std::size_t reply_bytes = 0;
};

inline constexpr std::uint32_t kSequenceOperations = 1;  // before all items of a request

// One operation on many items; keeps each item's result.
class Batch {
 public:
  virtual ~Batch() = default;
  virtual std::string_view kind() const = 0;
  virtual Repeat repeat() const = 0;
  virtual std::size_t size() const = 0;
  // What must never be sent (a bad name) fails here, without a request.
  virtual Status accept(std::size_t) const { return ok(); }
  // `previous`: the item before it in the same request, executed without error when these run.
  virtual Cost cost(std::size_t item, std::optional<std::size_t> previous) const = 0;
  virtual void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) = 0;
  // Takes the item's results and keeps them. An error ends this item's part of the reply.
  virtual Status decode(std::size_t item, std::optional<std::size_t> previous,
                        CompoundReply& reply) = 0;
  // Removes what a failed or perhaps executed item may have left. No error stops it.
  virtual Task<void> undo(std::size_t item) = 0;
  virtual void fail(std::size_t item, Error error) = 0;
  // True if this item's error makes the same error of the others likely: they go one by one, side
  // by side, instead of stopping one request after the other.
  virtual bool is_contagious(const Error&) const { return false; }
  // What others left to travel at the head of one of this batch's requests, at most `room` of it,
  // as a batch of its own. Its items are likely to succeed: after a failure they go alone.
  virtual std::unique_ptr<Batch> take_head(const Cost&) { return nullptr; }
};

// An error unless the name may be used in a directory operation: kBadName, ENAMETOOLONG.
Status accept_name(std::string_view name);

// Sends a batch in as few requests as the client's limits allow, side by side, until every item
// has its result.
class BatchRunner {
 public:
  static constexpr unsigned kAttemptsMost = 3;
  static constexpr unsigned kWaitsTogether = 5;  // more than half a second

  BatchRunner(Client& client, Batch& batch)
      : client_(client), batch_(batch), attempts_(batch.size()), patience_(batch.size()) {}
  Task<void> run();

 private:
  void start(const std::vector<std::size_t>& items);
  Cost room_beside(const std::vector<std::size_t>& items) const;
  Task<void> send(std::vector<std::size_t> items);
  Task<void> undo_unseen(const Error& error, std::span<const std::size_t> items);
  // The error that ended the request in its head; the items of the head have their results then.
  Task<Status> settle_head(Batch& head, Result<CompoundReply>& reply);
  Task<void> request_failed(const Compound& request, std::vector<std::size_t> items, Error error);
  // Returns true if the item is to be tried again.
  Task<bool> item_failed(const Compound& request, std::size_t item, bool alone, Error error,
                         std::size_t executed);
  bool another_attempt(std::size_t item, const Error& error);

  Client& client_;
  Batch& batch_;
  std::vector<unsigned> attempts_;
  std::vector<Patience> patience_;
  TaskGroup group_;
};

inline Task<void> run_batch(Client& client, Batch& batch) {
  BatchRunner runner(client, batch);
  co_await runner.run();
}

}  // namespace nfsferry::nfs4
