#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "nfs4/batch.hpp"

namespace nfsferry::nfs4 {

// A batch whose items have a Status each.
class StatusBatch : public Batch {
 public:
  StatusBatch(std::string_view kind, Repeat repeat, std::size_t size)
      : kind_(kind), repeat_(repeat) {
    for (std::size_t i = 0; i < size; ++i) results_.push_back(ok());
  }
  std::string_view kind() const override { return kind_; }
  Repeat repeat() const override { return repeat_; }
  std::size_t size() const override { return results_.size(); }
  Task<void> undo(std::size_t) override { co_return; }
  void fail(std::size_t item, Error error) override { results_[item] = std::move(error); }
  std::vector<Status> take_results() { return std::move(results_); }

 protected:
  std::vector<Status> results_;

 private:
  std::string_view kind_;
  Repeat repeat_;
};

}  // namespace nfsferry::nfs4
