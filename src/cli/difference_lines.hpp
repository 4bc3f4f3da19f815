#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/progress_line.hpp"
#include "nfsferry/observer.hpp"

namespace nfsferry::cli {

// Prints each difference on stdout as it is found; everything else goes to `progress`.
class DifferenceLines : public Observer {
 public:
  // `progress` outlives this. Without `shown` differences are only counted by the run.
  DifferenceLines(ProgressLine& progress, bool shown) : progress_(progress), shown_(shown) {}

  void on_progress(const Progress& progress) override { progress_.on_progress(progress); }
  void on_failure(const Failure& failure) override;

  // The first error there was in printing.
  const Status& printed() const { return printed_; }

 private:
  ProgressLine& progress_;
  const bool shown_;
  Status printed_ = ok();
};

// "path: what differs", the path escaped for a terminal.
std::string difference_text(const Failure& failure);

}  // namespace nfsferry::cli
