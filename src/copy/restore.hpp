#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "copy/backup.hpp"
#include "copy/shared.hpp"
#include "loop/sync.hpp"

// Backups, listed and put back. These work on the target alone.
namespace nfsferry::copy {

// The backup of one run.
struct BackupPlace {
  NodePtr folder;  // that it lies in; its `target` is open
  Entry entry;     // the run's directory
};
// All in the target's root, in folders that hold the note of backup.hpp.
Task<Result<std::vector<BackupPlace>>> find_backups(FullTree& tree);

// Puts what is in a backup back where it was, by renames. What stands there now is moved into the
// backup of this run (shared.options.run_id) first, so that a restore can be undone like a copy.
// Directories on both sides are merged, several at once. What the run had added to the target
// stays. Failures are of single entries, in shared.failures; what could not be put back stays in
// the backup.
class Restore {
 public:
  Restore(Shared& shared, FullTree& tree);
  ~Restore();
  Task<Status> go(const BackupPlace& place);

  std::uint64_t restored() const { return restored_; }
  std::uint64_t unchanged() const { return unchanged_; }

 private:
  struct Level;
  using LevelPtr = std::shared_ptr<Level>;
  struct Inside;
  Task<Status> fill(LevelPtr level);
  Task<void> take_all(Level& level, std::vector<Entry> entries);
  Task<void> lane();
  Task<void> take(Level& level, std::vector<Entry> entries);
  Task<void> put_back(Level& level, std::vector<Entry> entries);
  Task<void> displace(Level& level, Entry entry, Entry there);
  Task<void> drop_links(Level& level, std::vector<Entry> entries);
  Task<void> make_room(Level& level, std::vector<Entry>& entries);
  Task<Status> enter(const LevelPtr& above, const Entry& entry);
  Task<void> close_one(LevelPtr level);
  Task<void> leave(Level& level);
  void failed(Level& level, const std::string& name, const Error& error);

  Shared& shared_;
  FullTree& tree_;
  std::vector<Inside> waiting_;
  TaskGroup lanes_;
  Semaphore large_{1};  // one directory of more than a page is held in memory at a time
  std::uint64_t restored_ = 0;
  std::uint64_t unchanged_ = 0;
};

}  // namespace nfsferry::copy
