#pragma once

#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "copy/shared.hpp"
#include "loop/loop.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Goes through the source without touching its files: lists all directories, a few at once. What
// cannot be listed is in the run's failures. Bounded in memory. One use.
class SourceWalk {
 public:
  // Is shown each entry that a copy would look at, but the root; what is no directory it may take.
  using Visit = std::function<void(const NodePtr& directory, Entry& entry)>;

  // `end`: when to give up; unset: never.
  SourceWalk(Shared& shared, Source& source, Visit visit, std::optional<Clock::time_point> end = {})
      : shared_(shared), source_(source), visit_(std::move(visit)), end_(end) {}

  Task<void> go();
  // Whether it was given up, or the run is stopping: there may be more than was shown.
  bool over() const;

 private:
  Task<void> lane();
  Task<void> list(NodePtr node);
  Task<Status> list_pages(NodePtr node);
  Task<Status> list_once(NodePtr node, std::vector<Hash128>& met);
  Task<void> enter(NodePtr node, Entry entry);

  Shared& shared_;
  Source& source_;
  const Visit visit_;
  const std::optional<Clock::time_point> end_;
  Event news_;  // a directory to list, or the end
};

// Tells the first name of a file from its further ones.
class FirstNames {
 public:
  bool is_first(const Attributes& attributes);

 private:
  std::set<FileNumber> met_;
};

}  // namespace nfsferry::copy
