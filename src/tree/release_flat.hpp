#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace nfsferry {

// Lets go of one owner from inside a destructor, such that a chain (or tree) of owners of any
// depth is freed without recursion: inner calls hand theirs to the outermost one.
template <typename T>
void release_flat(std::shared_ptr<T> owned) {
  thread_local std::vector<std::shared_ptr<T>>* outermost = nullptr;
  if (!owned) return;
  if (outermost) {
    outermost->push_back(std::move(owned));
    return;
  }
  std::vector<std::shared_ptr<T>> pile;
  outermost = &pile;
  pile.push_back(std::move(owned));
  while (!pile.empty()) {
    std::shared_ptr<T> next = std::move(pile.back());
    pile.pop_back();
  }
  outermost = nullptr;
}

}  // namespace nfsferry
