#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "loop/operation.hpp"

namespace nfsferry {

// A few threads that carry out calls which may block: offload(), and all that is done with files.
// Started when the first call comes, never before. All functions are called on the loop's thread;
// the queue and the list of finished operations are what its mutex guards.
class FileThreads {
 public:
  static constexpr std::size_t kThreadsMax = 4;

  // `wake_fd` (an eventfd) is signalled when finished() has something to give.
  explicit FileThreads(int wake_fd) : wake_fd_(wake_fd) {}
  FileThreads(const FileThreads&) = delete;
  FileThreads& operator=(const FileThreads&) = delete;
  ~FileThreads();

  // Queues the operation and returns true; false when no thread can be had.
  bool submit(Operation& operation);
  // Takes a queued operation back. False: a thread has it, and its result will come.
  bool withdraw(Operation& operation);
  // The operations whose results are stored, oldest first.
  OperationList<&Operation::queue_link> take_finished();
  std::size_t threads() const { return threads_.size(); }

  // Carries the operation out on the calling thread; the result, or a negated errno.
  static std::int64_t carry_out(Operation& operation);

 private:
  void serve();
  bool start_thread();

  const int wake_fd_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable work_or_stop_;
  OperationList<&Operation::queue_link> queue_;
  OperationList<&Operation::queue_link> finished_;
  std::size_t queued_ = 0;
  std::size_t idle_ = 0;
  bool stop_ = false;
};

}  // namespace nfsferry
