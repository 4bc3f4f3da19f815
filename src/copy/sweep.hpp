#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "copy/shared.hpp"
#include "copy/surplus.hpp"
#include "loop/sync.hpp"

namespace nfsferry::copy {

// Goes through parts of the target that are to be removed, deepest first, many directories at
// once, by handles. What is protected, what lies on another file system, the source, the targets of
// other runs, and the directories that hold such things stay. Of names that only the target had,
// each is asked for in the source once more before it goes, and stays if it has changed in the
// target. What is in a directory that goes, goes with it, whenever it came there. With a backup
// whole entries are moved there instead, if nothing in them must stay.
class Sweep {
 public:
  enum class Purpose : std::uint8_t {
    kCount,        // how much would go; the source is not asked
    kForetell,     // counted and told as if it were removed
    kDelete,       // each entry that cannot be removed is a failure of its own
    kClearTheWay,  // one failure, the caller's
    kCountAll,     // of a backup, where only mounts and other runs' targets are spared
    kPrune,        // the same, removed; each entry that cannot be is a failure of its own
  };
  static constexpr std::size_t kAtOnce = 16;
  static constexpr std::size_t kLookedThroughAtOnce = 4;  // directories that are moved aside
  static constexpr std::size_t kEntriesMost = 1 << 14;    // of a directory in memory at once
  static constexpr std::size_t kTakenAtOnce = 1024;  // between the look at them and the removal

  Sweep(Shared& shared, Source& source, FullTree& target, Purpose purpose);

  // Before run(). The names stay where they are until it has returned.
  void add(const Surplus::InDirectory& surplus);
  void add(const NodePtr& node, Entry entry);                        // with all that is in it
  void allow_at_most(std::uint64_t entries) { allowed_ = entries; }  // more is a failure
  // Until all has been gone through, or the run is stopping.
  Task<void> run();

  std::uint64_t entries() const { return entries_; }  // removed, or that would be
  std::uint64_t bytes() const { return bytes_; }      // of regular files among them
  Time newest() const { return newest_; }             // of their directories, the latest mtime
  // All could be listed, and removed where that was the purpose; what stays stays on purpose.
  bool nothing_failed() const { return nothing_failed_; }
  // The first reason why something stays.
  const std::optional<Error>& why_not_all() const { return why_; }

 private:
  struct Place;
  using PlacePtr = std::shared_ptr<Place>;
  bool counts() const { return purpose_ == Purpose::kCount || purpose_ == Purpose::kCountAll; }
  bool removes() const { return !counts() && purpose_ != Purpose::kForetell; }
  bool spares() const { return purpose_ != Purpose::kCountAll && purpose_ != Purpose::kPrune; }
  bool moves() const { return spares() && !counts() && shared_.keeps_backup(); }
  // Counts and tells what stays or fails by itself.
  bool reports() const { return !counts() && purpose_ != Purpose::kClearTheWay; }

  void add_place(PlacePtr place);
  Task<void> sweeper();
  Task<void> go_through(PlacePtr place);
  Task<void> take_some(PlacePtr place, std::vector<Entry> entries, bool more);
  Task<void> move_each_aside(PlacePtr place, std::vector<Entry>& directories);
  Task<Status> open(PlacePtr place);
  Task<void> take_only(PlacePtr place);
  Task<void> clear_out(PlacePtr place);
  Task<bool> is_current(NodePtr node);
  Task<bool> is_left_alone(PlacePtr place);
  Task<bool> holds(PlacePtr place, std::string_view name, std::string_view why);
  Task<Result<bool>> list_some(PlacePtr place, std::vector<Entry>& entries);
  bool asks(const Place& place) const;
  bool goes(Place& place, const Entry& entry);
  bool meet(Place& place, const Entry& entry);
  Task<void> ask_the_source(PlacePtr place, std::vector<Entry>& entries);
  Task<void> take(PlacePtr place, std::vector<Entry> entries, bool more);
  Task<void> move_aside(PlacePtr place, std::vector<Entry> entries);
  bool stays(Place& place, const Entry& entry);
  void refuse(Place& place, const Entry& entry, std::string_view why);
  bool is_allowed(Place& place, std::uint64_t entries = 1);
  Task<void> leave(PlacePtr place);
  Task<void> remove_directory(PlacePtr place);
  void gone(const Place& parent, const Entry& entry);
  void place_failed(Place& place, const Error& error);
  void failed(Place& parent, const Entry& entry, const Error& error);
  void tell(const Place& parent, const Entry& entry, EntryAction action, std::string_view error);

  Shared& shared_;
  Source& source_;
  FullTree& target_;
  const Purpose purpose_;
  Event news_;
  Semaphore looked_through_{kLookedThroughAtOnce};
  std::vector<PlacePtr> waiting_;
  std::size_t left_ = 0;                          // places that are not done
  std::map<const DirectoryNode*, bool> current_;  // directories of the copy that were looked for
  std::uint64_t removals_ = 0;                    // that a server carried out
  std::uint64_t entries_ = 0;
  std::uint64_t folders_ = 0;  // of these
  std::uint64_t bytes_ = 0;
  Time newest_;
  std::optional<std::uint64_t> allowed_;  // removals that are left
  bool over_ = false;                     // more than that
  bool nothing_failed_ = true;
  std::optional<Error> why_;
};

}  // namespace nfsferry::copy
