#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry::copy {

// What entries lost: counted, and the first ones of each kind named. Thread-safe.
class Losses {
 public:
  // An entry with what it lost; `filled_bytes` of holes.
  void add(const std::string& path, const std::vector<Loss>& losses,
           std::uint64_t filled_bytes = 0);
  void give_to(LossReport& report);

 private:
  std::mutex mutex_;
  std::array<std::uint64_t, kLossKinds> entries_{};
  std::uint64_t holes_bytes_ = 0;
  std::vector<EntryLoss> first_;
};

}  // namespace nfsferry::copy
