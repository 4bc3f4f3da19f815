#pragma once

#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "copy/shared.hpp"
#include "copy/work_queue.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Goes through the source without touching its files: counts, and keeps an even sample of them.
// What cannot be listed is in the run's failures. Bounded in time and, but for names of files with
// several names, in memory. One use.
class Survey {
 public:
  static constexpr auto kDurationMost = std::chrono::seconds(60);
  static constexpr std::size_t kSmallSample = 1024;
  static constexpr std::size_t kLargeSample = 1;

  // Files above `small_most` bytes count as large.
  Survey(Shared& shared, Source& source, std::uint64_t small_most)
      : shared_(shared), source_(source), small_most_(small_most) {}

  Task<void> go();

  const SurveyReport& report() const { return report_; }
  const std::vector<WorkItem>& small_files() const { return small_; }
  const std::vector<WorkItem>& large_files() const { return large_; }

 private:
  Task<void> lane();
  Task<void> list(NodePtr node);
  Task<Status> list_pages(NodePtr node);
  Task<void> enter(NodePtr node, Entry entry);
  void count(const NodePtr& node, Entry entry);
  // Keeps each file of the tree with the same chance (reservoir sampling).
  void sample(std::vector<WorkItem>& kept, std::size_t most, std::uint64_t seen, WorkItem item);
  bool over() const;

  Shared& shared_;
  Source& source_;
  const std::uint64_t small_most_;
  const Clock::time_point started_ = Clock::now();
  SurveyReport report_;
  Event news_;  // a directory to list, or the end
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>>
      linked_;  // files that were met under a name
  std::vector<WorkItem> small_;
  std::vector<WorkItem> large_;
  std::minstd_rand random_{1};
};

}  // namespace nfsferry::copy
