#include "recover/waiting_task.hpp"

#include <chrono>
#include <csignal>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "recover/aws_client.hpp"

namespace nfsferry::recover {
namespace {

constexpr const char* kTokenVariable = "NFSFERRY_TASK_TOKEN";
constexpr std::size_t kTokenBytesMax = 2048;
// One that fails is soon followed by another; the end of the run must not wait for it.
constexpr unsigned kHeartbeatAttempts = 2;

std::uint64_t steady_ms() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

// At most so many characters of valid UTF-8.
std::string cut(std::string_view bytes, std::size_t characters_max) {
  std::string text = lossy_utf8(bytes);
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++characters > characters_max) return text.substr(0, i);
  }
  return text;
}

Status call(AwsClient& client, const char* operation, const std::string& token, Json arguments) {
  arguments["taskToken"] = token;
  NFSFERRY_TRY(Json nothing, client.call(operation, arguments), return);
  return ok();
}

}  // namespace

bool is_refusal(const Error& error) {
  return error.is(AwsFailure::kTaskTimedOut) || error.is(AwsFailure::kTaskDoesNotExist) ||
         error.is(AwsFailure::kInvalidToken);
}

WaitingTask::WaitingTask(std::string token, std::uint64_t heartbeat_ms, AwsClient answers,
                         AwsClient heartbeats)
    : token_(std::move(token)),
      heartbeat_ms_(heartbeat_ms),
      answers_(std::make_unique<AwsClient>(std::move(answers))),
      heartbeats_(std::make_unique<AwsClient>(std::move(heartbeats))) {}

WaitingTask::~WaitingTask() { (void)end(); }

Result<std::unique_ptr<WaitingTask>> WaitingTask::open(std::uint64_t heartbeat_ms,
                                                       AwsPatience patience) {
  std::string token = from_environment(kTokenVariable);
  if (token.empty()) return std::unique_ptr<WaitingTask>();
  if (token.size() > kTokenBytesMax) {
    return bad_member(kTokenVariable,
                      "is longer than " + std::to_string(kTokenBytesMax) + " bytes");
  }
  NFSFERRY_TRY(AwsClient answers, AwsClient::open(kStepFunctions, patience), return);
  patience.attempts = kHeartbeatAttempts;
  NFSFERRY_TRY(AwsClient heartbeats, AwsClient::open(kStepFunctions, patience), return);
  return std::unique_ptr<WaitingTask>(
      new WaitingTask(std::move(token), heartbeat_ms, std::move(answers), std::move(heartbeats)));
}

Status WaitingTask::begin(StopFlag& stop) {
  asked_ms_ = steady_ms();
  NFSFERRY_TRY(Ok alive, call(*answers_, "SendTaskHeartbeat", token_, Json::object()), return);
  thread_ = std::thread([this, &stop] { send_heartbeats(stop); });
  return ok();
}

void WaitingTask::on_progress(const Progress& now) {
  Counters counters(now.files_found, now.bytes_found, now.files_done, now.bytes_done, now.failures,
                    now.answers);
  std::lock_guard lock(mutex_);
  if (counters == counters_ || steady_ms() - asked_ms_ < heartbeat_ms_) return;
  counters_ = counters;
  ask_for_heartbeat();
}

void WaitingTask::note_life() {
  std::lock_guard lock(mutex_);
  if (steady_ms() - asked_ms_ >= heartbeat_ms_) ask_for_heartbeat();
}

void WaitingTask::ask_for_heartbeat() {
  asked_ms_ = steady_ms();
  wanted_ = true;
  wake_.notify_one();
}

void WaitingTask::send_heartbeats(StopFlag& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return wanted_ || ended_; });
    if (ended_) return;
    wanted_ = false;
    lock.unlock();
    Status sent = call(*heartbeats_, "SendTaskHeartbeat", token_, Json::object());
    lock.lock();
    if (sent) continue;
    if (is_refusal(sent.error())) {
      refusal_ = sent.error();
      int none = 0;
      stop.compare_exchange_strong(none, SIGTERM);
      return;
    }
    log(LogLevel::kWarning, "no heartbeat: " + sent.error().message());
  }
}

std::optional<Error> WaitingTask::end() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  return refusal_;
}

Status WaitingTask::succeed(const std::string& report) {
  check(report.size() <= kOutputBytesMax, "an output that is too large");
  return call(*answers_, "SendTaskSuccess", token_, {{"output", report}});
}

Status WaitingTask::fail(std::string_view error, std::string_view cause) {
  return call(
      *answers_, "SendTaskFailure", token_,
      {{"error", cut(error, kErrorCharactersMax)}, {"cause", cut(cause, kCauseCharactersMax)}});
}

}  // namespace nfsferry::recover
