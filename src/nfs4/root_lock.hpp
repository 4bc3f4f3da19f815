#pragma once

#include <string>

#include "loop/sync.hpp"
#include "nfs4/client.hpp"
#include "tree/lock_holder.hpp"

namespace nfsferry::nfs4 {

// Keeps other runs out of a target's root: byte-range locks on `.nfsferry-lock`, whose first line
// is the run id. Who finds it free locks it for writing, writes who it is and goes over to a
// shared lock; who finds it shared compares the id. The server drops the lock with the lease of a
// dead process, so a file that was left behind blocks nobody. A client id that had to be made anew
// has lost the lock without a word: the client takes it again, by this class, before it sends
// anything else. Only the file that was held will do, with the text that was written then: another
// one, or none, means that another run has had the target meanwhile.
class RootLock {
 public:
  explicit RootLock(Client& client);
  RootLock(const RootLock&) = delete;
  RootLock& operator=(const RootLock&) = delete;

  // `root` is the root's file handle; one run id in this object's life. Errors: kLocked with the
  // holder; kTypeConflict when something else has the lock's name; kUnsupported when the server
  // has no locks; nfsstat4.
  Task<Status> take(FileHandle root, std::string run_id);
  // The last holder removes the file, never one of another run; a lock that was lost is taken again
  // for that, and one that a recovery is taking again is waited for. No error stops it.
  Task<void> release();
  const std::string& mark() const { return holder_.mark; }  // while it is held

 private:
  enum class Attempt : std::uint8_t { kHeld, kAgain };

  Task<Status> take_now();
  Task<Result<Attempt>> attempt();
  Task<Status> open_file();
  Task<Result<Attempt>> lock_file();
  Task<Status> write_text(std::string_view text);
  Task<Status> let_others_in();
  Task<Result<Attempt>> share_file();
  Task<Result<bool>> file_has_its_name();
  Task<Status> remove_if_ours();
  Task<Status> remove_file(bool locked);
  Status take_removal(bool locked, CompoundReply& reply);
  Task<void> close_file();
  Task<Status> take_again();
  Task<Result<CompoundReply>> ask(Compound& request);

  Client& client_;
  FileHandle root_;
  std::string run_id_;
  LockHolder holder_;  // what the file says, kept for when the server forgets
  FileHandle file_;
  std::uint64_t fileid_ = 0;
  Stateid open_stateid_;
  Stateid lock_stateid_;
  bool held_ = false;
  bool in_recovery_ = false;
  Event recovered_;
};

}  // namespace nfsferry::nfs4
