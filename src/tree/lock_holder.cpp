#include "tree/lock_holder.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/escape.hpp"
#include "tree/attributes.hpp"

namespace nfsferry {
namespace {

constexpr std::size_t kMarkSize = 16;
constexpr std::size_t kRunIdInMark = 8;

std::string utc_now() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text.data(), size);
}

std::string host_name() {
  std::array<char, 65> host{};
  static_cast<void>(::gethostname(host.data(), host.size() - 1));
  return host.data();
}

}  // namespace

LockHolder LockHolder::this_process(std::string run_id) {
  std::string mark = run_id.substr(0, kRunIdInMark) + "-" + random_text();
  mark.resize(kMarkSize);
  return LockHolder{std::move(run_id), std::to_string(::getpid()), host_name(), utc_now(),
                    std::move(mark)};
}

LockHolder LockHolder::from_text(std::string_view text) {
  LockHolder holder;
  for (std::string* line :
       {&holder.run_id, &holder.process, &holder.host, &holder.since, &holder.mark}) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    *line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  return holder;
}

std::string LockHolder::text() const {
  return run_id + "\n" + process + "\n" + host + "\n" + since + "\n" + mark + "\n";
}

bool LockHolder::is_gone() const {
  pid_t number = 0;
  const char* end = process.data() + process.size();
  auto [rest, error] = std::from_chars(process.data(), end, number);
  bool is_process = error == std::errc() && rest == end && number > 0;
  if (!is_process || host != host_name()) return false;
  return ::kill(number, 0) != 0 && errno == ESRCH;
}

Error LockHolder::locked(std::string_view operation) const {
  std::string who = "run " + quote_for_terminal(run_id) + " (process " +
                    escape_for_terminal(process) + " on " + escape_for_terminal(host);
  if (!since.empty()) who += ", since " + escape_for_terminal(since);
  Error error = own_error(Own::kLocked, operation,
                          who + ") works on this target; wait for its end or stop it");
  error.path = kLockName;
  return error;
}

}  // namespace nfsferry
