#pragma once

#include <optional>
#include <string>
#include <vector>

#include "copy/shared.hpp"
#include "copy/survey.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Copies what a survey has sampled into temporaries of the target's root, as a copy would, and
// removes them again: shows that writing is possible, and how fast. Takes some seconds. A file that
// cannot be read is in the run's failures. One use.
class Trial {
 public:
  static constexpr auto kPartMost = std::chrono::seconds(2);  // small files; the large one
  static constexpr std::uint64_t kLargeBytesMost = 256u << 20;

  Trial(Shared& shared, Source& source, Target& target, const Survey& survey)
      : shared_(shared), source_(source), target_(target), survey_(survey) {}

  // Errors: what the target answered to a write.
  Task<Status> go();

  const TrialReport& report() const { return report_; }
  // How far the target's clock is ahead of ours, as the time of a new file tells.
  std::optional<std::int64_t> clock_ahead_ms() const { return clock_ahead_ms_; }

 private:
  Task<Status> look_at_clock();
  Task<Status> put_small_files();
  Task<void> small_lane();
  std::vector<WorkItem> next_batch();
  Task<Status> put_batch(std::vector<WorkItem> batch);
  Task<Status> put_large_file(const WorkItem& file);
  Task<Status> pump(SourceFile& from, TargetFile& to, std::uint64_t end);
  Task<void> large_lane(SourceFile& from, TargetFile& to, std::uint64_t end);
  Task<Status> move_range(SourceFile& from, TargetFile& to, std::uint64_t offset,
                          std::uint32_t count);
  Task<void> remove_all();
  std::string new_name();
  NewAttributes attributes_of(const Entry& entry) const;
  bool over() const { return failed_ || shared_.stopping() || Clock::now() > part_ends_; }
  void unreadable(const WorkItem& file, const Error& error);

  Shared& shared_;
  Source& source_;
  Target& target_;
  const Survey& survey_;
  TrialReport report_;
  std::optional<std::int64_t> clock_ahead_ms_;
  std::vector<std::string> names_;  // made in the target's root
  Clock::time_point part_ends_;
  std::optional<Error> failed_;
  bool source_at_fault_ = false;  // for failed_
  std::size_t next_small_ = 0;
  std::uint64_t next_offset_ = 0;
};

}  // namespace nfsferry::copy
