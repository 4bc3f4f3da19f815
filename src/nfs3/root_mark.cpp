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
  if (!text_.empty()) co_return ok();
  root_ = std::move(root);
  run_id_ = std::move(run_id);
  Status made = ok();
  for (unsigned times = 1;; ++times) {
    std::string temporary = temporary_name(run_id_);
    made = co_await make_now(temporary);
    co_await remove_quietly(client_, root_, std::move(temporary));
    bool again = !made && begins_again(made.error());
    if (!again || times == Nfs3Tree::kAttemptsMost) break;
  }
  if (made || means_away(made.error())) co_return made;
  log(LogLevel::kWarning,
      "no " + std::string(kLockName) +
          " says that this run is at work in the target: " + made.error().message());
  co_return ok();
}

// Written before it has its name, which a link gives it as long as nothing else has it.
Task<Status> RootMark::make_now(std::string temporary) {
  NewAttributes first;
  first.mode = 0600;
  auto made = co_await create(client_, root_, temporary, first, kChooseMode);
  if (!made) co_return std::move(made).error();
  auto file = co_await found_of(client_, root_, std::move(temporary), *std::move(made));
  if (!file) co_return std::move(file).error();
  const std::string text = LockHolder::this_process(run_id_).text() + std::string(kSign);
  NFSFERRY_TRY(Ok written, co_await write_text(file->handle, text), co_return);
  Status linked = co_await link(client_, file->handle, root_, std::string(kLockName));
  if (linked) {
    text_ = text;
    co_return ok();
  }
  bool looks =
      is_status(linked.error(), Nfsstat3::kExist) || linked.error().is(Own::kOutcomeUnknown);
  if (!looks) co_return linked;
  auto there = co_await look();
  if (!there && is_status(there.error(), Nfsstat3::kNoent)) co_return linked;
  if (!there) co_return std::move(there).error();
  bool ours = there->text == text;  // which nobody else writes: it has a random part
  if (!ours) co_return co_await take_over(*there, text);
  text_ = text;
  co_return ok();
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

Task<Status> RootMark::take_over(const There& there, const std::string& text) {
  bool free = there.attributes.link_count == 1 && is_mark(there.text) &&
              LockHolder::from_text(there.text).is_gone();
  if (!free) {
    say_it_is_there(there.text);
    co_return ok();
  }
  NFSFERRY_TRY(Ok emptied, co_await set_size(client_, there.handle, 0), co_return);
  NFSFERRY_TRY(Ok written, co_await write_text(there.handle, text), co_return);
  text_ = text;
  co_return ok();
}

Task<Status> RootMark::write_text(const FileHandle& file, const std::string& text) {
  auto rest = std::as_bytes(std::span<const char>(text));
  for (std::uint64_t offset = 0; !rest.empty();) {
    auto written = co_await write(client_, file, offset, rest, Stable::kFileSync);
    if (!written) co_return std::move(written).error();
    offset += written->count;
    rest = rest.subspan(written->count);
  }
  co_return ok();
}

// By name, as NFSv3 has no other way: first it is seen whose it is now.
Task<void> RootMark::remove() {
  std::string text = std::exchange(text_, {});
  if (text.empty()) co_return;
  for (unsigned times = 0; times < Nfs3Tree::kAttemptsMost; ++times) {
    auto now = co_await look();
    Status removed = ok();
    if (now && now->text == text)
      removed = co_await nfs3::remove(client_, root_, std::string(kLockName));
    else if (!now)
      removed = std::move(now).error();
    if (removed || !begins_again(removed.error())) co_return;
  }
}

}  // namespace nfsferry::nfs3
