#include "nfs3/root_mark.hpp"

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
// In the place of the mark that temporaries carry: nobody has a lock on this file.
constexpr std::string_view kSign = "NFSv3 ";

std::span<const std::byte> as_bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text));
}

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
  LockHolder holder = LockHolder::this_process(std::move(run_id));
  holder.mark = std::string(kSign) + random_text();
  const std::string text = holder.text();
  Verifier verifier{};
  holder.mark.copy(verifier.data(), verifier.size(), kSign.size());
  Status made = ok();
  FileHandle file;
  for (unsigned times = 1;; ++times) {
    made = co_await make_now(text, verifier, file);
    bool again = !made && begins_again(made.error());
    if (!again || times == Nfs3Tree::kAttemptsMost) break;
  }
  if (made || means_away(made.error())) co_return made;
  log(LogLevel::kWarning,
      "no " + std::string(kLockName) +
          " says that this run is at work in the target: " + made.error().message());
  co_return ok();
}

// `file`: once it was made, which a verifier does not tell any more when it was written.
Task<Status> RootMark::make_now(const std::string& text, Verifier verifier, FileHandle& file) {
  std::string name(kLockName);
  if (file.empty()) {
    auto made = co_await create_exclusive(client_, root_, name, verifier);
    if (!made && is_status(made.error(), Nfsstat3::kExist)) {
      auto there = co_await look();
      if (!there) co_return std::move(there).error();
      co_return co_await take_over(*there, text);
    }
    if (!made) co_return std::move(made).error();
    auto found = co_await found_of(client_, root_, name, *std::move(made));
    if (!found) co_return std::move(found).error();
    file = std::move(found->handle);
  }
  NewAttributes own;
  own.mode = 0600;
  Status written = co_await setattr(client_, file, own, kChooseMode);
  if (written) written = co_await write_durably(client_, file, as_bytes_of(text), text.size());
  if (written) text_ = text;
  if (written || begins_again(written.error())) co_return written;
  // The target is full, perhaps. Who has taken the file meanwhile has written into it.
  auto now = co_await look();
  if (now && text.starts_with(now->text)) co_await remove_quietly(client_, root_, std::move(name));
  co_return written;
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
  LockHolder holder = LockHolder::from_text(there.text);
  bool free =
      there.attributes.link_count == 1 && holder.mark.starts_with(kSign) && holder.is_gone();
  if (!free) {
    say_it_is_there(there.text);
    co_return ok();
  }
  // In place, since what is full takes that.
  NFSFERRY_TRY(Ok written,
               co_await write_durably(client_, there.handle, as_bytes_of(text), text.size()),
               co_return);
  NFSFERRY_TRY(Ok cut, co_await set_size(client_, there.handle, text.size()), co_return);
  text_ = text;
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
