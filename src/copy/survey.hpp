#pragma once

#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "copy/shared.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// A file to try.
struct SampledFile {
  DirectoryPtr parent;
  Entry entry;
  std::string path;
};

// Goes through the source without touching its files: counts, and keeps an even sample of them.
// What cannot be listed is in the run's failures. Bounded in time and, but for names of files with
// several names, in memory. One use.
class Survey {
 public:
  static constexpr auto kDurationMost = std::chrono::seconds(60);
  static constexpr std::size_t kSmallSample = 1024;
  static constexpr std::size_t kLargeSample = 1;
  static constexpr std::size_t kDirectoriesWaiting = 4096;

  // Files above `small_most` bytes count as large.
  Survey(Shared& shared, Source& source, std::uint64_t small_most)
      : shared_(shared), source_(source), small_most_(small_most) {}

  Task<void> go();

  const SurveyReport& report() const { return report_; }
  const std::vector<SampledFile>& small_files() const { return small_; }
  const std::vector<SampledFile>& large_files() const { return large_; }

 private:
  struct Place {  // a directory to be listed
    DirectoryPtr directory;
    FileSystemId fsid;
    std::string path;
  };

  Task<void> lane();
  Task<void> list(Place place);
  Task<Status> list_pages(const Place& place);
  Task<void> enter(const Place& place, const Entry& entry);
  void count(const Place& place, Entry entry);
  // Keeps each file of the tree with the same chance (reservoir sampling).
  void sample(std::vector<SampledFile>& kept, std::size_t most, std::uint64_t seen,
              const Place& place, Entry entry);
  bool over() const;

  Shared& shared_;
  Source& source_;
  const std::uint64_t small_most_;
  const Clock::time_point started_ = Clock::now();
  SurveyReport report_;
  std::vector<Place> stack_;
  std::uint64_t listing_ = 0;
  Event news_;
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>>
      linked_;  // files that were met under a name
  std::vector<SampledFile> small_;
  std::vector<SampledFile> large_;
  std::minstd_rand random_{1};
};

}  // namespace nfsferry::copy
