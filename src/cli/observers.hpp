#pragma once

#include <vector>

#include "nfsferry/observer.hpp"

namespace nfsferry::cli {

// Passes on what it is told to several observers, in the order in which they were added. Entries
// go to those that want them.
class Observers : public Observer {
 public:
  // `observer` outlives this.
  void add(Observer& observer) { all_.push_back(&observer); }

  void on_progress(const Progress& progress) override;
  void on_failure(const Failure& failure) override;
  bool wants_entries() const override;
  void on_entry(const EntryRecord& entry) override;

 private:
  std::vector<Observer*> all_;
};

}  // namespace nfsferry::cli
