#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "copy/content_hash.hpp"
#include "loop/task.hpp"
#include "tree/tree.hpp"

// What a run replaces or deletes in the target is kept where options.backup_dir says: in the
// directory NAME/RUN_ID of the target's root, at the path that it had. No bytes are moved: what is
// replaced gets a second name there, what is deleted is renamed, whole directories in one go.
// Directories on the way have the owner and mode of those they stand for; all of it is made when
// the first thing is kept. Attributes that are repaired in place are not kept.
namespace nfsferry::copy {

struct DirectoryNode;
class Shared;

// In each backup folder, for people, and so that other runs know what it is and which of its
// directories are backups.
inline constexpr std::string_view kBackupNote = "README.nfsferry";

// All of a directory. `strict`: names that must not be used are an error.
Task<Result<std::vector<Entry>>> list_all(FullTree& tree, DirectoryPtr directory,
                                          bool strict = true);

// The runs that a folder's note tells of. Empty: there is no note, or it is somebody's own.
struct BackupNote {
  bool is_there = false;
  std::optional<std::set<std::string>> runs{};
};
Task<Result<BackupNote>> read_note(FullTree& tree, DirectoryPtr folder);

// Directories of this run's backup, by the path in the target that they stand for. Thread-safe.
class BackupDirectories {
 public:
  DirectoryPtr find(const std::string& path) const;  // null: not made yet
  void add(const std::string& path, DirectoryPtr directory);
  // What a run replaces once more is its own.
  enum class Claim : std::uint8_t {
    kMine,     // nobody has kept the path's entry yet: settle() or unclaim() follows, unless it
               // cannot be told whether it is in the backup
    kPending,  // somebody is about to, or perhaps has
    kSettled,
  };
  Claim claim(const Hash128& path);
  void settle(const Hash128& path);
  void unclaim(const Hash128& path);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, DirectoryPtr> made_;
  std::map<Hash128, bool> kept_;  // and whether that is settled
};

// Before a copy, where a backup is asked for. Errors: kTypeConflict where NAME is something else,
// or has a backup of this run's id already.
Task<Status> check_backup(Shared& shared, FullTree& target);

struct Kept {
  std::shared_ptr<DirectoryNode> node;  // of the target's directory
  std::string name;
  bool listed = true;  // else it may not be there
};
// Gives entries of the target a second name in the backup: of any type but directories. What is
// not there needs none, and is the run's own from then on.
Task<std::vector<Status>> keep_links(Shared& shared, FullTree& target, std::vector<Kept> entries);
// Moves them there. Where it cannot be told whether one was moved, nothing else of the run is moved
// to its path in the backup, and the error says where it may be.
Task<std::vector<Status>> keep_moved(Shared& shared, FullTree& target, std::vector<Kept> entries);

}  // namespace nfsferry::copy
