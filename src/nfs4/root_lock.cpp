#include "nfs4/root_lock.hpp"

#include <utility>

#include "nfs4/nfs4_tree.hpp"
#include "nfs4/status_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr unsigned kAttemptsMost = 9;  // 2.5 s with their pauses
constexpr unsigned kReleasesMost = 3;
constexpr AttrMask kFileMask{Attr::kType, Attr::kFileid, Attr::kNumlinks};

Error lock_file_error(Own own, std::string_view operation, std::string_view detail) {
  Error error = own_error(own, operation, detail);
  error.path = kLockName;
  return error;
}

Error not_ours() {
  return lock_file_error(Own::kTypeConflict, "OPEN",
                         "it is not the lock file that nfsferry makes; remove it");
}

Error overtaken() {
  return lock_file_error(Own::kLocked, "OPEN",
                         "the server forgot this run's lock, and the lock file is gone: another "
                         "run may have worked on this target meanwhile, or one with this run id "
                         "has ended");
}

Write text_at(const Stateid& locked, std::string_view text) {
  Write write;
  write.stateid = locked;
  write.data = bytes_of(text);
  return write;
}

Status take_text(CompoundReply& reply) {
  NFSFERRY_TRY(Write::Reply written, reply.take<Write>(), return);
  NFSFERRY_TRY(Commit::Reply committed, reply.take<Commit>(), return);
  return ok();
}

bool means_no_locks(const Error& error) {
  return is_status(error, Nfsstat4::kNotsupp) || is_status(error, Nfsstat4::kLockNotsupp) ||
         is_status(error, Nfsstat4::kOpIllegal);
}

}  // namespace

RootLock::RootLock(Client& client) : client_(client) {
  client_.set_restore([this] { return take_again(); });
}

Task<Result<CompoundReply>> RootLock::ask(Compound& request) {
  if (in_recovery_) co_return co_await client_.call_in_recovery(request);
  co_return co_await client_.call(request);
}

Task<Status> RootLock::take(FileHandle root, std::string run_id) {
  check(run_id_.empty() || run_id_ == run_id, "a tree belongs to one run");
  if (held_) co_return ok();
  root_ = std::move(root);
  run_id_ = std::move(run_id);
  co_return co_await take_now();
}

Task<Status> RootLock::take_again() {
  if (!held_) co_return ok();
  in_recovery_ = true;
  Status taken = co_await take_now();
  in_recovery_ = false;
  recovered_.pulse();
  co_return taken;
}

// State that is lost meanwhile is opened and locked anew; in recovery the client sees to that.
Task<Status> RootLock::take_now() {
  for (unsigned times = 1;; ++times) {
    auto result = co_await attempt();
    if (result && *result == Attempt::kHeld) co_return ok();
    bool denied = result.has_value();
    Error error = denied ? lock_file_error(Own::kLocked, "LOCK",
                                           "another process holds the lock file; wait for its end "
                                           "or stop it")
                         : std::move(result).error();
    bool again = denied || (!in_recovery_ && starts_over(treatment(error)));
    if (!again || times == kAttemptsMost) {
      if (error.path.empty()) error.path = kLockName;
      co_return error;
    }
    co_await client_.back_off(times - 1);
  }
}

Task<Result<RootLock::Attempt>> RootLock::attempt() {
  NFSFERRY_TRY(Ok opened, co_await open_file(), co_return);
  std::uint64_t generation = client_.client_generation();  // the OPEN may have waited for a new one
  Result<Attempt> locked = Attempt::kAgain;
  if (in_recovery_)
    locked = co_await share_file();
  else
    locked = co_await lock_file();
  if (locked && *locked == Attempt::kHeld) {
    // The holder before us removes the file: what was locked may have no name any more.
    auto named = co_await file_has_its_name();
    if (!named)
      locked = std::move(named).error();
    else if (!*named)
      locked = Attempt::kAgain;
  }
  bool lost = generation != client_.client_generation();  // and nothing of it is left to close
  if (lost) co_return Attempt::kAgain;
  if (locked && *locked == Attempt::kHeld)
    held_ = true;
  else
    co_await close_file();
  co_return locked;
}

// The file that was held is there until its last holder removes it. A recovery that finds none has
// been overtaken by a run that has ended since, and makes none.
Task<Status> RootLock::open_file() {
  lock_stateid_ = Stateid::anonymous();
  Compound request("OPEN", Repeat::kIdempotent);
  request.add(Putfh{{}, root_});
  if (in_recovery_) {
    OpenExisting open;
    open.name = kLockName;
    open.write_access = true;
    request.add(open);
  } else {
    OpenCreate open;
    open.name = kLockName;
    open.read_access = true;
    open.guarded = false;
    request.add(open);
  }
  request.add(Getfh{});
  request.add(Getattr{kFileMask});
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_root, reply->take<Putfh>(), co_return);
  auto opened = reply->take<OpenCreate>();
  if (!opened) {
    const Error& error = opened.error();
    bool other = is_status(error, Nfsstat4::kSymlink) || is_status(error, Nfsstat4::kIsdir) ||
                 is_status(error, Nfsstat4::kInval) || is_status(error, Nfsstat4::kWrongType);
    if (other) co_return not_ours();
    if (in_recovery_ && is_status(error, Nfsstat4::kNoent)) co_return overtaken();
    co_return std::move(opened).error();
  }
  open_stateid_ = opened->stateid;
  NFSFERRY_TRY(Getfh::Reply handle, reply->take<Getfh>(), co_return);
  NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
  file_ = std::move(handle.handle);
  fileid_ = got.fattr.attributes.fileid;
  // The target's owner may have put something here that leads to another file: never write to it.
  const Attributes& found = got.fattr.attributes;
  if (found.type == FileType::kRegular && found.link_count <= 1) co_return ok();
  co_await close_file();
  co_return not_ours();
}

// Where the current stateid allows it, all in one request. Whoever gets a shared lock can read the
// text in any case: until it is written, the lock is ours alone. It is on disk before that: after
// a crash of the server it is by this text that its holder is known.
Task<Result<RootLock::Attempt>> RootLock::lock_file() {
  bool at_once = client_.has_current_stateid();
  LockHolder holder = LockHolder::this_process(run_id_);
  std::string text = holder.text();
  Compound request("LOCK", Repeat::kIdempotent);
  request.add(Putfh{{}, file_});
  request.add(Lock{LockType::kWrite, open_stateid_, true});
  if (at_once) {
    request.add(text_at(Stateid::current(), text));
    request.add(Commit{});
    request.add(Lock{LockType::kRead, Stateid::current(), false});
  }
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
  auto alone = reply->take<Lock>();
  if (!alone && is_status(alone.error(), Nfsstat4::kDenied)) co_return co_await share_file();
  if (!alone && means_no_locks(alone.error())) {
    (void)co_await remove_file(false);
    co_return lock_file_error(Own::kUnsupported, "LOCK", "the server has no locks");
  }
  if (!alone) co_return std::move(alone).error();
  lock_stateid_ = alone->stateid;
  Status written = ok();
  if (!at_once)
    written = co_await write_text(text);
  else
    written = take_text(*reply);
  if (!written) {  // the target is full, perhaps
    (void)co_await remove_file(true);
    co_return std::move(written).error();
  }
  if (at_once) {
    NFSFERRY_TRY(Lock::Reply shared, reply->take<Lock>(), co_return);
    lock_stateid_ = shared.stateid;
  } else {
    NFSFERRY_TRY(Ok shared, co_await let_others_in(), co_return);
  }
  holder_ = std::move(holder);
  co_return Attempt::kHeld;
}

// Without the LOCK: repeated after a lost reply, a request whose LOCK was executed has an old
// stateid everywhere else.
Task<Status> RootLock::write_text(std::string_view text) {
  Compound request("WRITE", Repeat::kIdempotent);
  request.add(Putfh{{}, file_});
  request.add(text_at(lock_stateid_, text));
  request.add(Commit{});
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
  co_return take_text(*reply);
}

Task<Status> RootLock::let_others_in() {
  Compound request("LOCK", Repeat::kIdempotent);
  request.add(Putfh{{}, file_});
  request.add(Lock{LockType::kRead, lock_stateid_, false});
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
  NFSFERRY_TRY(Lock::Reply shared, reply->take<Lock>(), co_return);
  lock_stateid_ = shared.stateid;
  co_return ok();
}

Task<Result<RootLock::Attempt>> RootLock::share_file() {
  Compound request("LOCK", Repeat::kIdempotent);
  request.add(Putfh{{}, file_});
  request.add(Lock{LockType::kRead, open_stateid_, true});
  Stateid reading = client_.has_current_stateid() ? Stateid::current() : open_stateid_;
  request.add(Read{reading, 0, kLockTextMost});
  request.expect_reply_payload(kLockTextMost);
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
  auto shared = reply->take<Lock>();
  if (!shared && is_status(shared.error(), Nfsstat4::kDenied)) co_return Attempt::kAgain;
  if (!shared) co_return std::move(shared).error();
  lock_stateid_ = shared->stateid;
  NFSFERRY_TRY(Read::Reply read, reply->take<Read>(), co_return);
  std::string_view text(reinterpret_cast<const char*>(read.data.data()), read.data.size());
  LockHolder holder = LockHolder::from_text(text);
  bool other = holder.run_id != run_id_ || (in_recovery_ && holder.mark != holder_.mark);
  if (other) co_return holder.locked("LOCK");
  holder_ = std::move(holder);
  co_return Attempt::kHeld;
}

Task<Result<bool>> RootLock::file_has_its_name() {
  Compound request("LOOKUP", Repeat::kIdempotent);
  request.add(Putfh{{}, root_});
  request.add(Lookup{{}, kLockName});
  request.add(Getattr{kFileidMask});
  auto reply = co_await ask(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_root, reply->take<Putfh>(), co_return);
  auto found = reply->take<Lookup>();
  if (!found && is_status(found.error(), Nfsstat4::kNoent)) co_return false;
  if (!found) co_return std::move(found).error();
  NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
  co_return got.fattr.attributes.fileid == fileid_;
}

Task<void> RootLock::release() {
  while (in_recovery_) co_await recovered_.wait();
  if (!std::exchange(held_, false)) co_return;
  Status removed = co_await remove_if_ours();
  for (unsigned times = 1; times < kReleasesMost && !removed; ++times) {
    if (!starts_over(treatment(removed.error()))) break;
    co_await close_file();
    removed = co_await take_now();
    while (in_recovery_) co_await recovered_.wait();
    held_ = false;
    if (removed) removed = co_await remove_if_ours();
  }
  co_await close_file();
}

Task<Status> RootLock::remove_if_ours() {
  NFSFERRY_TRY(bool named, co_await file_has_its_name(), co_return);
  if (!named) co_return ok();
  co_return co_await remove_file(true);
}

// As the only holder, which the request itself makes sure of: the lock of a client id that is gone
// stops it before the REMOVE. Once: after a lost reply the name may be another run's.
Task<Status> RootLock::remove_file(bool locked) {
  Patience patience;
  for (;;) {
    Compound request("REMOVE", Repeat::kOnce);
    if (locked) {
      request.add(Putfh{{}, file_});
      request.add(Lock{LockType::kWrite, lock_stateid_, false});
    }
    request.add(Putfh{{}, root_});
    request.add(Remove{{}, kLockName});
    auto reply = co_await ask(request);
    if (!reply) co_return std::move(reply).error();
    Status removed = take_removal(locked, *reply);
    if (removed) co_return ok();
    Error error = std::move(removed).error();
    if (!co_await wait_and_retry(client_, error, patience)) co_return error;
  }
}

// The lock that was taken before the REMOVE failed is the one to be given back.
Status RootLock::take_removal(bool locked, CompoundReply& reply) {
  if (locked) {
    NFSFERRY_TRY(NoReply at_file, reply.take<Putfh>(), return);
    NFSFERRY_TRY(Lock::Reply alone, reply.take<Lock>(), return);
    lock_stateid_ = alone.stateid;
  }
  NFSFERRY_TRY(NoReply at_root, reply.take<Putfh>(), return);
  NFSFERRY_TRY(NoReply removed, reply.take<Remove>(), return);
  return ok();
}

Task<void> RootLock::close_file() {
  Compound request("CLOSE", Repeat::kIdempotent);
  request.add(Putfh{{}, file_});
  if (lock_stateid_ != Stateid::anonymous()) request.add(Locku{{}, lock_stateid_});
  request.add(Close{{}, open_stateid_});
  (void)co_await ask(request);  // what stays open ends with the lease
}

}  // namespace nfsferry::nfs4
