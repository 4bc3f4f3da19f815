#include "copy/large_files.hpp"

namespace nfsferry::copy {

bool LargeFiles::offer(std::shared_ptr<LargeFile> file) {
  if (!is_worth_it(*file)) return false;
  std::lock_guard lock(mutex_);
  files_.push_back(std::move(file));
  return true;
}

void LargeFiles::withdraw(const LargeFile& file) {
  std::lock_guard lock(mutex_);
  std::erase_if(files_, [&](const auto& one) { return one.get() == &file; });
}

std::shared_ptr<LargeFile> LargeFiles::try_join(const void* thread,
                                                const std::function<void()>& waker) {
  std::lock_guard lock(mutex_);
  for (const auto& file : files_) {
    if (is_worth_it(*file) && file->ranges.enter(thread, waker)) return file;
  }
  return nullptr;
}

}  // namespace nfsferry::copy
