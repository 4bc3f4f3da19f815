// What the threads of one copy share; each piece behind its own small class.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "copy/backup.hpp"
#include "copy/content_hash.hpp"
#include "copy/file_ranges.hpp"
#include "copy/filter.hpp"
#include "copy/large_crew.hpp"
#include "copy/large_files.hpp"
#include "copy/losses.hpp"
#include "copy/ownership.hpp"
#include "copy/surplus.hpp"
#include "copy/work_queue.hpp"
#include "loop/pace.hpp"
#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "nfsferry/report.hpp"
#include "tree/release_flat.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Names of a directory of the source that were dealt with and that the target does not have: they
// failed, were skipped, or wait to be linked. A listing that is started over asks for them.
class LeftOut {
 public:
  static constexpr std::size_t kMost = 1 << 18;  // more may be counted twice

  void add(const Hash128& key);
  bool has(const Hash128& key) const;
  void close();  // nobody will ask any more

 private:
  mutable std::mutex mutex_;
  std::set<Hash128> keys_;
  bool closed_ = false;
};

// A directory on its way. `pending` counts what must be done before its own attributes are set:
// its listing, its files, its subdirectories. Once something in it has been found, other threads
// read the node, and only its atomics change.
struct DirectoryNode {
  // Enough for any real tree; more is a server that makes directories up.
  static constexpr std::uint32_t kDepthMost = 10'000;

  DirectoryNode() = default;
  DirectoryNode(const DirectoryNode&) = delete;
  DirectoryNode& operator=(const DirectoryNode&) = delete;
  ~DirectoryNode() { release_flat(std::move(parent)); }

  std::shared_ptr<DirectoryNode> parent;
  std::uint32_t depth = 0;  // of the root
  Entry entry;              // of the source
  DirectoryPtr source;      // opened when its turn comes
  DirectoryPtr target;
  bool late = false;     // found by who copies, perhaps after the walk: listed and copied there
  bool existed = false;  // the target had it, so what it holds is compared
  bool target_failed = false;     // the target's directory cannot be listed
  bool made_here = false;         // by this run, or what it lies in: it holds nothing older
  bool owned = false;             // the target's owner and group are right already
  bool attributes_right = false;  // all of them were when the target was listed
  // Another run's lock is here or above: nothing is removed.
  std::atomic<bool> others_at_work{false};
  std::uint64_t target_fileid = 0;    // of the target's directory; 0: none yet, or it was not told
  std::uint32_t target_mode = 07777;  // that it had
  // Directories or further names of files were found in it, which may be done after its files.
  std::atomic<bool> outlasts_files{false};
  std::atomic<bool> touched{false};    // a name in the target's directory was made or replaced
  std::atomic<bool> opened_up{false};  // its owner may write, until it is finished, if that can be
  std::atomic<bool> removed{false};    // from the target: a file has its name now
  // Another directory of the source has its name, which the target's directory was given to.
  std::atomic<bool> replaced{false};
  std::atomic<std::uint64_t> pending{1};
  std::atomic<std::uint64_t> in_flight{0};  // entries queued and not done
  // The directory that took the name of this one while it was listed, and that waits for it. Set
  // before the listing's part of `pending` is given back.
  std::shared_ptr<DirectoryNode> replaced_by;
  mutable LeftOut left_out;  // while it is listed

  // A directory of this one, on its way.
  static std::shared_ptr<DirectoryNode> child_of(std::shared_ptr<DirectoryNode> parent,
                                                 Entry entry);
  // Whether that is so of it or of a directory above it.
  bool is_overtaken() const;
  // Refuses a directory of this one that would have no end. Errors: kListingLoops.
  Status refuse_endless(const Entry& entry) const;
  std::string path() const;  // relative to the root, "" for the root; bytes
  std::string path_of(std::string_view name) const;
  void write_path_of(std::string_view name, std::string& out) const;  // over what `out` had
};
using NodePtr = std::shared_ptr<DirectoryNode>;

struct Counters {
  std::atomic<std::uint64_t> entries_found{0};  // all but directories
  std::atomic<std::uint64_t> entries_done{0};
  std::atomic<std::uint64_t> files_found{0};  // of them, to be copied
  std::atomic<std::uint64_t> bytes_found{0};
  std::atomic<std::uint64_t> bytes_to_compare{0};
  std::atomic<std::uint64_t> bytes_compared{0};
  std::atomic<std::uint64_t> files_done{0};  // copied
  std::atomic<std::uint64_t> files_skipped{0};
  std::atomic<std::uint64_t> files_verified{0};
  std::atomic<std::uint64_t> files_unread{0};  // regular, in place, their content not read
  std::atomic<std::uint64_t> folders_verified{0};
  std::atomic<std::uint64_t> metadata_repaired{0};
  std::atomic<std::uint64_t> temporaries_removed{0};
  std::atomic<std::uint64_t> owners_not_set{0};
  std::atomic<std::uint64_t> target_only{0};
  std::atomic<std::uint64_t> files_deleted{0};  // all but directories
  std::atomic<std::uint64_t> folders_deleted{0};
  std::atomic<std::uint64_t> deletion_refused{0};  // what stays though only the target has it
  std::atomic<std::uint64_t> backed_up{0};
  std::atomic<std::uint64_t> sparse_bytes_saved{0};
  std::atomic<std::uint64_t> bytes_written{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> folders_created{0};
  std::atomic<std::uint64_t> folders_found_there{0};
  std::atomic<std::uint64_t> symlinks{0};
  std::atomic<std::uint64_t> hard_links{0};
  std::atomic<std::uint64_t> special_skipped{0};
  std::atomic<std::uint64_t> leftovers_skipped{0};
  std::atomic<std::uint64_t> mounts_not_entered{0};
  std::atomic<std::uint64_t> files_filtered{0};  // all but directories
  std::atomic<std::uint64_t> folders_filtered{0};
  std::atomic<std::uint64_t> changed{0};
  std::atomic<std::uint64_t> vanished{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> answers{0};  // of all trees, as each thread last looked
};

// Passes calls on to the run's observer one at a time, whichever thread they come from.
class SerialObserver : public Observer {
 public:
  explicit SerialObserver(Observer& observer)
      : observer_(observer), wants_entries_(observer.wants_entries()) {}
  void on_progress(const Progress& progress) override;
  void on_failure(const Failure& failure) override;
  bool wants_entries() const override { return wants_entries_; }
  void on_entry(const EntryRecord& record) override;

 private:
  Observer& observer_;
  const bool wants_entries_;
  std::mutex mutex_;
};

// In which part of the work an entry failed.
enum class Phase : std::uint8_t { kPrepare, kTransfer, kVerify, kDelete };

// Entries that failed: the first kFailuresKept in full, the first difference among them, all of
// them counted.
class Failures {
 public:
  explicit Failures(Observer& observer) : observer_(observer) {}
  // `say`: tell the observer; what fails after the run was given up would only be noise.
  void add(Phase phase, std::string path, const Error& error, std::uint32_t attempts, bool say);
  void give_to(CopyReport& report);
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  Observer& observer_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> count_{0};
  std::uint64_t by_phase_[4] = {};
  std::vector<Failure> kept_;
  bool difference_kept_ = false;
};

// Directories to be listed: a bounded stack (depth first keeps it small), and the count of those
// on their way. When it is full the finder lists the directory itself.
class DirectoryQueue {
 public:
  static constexpr std::size_t kMost = 4096;

  bool try_push(NodePtr node);
  std::optional<NodePtr> try_pop();
  std::size_t waiting() const;
  void done();            // one popped directory has been listed
  bool finished() const;  // nothing queued and nothing being listed
  void close();           // nothing is given out any more
  // Calls `waker`, from any thread, when there may be something to pop or all is finished, until
  // remove_waker of the same owner has returned.
  void add_waker(const void* owner, std::function<void()> waker);
  void remove_waker(const void* owner);
  void wake();

 private:
  mutable std::mutex mutex_;
  std::vector<NodePtr> stack_;
  std::uint64_t listing_ = 0;
  bool closed_ = false;
  std::mutex wakers_mutex_;
  std::map<const void*, std::function<void()>> wakers_;
};

// One name of a file that has several.
struct LinkedName {
  NodePtr node;
  Entry entry;
  FileNumber target{};  // of what the target has under that name; without fileid: nothing
  bool there = false;   // the target has something under that name
  bool kept = false;    // that is in the backup
};

// Groups of names of the same file, by (fsid, fileid); a server that gives these twice is not
// believed, see add. The first name that comes is copied, the others are linked to it when all
// files are done, unless the target has them linked already.
class HardLinks {
 public:
  enum class Place : std::uint8_t { kFirst, kLater };
  // kFirst: copy it. kLater: it is kept for when all files are done. A name of another size or
  // mtime than the group's, or one more than the file has links, is not taken for the same file:
  // kFirst, and it stays on its own.
  Place add(LinkedName name);
  // The first name is in place; `target` is its number where the target had it already; `hash`
  // where its content was read.
  void in_place(const NodePtr& node, const Entry& entry, FileNumber target,
                std::optional<FileHash> hash);
  // True if no other group's first name is this file of the target.
  bool claim(const FileNumber& target);
  struct Group {
    NodePtr node;  // of the first name
    std::string name;
    std::uint64_t size_bytes = 0;
    Time mtime;
    bool in_place = false;
    FileNumber target;
    std::optional<FileHash> hash;
    std::vector<LinkedName> others;

    // Whether the target has this name linked to the first one already.
    bool has_linked(const LinkedName& other) const {
      return in_place && other.target.fileid != 0 && other.target == target;
    }
  };
  // Takes all groups with others, once, after all files are done.
  std::vector<Group> take();
  // Takes the one group that this entry is the first name of.
  Group take_group(const Entry& entry);

 private:
  std::mutex mutex_;
  std::map<FileNumber, Group> groups_;
  std::set<FileNumber> claimed_;
};

// What is done with each entry of the source.
enum class Job : std::uint8_t {
  kCopy,
  kDryRun,  // counted and told as if it were copied; nothing is written
  kVerify,  // compared with the target; nothing is written
  kCheck,   // counted
};

// Everything above, and how the run goes on or ends.
class Shared {
 public:
  Shared(Job run_job, const CopyOptions& run_options, Observer& run_observer,
         const StopFlag& run_stop, Pace& run_pace)
      : job(run_job),
        options(run_options),
        observer(run_observer),
        stop(run_stop),
        pace(run_pace),
        name_seed(random_seed()),
        failures(observer),
        large_files(run_options.shared_file_bytes) {}

  const Job job;
  const CopyOptions& options;
  SerialObserver observer;
  const StopFlag& stop;
  Pace& pace;
  const std::uint64_t name_seed;  // of hashed names
  Filter filter;
  Ownership ownership;
  Capabilities target_can;  // as the start's probe found it
  Counters counters;
  Failures failures;
  Losses losses;
  DirectoryQueue directories;
  WorkQueue work;
  LargeFiles large_files;
  LargeCrew large_crew;
  HardLinks hard_links;
  Surplus surplus;
  BackupDirectories backup;
  std::atomic<std::uint64_t> directories_left{0};  // made and not finished
  std::atomic<bool> walk_finished{false};
  std::atomic<bool> all_but_directories_done{false};
  std::atomic<std::uint32_t> walkers_left{0};   // threads that still list
  std::atomic<std::uint32_t> carriers_left{0};  // threads that still copy files

  // A thread lists nothing any more.
  void walker_left();
  // Ends the run: nothing new is given out. The first error stays.
  void abort(Error error);
  // Also when the stop has been asked for and no abort() has seen it yet: who waited for a limit
  // goes on as soon as that.
  bool stopping() const {
    return stopping_.load(std::memory_order_relaxed) || stop.load(std::memory_order_relaxed) != 0;
  }
  std::optional<Error> abort_error();
  // Counts an entry's error and ends the run where the error's treatment says so. A source has no
  // room to run out of: its DQUOT, by which Amazon EFS says that too many have files open, is of
  // this entry.
  void entry_failed(Phase phase, std::string path, const Error& error, std::uint32_t attempts,
                    FailedAt at = FailedAt::kTarget);
  // Whether the filters leave the entry of this directory of the source out: then it is counted.
  bool filters_out(const DirectoryNode& node, const Entry& entry);
  void add_digest(std::string_view path, const Hash128& hash);
  std::string digest();
  Hashing hashing() const {
    if (!hashes()) return Hashing::kNone;
    return options.content_sha256 ? Hashing::kXxh3AndSha256 : Hashing::kXxh3;
  }
  bool hashes() const { return options.checksum != ChecksumMode::kNone; }
  bool keeps_backup() const { return !options.backup_dir.empty(); }
  bool verifies() const { return options.verify != VerifyMode::kNone; }

 private:
  static std::uint64_t random_seed();

  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::optional<Error> abort_error_;
  TreeDigest digest_;
};

}  // namespace nfsferry::copy
