#include "cli/observers.hpp"

#include <algorithm>

namespace nfsferry::cli {

void Observers::on_progress(const Progress& progress) {
  for (Observer* observer : all_) observer->on_progress(progress);
}

void Observers::on_failure(const Failure& failure) {
  for (Observer* observer : all_) observer->on_failure(failure);
}

bool Observers::wants_entries() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const Observer* observer) { return observer->wants_entries(); });
}

void Observers::on_entry(const EntryRecord& entry) {
  for (Observer* observer : all_) {
    if (observer->wants_entries()) observer->on_entry(entry);
  }
}

}  // namespace nfsferry::cli
