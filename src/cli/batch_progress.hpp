#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "cli/flags.hpp"
#include "nfsferry/observer.hpp"
#include "report/batch_json.hpp"
#include "report/progress.hpp"

namespace nfsferry::cli {

// How far the homes of a batch are: a line for each that runs and one for all of them, on stderr.
// On a terminal they are drawn in place, elsewhere they stay. Thread-safe.
class BatchProgress {
 public:
  BatchProgress(ProgressMode mode, bool quiet, std::size_t homes);

  void begin(std::size_t index, const std::string& name);
  void note(std::size_t index, const Progress& progress);
  void end(std::size_t index, const BatchEntry& entry);

  void draw();                          // what there is to show, if anything is to be shown
  void print(const std::string& line);  // above what is drawn
  void erase();

 private:
  struct Running {
    std::string name;
    Progress progress;
    ProgressMeter meter;
  };

  std::string total_line() const;
  void erase_lines();

  const bool terminal_;
  const bool shown_;
  const std::size_t homes_;
  std::mutex mutex_;
  std::map<std::size_t, Running> running_;
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t files_ = 0;  // of homes that have ended
  std::uint64_t bytes_ = 0;
  std::size_t drawn_lines_ = 0;
};

}  // namespace nfsferry::cli
