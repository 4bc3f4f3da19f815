#include "nfs3/root_mark.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/treatment.hpp"
#include "nfs3/listing.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "tree/lock_holder.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr AttrChoice kChooseMode{false, true, false};
// Behind what every holder writes: nobody has a lock on this file.
constexpr std::string_view kSign = "NFSv3\n";

bool is_mark(std::string_view text) { return text.ends_with(kSign); }

void say_it_is_there(std::string_view text) {
  LockHolder holder = LockHolder::from_text(text);
  std::string of_whom;
  if (!holder.run_id.empty()) {
    of_whom = " of run " + quote_for_terminal(holder.run_id) + " (process " +
              escape_for_terminal(holder.process) + " on " + escape_for_terminal(holder.host) + ")";
  }
  log(LogLevel::kWarning, "the target has a " + std::string(kLockName) + of_whom +
                              ": over NFSv3 it cannot be told whether that run is still at work; "
                              "if it is not, remove the file");
}

}  // namespace

struct RootMark::There {
  FileHandle handle{};
  Attributes attributes{};
  std::string text{};  // of a regular file
};

Task<Status> RootMark::make(FileHandle root, std::string run_id) {
  if (!file_.empty()) co_return ok();
  root_ = std::move(root);
  Status made = co_await make_now(run_id);
  if (made || means_away(made.error())) co_return made;
  log(LogLevel::kWarning,
      "no " + std::string(kLockName) +
          " says that this run is at work in the target: " + made.error().message());
  co_return ok();
}

Task<Status> RootMark::make_now(const std::string& run_id) {
  NewAttributes first;
  first.mode = 0600;
  std::string name(kLockName);
  auto made = co_await create(client_, root_, name, first, kChooseMode);
  if (made) {
    auto file = co_await found_of(client_, root_, std::move(name), *std::move(made));
    if (!file) co_return std::move(file).error();
    co_return co_await write_text(std::move(file->handle), run_id);
  }
  // One that was made without an answer says so little that it is left, too.
  bool there = is_status(made.error(), Nfsstat3::kExist) || made.error().is(Own::kOutcomeUnknown);
  if (!there) co_return std::move(made).error();
  auto found = co_await look();
  if (!found) co_return std::move(found).error();
  co_return co_await take_over(*found, run_id);
}

Task<Result<RootMark::There>> RootMark::look() {
  auto entry = co_await entry_of(client_, root_, std::string(kLockName));
  if (!entry) co_return std::move(entry).error();
  There there{std::move(entry->handle), std::move(entry->attributes), {}};
  if (there.attributes.type != FileType::kRegular) co_return there;
  auto got = co_await read(client_, there.handle, 0, kLockTextMost);
  if (!got) co_return std::move(got).error();
  there.text.assign(reinterpret_cast<const char*>(got->data.bytes.data()), got->data.bytes.size());
  co_return there;
}

Task<Status> RootMark::take_over(const There& there, const std::string& run_id) {
  bool ours = there.attributes.link_count == 1 && is_mark(there.text) &&
              LockHolder::from_text(there.text).is_gone();
  if (ours) co_return co_await write_text(there.handle, run_id);
  say_it_is_there(there.text);
  co_return ok();
}

Task<Status> RootMark::write_text(FileHandle file, const std::string& run_id) {
  std::string text = LockHolder::this_process(run_id).text() + std::string(kSign);
  file_ = std::move(file);
  text_.clear();
  NFSFERRY_TRY(Ok emptied, co_await set_size(client_, file_, 0), co_return);
  auto rest = std::as_bytes(std::span<const char>(text));
  for (std::uint64_t offset = 0; !rest.empty();) {
    auto written = co_await write(client_, file_, offset, rest, Stable::kFileSync);
    if (!written) co_return std::move(written).error();
    std::size_t count = std::min<std::size_t>(written->count, rest.size());
    text_.append(text, text_.size(), count);
    offset += count;
    rest = rest.subspan(count);
  }
  co_return ok();
}

// By name, as NFSv3 has no other way: first it is seen whose it is now.
Task<void> RootMark::remove() {
  FileHandle file = std::exchange(file_, {});
  if (file.empty()) co_return;
  for (unsigned times = 0; times < Nfs3Tree::kAttemptsMost; ++times) {
    auto now = co_await look();
    Status removed = ok();
    if (now && now->handle == file && now->text == text_)
      removed = co_await nfs3::remove(client_, root_, std::string(kLockName));
    else if (!now)
      removed = std::move(now).error();
    if (removed || !begins_again(removed.error())) co_return;
  }
}

}  // namespace nfsferry::nfs3
