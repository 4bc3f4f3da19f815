#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

#include "base/result.hpp"
#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "recover/aws_client.hpp"
#include "recover/aws_patience.hpp"

namespace nfsferry::recover {

class AwsClient;

// The task of a workflow (Step Functions, .waitForTaskToken) that waits for this run: heartbeats
// while the run gets on, none when it stands still, so that a run that is stuck times out; and one
// answer at the end. Told of progress from any thread; the calls are made by a thread of its own,
// but for begin() and the answer.
class WaitingTask : public Observer {
 public:
  // The one whose token is in NFSFERRY_TASK_TOKEN; null where that is not set, or empty.
  // `heartbeat_ms`: at least so long between two heartbeats. Errors: kBadInput for a token that is
  // none, and where no calls can be made.
  static Result<std::unique_ptr<WaitingTask>> open(std::uint64_t heartbeat_ms,
                                                   AwsPatience patience = {});
  ~WaitingTask() override;

  // The first heartbeat: whether the task waits, and calls are permitted. A token that is refused
  // later sets `stop`, which outlives this.
  Status begin(StopFlag& stop);

  void on_progress(const Progress& progress) override;
  // Something else than the counters shows that the run gets on.
  void note_life();

  // The end of heartbeats. Why the token was refused, if it was.
  std::optional<Error> end();

  // The answer, after end(). `report` is JSON of at most kOutputBytesMax.
  Status succeed(const std::string& report);
  Status fail(std::string_view error, std::string_view cause);

 private:
  // What moves while a run gets on.
  using Counters = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                              std::uint64_t, std::uint64_t>;

  WaitingTask(std::string token, std::uint64_t heartbeat_ms, AwsClient answers,
              AwsClient heartbeats);

  void ask_for_heartbeat();  // with mutex_ held
  void send_heartbeats(StopFlag& stop);

  const std::string token_;
  const std::uint64_t heartbeat_ms_;
  const std::unique_ptr<AwsClient> answers_;
  const std::unique_ptr<AwsClient> heartbeats_;  // of the thread
  std::thread thread_;
  std::mutex mutex_;  // of all below
  std::condition_variable wake_;
  bool wanted_ = false;
  bool ended_ = false;
  std::uint64_t asked_ms_ = 0;  // when the last heartbeat was asked for
  Counters counters_;           // as they were then
  std::optional<Error> refusal_;
};

// Whether the service says that nobody waits for an answer with this token (any more).
bool is_refusal(const Error& error);

inline constexpr std::size_t kOutputBytesMax = 262'144;
inline constexpr std::size_t kErrorCharactersMax = 256;
inline constexpr std::size_t kCauseCharactersMax = 32'768;

}  // namespace nfsferry::recover
