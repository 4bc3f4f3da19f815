#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "cli/run_flags.hpp"
#include "nfsferry/options.hpp"

namespace nfsferry::cli {

// The limits of a run, by its flags and by the file that --limits-file names, which may be changed
// while the run goes on: what is bad then is warned about once and changes nothing.
class LimitsFile {
 public:
  // Gives the run its limits. Errors: kBadInput for a file that cannot be read or is wrong.
  static Result<std::unique_ptr<LimitsFile>> open(RunArguments& arguments);
  ~LimitsFile();
  LimitsFile(const LimitsFile&) = delete;
  LimitsFile& operator=(const LimitsFile&) = delete;

  // From now on looks at the file once a second, in a thread of its own, if there is a file.
  void follow();

 private:
  LimitsFile(std::string path, const Rates& flags);

  Result<Rates> read() const;
  void look();
  void work();

  const std::string path_;  // empty: none
  const Rates flags_;
  const std::shared_ptr<RateLimits> limits_;
  std::string warned_;  // of what is wrong with the file now
  std::mutex mutex_;    // of ended_
  std::condition_variable wake_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace nfsferry::cli
