#include "cli/limits_file.hpp"

#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/limits_text.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry::cli {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

}  // namespace

LimitsFile::LimitsFile(std::string path, const Rates& flags)
    : path_(std::move(path)), flags_(flags), limits_(make_limits(flags)) {}

Result<std::unique_ptr<LimitsFile>> LimitsFile::open(RunArguments& arguments) {
  std::unique_ptr<LimitsFile> file(new LimitsFile(arguments.limits_file, arguments.options.rates));
  arguments.options.limits = file->limits_;
  if (file->path_.empty()) return file;
  auto rates = file->read();
  if (!rates) return own_error(Own::kBadInput, "", "--limits-file: " + rates.error().message());
  set_limits(*file->limits_, *rates);
  return file;
}

LimitsFile::~LimitsFile() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LimitsFile::follow() {
  if (!path_.empty()) thread_ = std::thread([this] { work(); });
}

Result<Rates> LimitsFile::read() const {
  NFSFERRY_TRY(std::string text, read_file(path_), return);
  auto rates = parse_limits(text, flags_);
  if (!rates) rates.error().path = path_;
  return rates;
}

void LimitsFile::look() {
  auto rates = read();
  std::string wrong = rates ? std::string() : rates.error().message();
  if (rates) set_limits(*limits_, *rates);
  if (!wrong.empty() && wrong != warned_) {
    log(LogLevel::kWarning, one_line("--limits-file: " + wrong + "; the limits stay as they were"));
  }
  warned_ = std::move(wrong);
}

void LimitsFile::work() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLookEvery, [this] { return ended_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

}  // namespace nfsferry::cli
