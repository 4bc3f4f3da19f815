#include "nfs3/root_mark.hpp"

#include <span>
#include <utility>

#include "base/log.hpp"
#include "nfs3/listing.hpp"
#include "nfs3/nfs3_tree.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr AttrChoice kChooseMode{false, true, false};

Error mark_error(Own own, std::string_view operation, std::string_view detail) {
  Error error = own_error(own, operation, detail);
  error.path = kLockName;
  return error;
}

// Whether that run is still at work NFSv3 cannot tell.
Error in_the_way(const LockHolder& holder) {
  Error error = holder.locked("CREATE");
  error.detail +=
      ", or remove that file if it has ended without doing so: over NFSv3 this cannot be told";
  return error;
}

Task<Result<Found>> found_there(Client& client, const FileHandle& root) {
  auto entry = co_await entry_of(client, root, std::string(kLockName));
  if (!entry) co_return std::move(entry).error();
  co_return Found{std::move(entry->handle), std::move(entry->attributes)};
}

}  // namespace

Task<Status> RootMark::make(FileHandle root, std::string run_id) {
  if (made_) co_return ok();
  root_ = std::move(root);
  run_id_ = std::move(run_id);
  for (unsigned times = 1;; ++times) {
    auto result = co_await attempt();
    if (result && *result == Attempt::kDone) co_return ok();
    bool again = result || begins_again(result.error());
    if (again && times < Nfs3Tree::kAttemptsMost) continue;
    if (result) co_return mark_error(Own::kLocked, "CREATE", "it comes and goes; run again");
    Error error = std::move(result).error();
    if (error.path.empty()) error.path = kLockName;
    co_return error;
  }
}

Task<Result<RootMark::Attempt>> RootMark::attempt() {
  NewAttributes first;
  first.mode = 0600;
  std::string name(kLockName);
  auto made = co_await create(client_, root_, name, first, kChooseMode);
  if (!made) {
    bool there = is_status(made.error(), Nfsstat3::kExist) || made.error().is(Own::kOutcomeUnknown);
    if (!there) co_return std::move(made).error();
    auto found = co_await found_there(client_, root_);
    if (!found && is_status(found.error(), Nfsstat3::kNoent)) co_return Attempt::kAgain;
    if (!found) co_return std::move(found).error();
    co_return co_await look_at(*found);
  }
  auto file = co_await found_of(client_, root_, name, *std::move(made));
  if (!file) {
    co_await remove_quietly(client_, root_, std::move(name));
    co_return std::move(file).error();
  }
  fileid_ = file->attributes->fileid;
  made_ = true;
  Status written = co_await write_text(file->handle);
  if (written) co_return Attempt::kDone;
  co_await remove();  // the target is full, perhaps
  co_return std::move(written).error();
}

Task<Status> RootMark::write_text(const FileHandle& file) {
  const std::string text = LockHolder::this_process(run_id_).text();
  auto rest = std::as_bytes(std::span(text));
  for (std::uint64_t offset = 0; !rest.empty();) {
    auto written = co_await write(client_, file, offset, rest, Stable::kFileSync);
    if (!written) co_return std::move(written).error();
    offset += written->count;
    rest = rest.subspan(written->count);
  }
  co_return ok();
}

// A file without text is one whose writer ended, or is, between two requests: it is made anew.
Task<Result<RootMark::Attempt>> RootMark::look_at(const Found& there) {
  const Attributes& found = *there.attributes;
  if (found.type != FileType::kRegular || found.link_count > 1) {
    co_return mark_error(Own::kTypeConflict, "CREATE",
                         "it is not the lock file that nfsferry makes; remove it");
  }
  auto got = co_await read(client_, there.handle, 0, kLockTextMost);
  if (!got) co_return std::move(got).error();
  std::string_view text(reinterpret_cast<const char*>(got->data.bytes.data()),
                        got->data.bytes.size());
  LockHolder holder = LockHolder::from_text(text);
  bool dead = text.empty() || holder.is_gone();
  if (!dead && holder.run_id == run_id_) co_return Attempt::kDone;
  if (!dead) co_return in_the_way(holder);
  if (!text.empty())
    log(LogLevel::kWarning, "the lock file of a run of this host that has ended is replaced");
  Status removed = co_await remove_file(found.fileid);
  if (!removed) co_return std::move(removed).error();
  co_return Attempt::kAgain;
}

// NFSv3 has no removal by handle: the name is looked at first.
Task<Status> RootMark::remove_file(std::uint64_t fileid) {
  auto now = co_await found_there(client_, root_);
  if (!now && is_status(now.error(), Nfsstat3::kNoent)) co_return ok();
  if (!now) co_return std::move(now).error();
  if (now->attributes->fileid != fileid) co_return ok();
  co_return co_await nfs3::remove(client_, root_, std::string(kLockName));
}

Task<void> RootMark::remove() {
  if (!std::exchange(made_, false)) co_return;
  for (unsigned times = 0; times < Nfs3Tree::kAttemptsMost; ++times) {
    Status removed = co_await remove_file(fileid_);
    if (removed || !begins_again(removed.error())) co_return;
  }
}

}  // namespace nfsferry::nfs3
