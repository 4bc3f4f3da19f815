#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "copy/shared.hpp"
#include "copy/surplus.hpp"
#include "loop/sync.hpp"

namespace nfsferry::copy {

// Goes through parts of the target that are to be removed, deepest first, many directories at
// once, by handles. What is protected, what lies on another file system, and the directories that
// hold such things stay.
class Sweep {
 public:
  enum class Purpose : std::uint8_t {
    kCount,
    kForetell,     // counted and told as if it were removed
    kDelete,       // each entry that cannot be removed is a failure of its own
    kClearTheWay,  // one failure, the caller's
  };
  static constexpr std::size_t kAtOnce = 16;
  static constexpr std::size_t kEntriesMost = 1 << 16;  // of a directory in memory at once

  Sweep(Shared& shared, FullTree& target, Purpose purpose);

  // Before run(). The names stay where they are until it has returned.
  void add(const Surplus::InDirectory& surplus);
  void add(const NodePtr& node, Entry entry);  // with all that is in it
  // Until all has been gone through, or the run is stopping.
  Task<void> run();

  std::uint64_t entries() const { return entries_; }  // removed, or that would be
  // All could be listed, and removed where that was the purpose; what stays stays on purpose.
  bool nothing_failed() const { return nothing_failed_; }
  // The first reason why something stays.
  const std::optional<Error>& why_not_all() const { return why_; }

 private:
  struct Place;
  bool removes() const { return purpose_ == Purpose::kDelete || purpose_ == Purpose::kClearTheWay; }
  using PlacePtr = std::shared_ptr<Place>;

  void add_place(PlacePtr place);
  Task<void> sweeper();
  Task<void> go_through(PlacePtr place);
  Task<Status> open(PlacePtr place);
  Task<Result<bool>> list_some(PlacePtr place, std::vector<Entry>& entries);
  Task<void> take(PlacePtr place, std::vector<Entry> entries);
  bool stays(Place& place, const Entry& entry);
  Task<void> leave(PlacePtr place);
  Task<void> remove_directory(PlacePtr place);
  void gone(const Place& parent, const Entry& entry);
  void place_failed(Place& place, const Error& error);
  void failed(Place& parent, const Entry& entry, const Error& error);
  void tell(const Place& parent, const Entry& entry, EntryAction action, std::string_view error);

  Shared& shared_;
  FullTree& target_;
  const Purpose purpose_;
  Event news_;
  std::vector<PlacePtr> waiting_;
  std::size_t left_ = 0;  // places that are not done
  std::uint64_t entries_ = 0;
  bool nothing_failed_ = true;
  std::optional<Error> why_;
};

}  // namespace nfsferry::copy
