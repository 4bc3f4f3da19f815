#include "nfs4/put_batch.hpp"

#include <algorithm>

#include "base/nfsstat4.hpp"
#include "nfs4/status_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr unsigned kRemovalsMost = 3;

Task<Status> remove_once(Client& client, const Directory* parent, std::string_view name) {
  Compound request("REMOVE", Repeat::kIdempotent);
  request.add(Putfh{{}, handle_of(parent)});
  request.add(Remove{{}, name});
  auto reply = co_await client.call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_parent, reply->take<Putfh>(), co_return);
  NFSFERRY_TRY(NoReply removed, reply->take<Remove>(), co_return);
  co_return ok();
}

}  // namespace

Task<void> remove_quietly(Client& client, const Directory* parent, std::string name) {
  for (unsigned tried = 0; tried < kRemovalsMost; ++tried) {
    Status removed = co_await remove_once(client, parent, name);
    if (removed || means_no_entry(removed.error())) co_return;
    // What a server refuses once it may not refuse again.
    const Error& error = removed.error();
    if (error.domain != Domain::kNfs4 && !error.is(Own::kRequestRefused)) co_return;
  }
}

Task<void> close_and_remove(Client& client, const Directory* parent, std::string name,
                            Stateid stateid) {
  Compound request("CLOSE", Repeat::kIdempotent);
  request.add(Putfh{{}, handle_of(parent)});
  request.add(Lookup{{}, name});
  request.add(Close{{}, stateid});
  (void)co_await client.call(request);  // a lost stateid is closed already
  co_await remove_quietly(client, parent, std::move(name));
}

PutBatch::PutBatch(Nfs4Tree& tree, std::span<const PutFile> items, ReadBack read_back)
    : tree_(tree),
      items_(items),
      read_back_(read_back == ReadBack::kCompare),
      beginning_(temporary_beginning(tree.mark())),
      states_(items.size()) {
  results_.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) results_.push_back(PutResult{});
}

Status PutBatch::accept(std::size_t item) const {
  NFSFERRY_TRY(Ok named, accept_name(items_[item].name), return);
  bool fits = kSequenceOperations + cost(item, {}).operations <= tree_.client().limits().operations;
  if (fits) return ok();
  return own_error(Own::kRequestRefused, "PUT", "the server takes fewer operations");
}

bool PutBatch::shares_directory(std::size_t item, std::optional<std::size_t> previous) const {
  return previous && items_[*previous].parent == items_[item].parent;
}

// A server that drops an owner given at creation gets it in a SETATTR of its own, before the mode
// (chown clears set-id bits).
bool PutBatch::sets_owner(std::size_t item) const {
  const NewAttributes& attributes = items_[item].attributes;
  return !tree_.owner_at_create() && (attributes.owner || attributes.group);
}

Cost PutBatch::cost(std::size_t item, std::optional<std::size_t> previous) const {
  bool shared = shares_directory(item, previous);
  const PutFile& file = items_[item];
  // OPEN, SETATTR, CLOSE, RESTOREFH and RENAME (GETATTR with read-back); with data WRITE, COMMIT
  // and VERIFY (READ with read-back).
  std::uint32_t operations = 5 + (file.data.empty() ? 0 : 3);
  operations += (shared ? 0 : 2) + (sets_owner(item) ? 1 : 0);
  std::size_t request = 512 + xdr_padded(file.data.size()) + xdr_padded(file.name.size()) +
                        (shared ? 0 : kFileHandleMost);
  std::size_t reply = 448 + (read_back_ ? xdr_padded(file.data.size()) + 128 : 0);
  return Cost{operations, request, reply};
}

void PutBatch::encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) {
  const PutFile& file = items_[item];
  State& state = states_[item];
  state = State{temporary_name_after(beginning_), {}, false};
  if (!shares_directory(item, previous)) {
    request.add(Putfh{{}, handle_of(file.parent)});
    request.add(Savefh{});
  }
  OpenCreate open;
  open.name = state.temporary;
  open.attributes = file.attributes;
  open.choice.owner = tree_.owner_at_create();
  open.read_access = read_back_;
  request.add(open);
  Stateid opened = tree_.client().opened_stateid();
  if (!file.data.empty()) {
    Write write;
    write.stateid = opened;
    write.data = file.data;
    request.add(write);
    if (!read_back_) request.add(Verify{{}, file.data.size()});
  }
  if (sets_owner(item)) {
    request.add(Setattr{{}, opened, file.attributes, kChooseOwner, {}});
  }
  request.add(Setattr{{}, opened, file.attributes, kChooseModeAndTimes, {}});
  if (!file.data.empty()) request.add(Commit{});
  if (read_back_) {
    if (!file.data.empty()) {
      auto count = static_cast<std::uint32_t>(file.data.size());
      request.add(Read{opened, 0, count});
      request.expect_reply_payload(count);
    }
    request.add(Getattr{kFileidMask});
  }
  tree_.client().add_close(request);
  request.add(Restorefh{});
  if (!read_back_) request.add(Rename{{}, state.temporary, file.name});
}

Status PutBatch::decode(std::size_t item, std::optional<std::size_t> previous,
                        CompoundReply& reply) {
  State& state = states_[item];
  if (!shares_directory(item, previous)) {
    NFSFERRY_TRY(NoReply at_directory, reply.take<Putfh>(), return);
    NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
  }
  NFSFERRY_TRY(OpenCreate::Reply opened, reply.take<OpenCreate>(), return);
  state.stateid = opened.stateid;
  state.open = true;
  Status judged = ok();
  NFSFERRY_TRY(Ok body, decode_body(item, reply, judged), return);
  NFSFERRY_TRY(Ok closed, tree_.client().take_close(reply), return);
  state.open = false;
  NFSFERRY_TRY(NoReply back, reply.take<Restorefh>(), return);
  if (!read_back_) {
    NFSFERRY_TRY(NoReply in_place, reply.take<Rename>(), return);
  } else if (judged) {
    rename_later(item);
  }
  return judged;
}

Status PutBatch::decode_body(std::size_t item, CompoundReply& reply, Status& judged) {
  const PutFile& file = items_[item];
  bool has_data = !file.data.empty();
  Write::Reply written;
  if (has_data) {
    NFSFERRY_TRY(Write::Reply wrote, reply.take<Write>(), return);
    written = wrote;
    if (!read_back_) {
      auto same_size = reply.take<Verify>();
      if (!same_size && is_status(same_size.error(), Nfsstat4::kNotSame)) {
        return own_error(Own::kShortWrite, "WRITE", "the server took only a part");
      }
      if (!same_size) return std::move(same_size).error();
    }
  }
  if (sets_owner(item)) {
    NFSFERRY_TRY(NoReply owned, reply.take<Setattr>(), return);
  }
  NFSFERRY_TRY(NoReply dated, reply.take<Setattr>(), return);
  if (has_data) {
    NFSFERRY_TRY(Commit::Reply committed, reply.take<Commit>(), return);
    if (committed.verifier != written.verifier) {
      judged = own_error(Own::kWriteVerifierChanged, "COMMIT", "the server restarted meanwhile");
    }
  }
  if (!read_back_) return ok();
  if (has_data) {
    NFSFERRY_TRY(Read::Reply read, reply.take<Read>(), return);
    bool equal = std::equal(read.data.begin(), read.data.end(), file.data.begin(), file.data.end());
    if (!equal) {
      judged = own_error(Own::kVerifyMismatch, "READ", "read back differs from what was sent");
    }
  }
  NFSFERRY_TRY(Getattr::Reply got, reply.take<Getattr>(), return);
  results_[item] = PutResult{got.fattr.attributes.fileid};
  return ok();
}

Task<void> PutBatch::undo(std::size_t item) {
  State& state = states_[item];
  const Directory* parent = items_[item].parent;
  if (state.open) {
    state.open = false;
    co_await close_and_remove(tree_.client(), parent, state.temporary, state.stateid);
  } else {
    co_await remove_quietly(tree_.client(), parent, state.temporary);
  }
}

void PutBatch::fail(std::size_t item, Error error) {
  bool unopened = !tree_.client().has_current_stateid() && wants_open(error);
  if (unopened) wants_opens_ = true;
  // In a request of its own the RENAME waits until the server has kept what it was sent.
  bool apart = treatment(error) == Treatment::kSendLess || error.is(Own::kWriteVerifierChanged);
  if (unopened || apart) refused_.push_back(item);
  if (error.path.empty()) error.path = std::string(items_[item].name);
  results_[item] = std::move(error);
}

std::unique_ptr<Batch> PutBatch::take_head(const Cost& room) { return tree_.renames().take(room); }

void PutBatch::rename_later(std::size_t item) {
  ++renames_waiting_;
  PendingRename rename;
  rename.parent = items_[item].parent;
  rename.from = states_[item].temporary;
  rename.to = std::string(items_[item].name);
  rename.fileid = results_[item]->fileid;
  rename.done = [this, item](Status status) { renamed(item, std::move(status)); };
  tree_.renames().add(std::move(rename));
}

void PutBatch::renamed(std::size_t item, Status status) {
  if (!status) {
    fail(item, std::move(status).error());
    not_renamed_.push_back(item);
  }
  if (--renames_waiting_ == 0) all_renamed_.pulse();
}

Task<void> PutBatch::finish_renames() {
  while (renames_waiting_ > 0) co_await all_renamed_.wait();
  for (std::size_t item : not_renamed_) {
    co_await remove_quietly(tree_.client(), items_[item].parent, states_[item].temporary);
  }
}

}  // namespace nfsferry::nfs4
