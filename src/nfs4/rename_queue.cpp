#include "nfs4/rename_queue.hpp"

#include <iterator>
#include <utility>

#include "nfs4/nfs4_tree.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kBesideRenames = 3;  // SEQUENCE, PUTFH, SAVEFH

Cost cost_of(const PendingRename& one, const PendingRename* previous) {
  bool shared = previous != nullptr && previous->parent == one.parent;
  return Cost{shared ? 1u : 3u, 128 + xdr_padded(one.to.size()) + kFileHandleMost, 128};
}

// What is asked here decides about a file: a connection lost twice is no answer.
Task<Result<CompoundReply>> ask_again(Client& client, Compound& request) {
  auto reply = co_await client.call(request);
  for (unsigned again = 1; !reply && again < BatchRunner::kAttemptsMost; ++again) {
    reply = co_await client.call(request);
  }
  co_return reply;
}

Compound look_for(const FileHandle& parent, std::string_view name) {
  Compound request("LOOKUP", Repeat::kIdempotent);
  request.add(Putfh{{}, parent});
  request.add(Lookup{{}, name});
  return request;
}

// A rename that failed or whose outcome is unknown is looked at: it was done if the final name
// holds the file.
class RenameBatch : public Batch {
 public:
  RenameBatch(Client& client, std::vector<PendingRename> items)
      : client_(client), items_(std::move(items)), found_done_(items_.size()) {}

  std::string_view kind() const override { return "RENAME"; }
  Repeat repeat() const override { return Repeat::kOnce; }
  std::size_t size() const override { return items_.size(); }
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override {
    return cost_of(items_[item], previous ? &items_[*previous] : nullptr);
  }
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override {
    const PendingRename& one = items_[item];
    if (!shares(item, previous)) {
      request.add(Putfh{{}, handle_of(one.parent)});
      request.add(Savefh{});
    }
    request.add(Rename{{}, one.from, one.to});
  }
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override {
    if (!shares(item, previous)) {
      NFSFERRY_TRY(NoReply at_directory, reply.take<Putfh>(), return);
      NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    }
    NFSFERRY_TRY(NoReply renamed, reply.take<Rename>(), return);
    items_[item].done(ok());
    return ok();
  }
  // Nothing is undone: finds out whether it was done after all.
  Task<void> undo(std::size_t item) override {
    const PendingRename& one = items_[item];
    bool done = co_await is_renamed(client_, handle_of(one.parent), one.from, one.to, one.fileid);
    found_done_[item] = done;
  }
  void fail(std::size_t item, Error error) override {
    items_[item].done(found_done_[item] ? ok() : Status(std::move(error)));
  }

 private:
  bool shares(std::size_t item, std::optional<std::size_t> previous) const {
    return previous && items_[*previous].parent == items_[item].parent;
  }

  Client& client_;
  std::vector<PendingRename> items_;
  std::vector<bool> found_done_;
};

}  // namespace

Task<bool> is_renamed(Client& client, const FileHandle& parent, std::string from, std::string to,
                      std::uint64_t fileid) {
  Compound request = look_for(parent, to);
  request.add(Getattr{kFileidMask});
  auto reply = co_await ask_again(client, request);
  if (!reply || !reply->take<Putfh>() || !reply->take<Lookup>()) co_return false;
  auto got = reply->take<Getattr>();
  if (!got) co_return false;
  if (fileid != 0) co_return got->fattr.attributes.fileid == fileid;
  auto left = co_await is_there(client, parent, std::move(from));
  co_return left && !*left;
}

Task<Result<bool>> is_there(Client& client, const FileHandle& directory, std::string name) {
  Compound request = look_for(directory, name);
  auto reply = co_await ask_again(client, request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_directory, reply->take<Putfh>(), co_return);
  auto found = reply->take<Lookup>();
  if (found) co_return true;
  if (means_no_entry(found.error())) co_return false;
  co_return std::move(found).error();
}

std::vector<PendingRename> RenameQueue::take_first(std::size_t count) {
  auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<PendingRename> taken(std::make_move_iterator(waiting_.begin()),
                                   std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

std::unique_ptr<Batch> RenameQueue::take(const Cost& room) {
  Cost used;
  std::size_t count = 0;
  for (; count < waiting_.size(); ++count) {
    Cost cost = cost_of(waiting_[count], count > 0 ? &waiting_[count - 1] : nullptr);
    used.operations += cost.operations;
    used.request_bytes += cost.request_bytes;
    used.reply_bytes += cost.reply_bytes;
    bool fits = used.operations <= room.operations && used.request_bytes <= room.request_bytes &&
                used.reply_bytes <= room.reply_bytes;
    if (!fits) break;
  }
  if (count == 0) return nullptr;
  return std::make_unique<RenameBatch>(client_, take_first(count));
}

Task<void> RenameQueue::put_ends() {
  --puts_;
  std::size_t full = client_.limits().operations - kBesideRenames;
  std::size_t count = puts_ == 0 ? waiting_.size() : waiting_.size() / full * full;
  RenameBatch alone(client_, take_first(count));
  co_await run_batch(client_, alone);
}

}  // namespace nfsferry::nfs4
