#include "cli/difference_lines.hpp"

#include "cli/console.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {

void DifferenceLines::on_failure(const Failure& failure) {
  if (!is_difference(failure)) return progress_.on_failure(failure);
  if (!shown_ || !printed_) return;
  progress_.erase();
  printed_ = print_result(difference_text(failure) + "\n");
}

std::string difference_text(const Failure& failure) {
  return path_text(failure) + ": " +
         one_line(failure.message.empty() ? failure.error : failure.message);
}

}  // namespace nfsferry::cli
