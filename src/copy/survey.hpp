#pragma once

#include <random>
#include <vector>

#include "copy/shared.hpp"
#include "copy/source_walk.hpp"
#include "copy/work_queue.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Goes through the source without touching its files: counts, and keeps an even sample of them.
// Bounded in time and, but for names of files with several names, in memory. One use.
class Survey {
 public:
  static constexpr auto kDurationMost = std::chrono::seconds(60);
  static constexpr std::size_t kSmallSample = 1024;
  static constexpr std::size_t kLargeSample = 1;

  // Files above `small_most` bytes count as large.
  Survey(Shared& shared, Source& source, std::uint64_t small_most);

  Task<void> go();

  const SurveyReport& report() const { return report_; }
  const std::vector<WorkItem>& small_files() const { return small_; }
  const std::vector<WorkItem>& large_files() const { return large_; }

 private:
  void visit(const NodePtr& node, Entry& entry);
  void count(const NodePtr& node, Entry entry);
  // Keeps each file of the tree with the same chance (reservoir sampling).
  void sample(std::vector<WorkItem>& kept, std::size_t most, std::uint64_t seen, WorkItem item);

  Shared& shared_;
  const std::uint64_t small_most_;
  const Clock::time_point started_ = Clock::now();
  SourceWalk walk_;
  SurveyReport report_;
  FirstNames first_names_;
  std::vector<WorkItem> small_;
  std::vector<WorkItem> large_;
  std::minstd_rand random_{1};
};

}  // namespace nfsferry::copy
