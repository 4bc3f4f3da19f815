#include "cli/input_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/unique_fd.hpp"
#include "base/units.hpp"

namespace nfsferry::cli {
namespace {

constexpr std::size_t kInputBytesMax = 16 * kMiB;

Result<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char bytes[64 * kKiB];
  for (;;) {
    ssize_t got = ::read(fd, bytes, sizeof bytes);
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "read", name);
    text.append(bytes, static_cast<std::size_t>(got));
    if (text.size() > kInputBytesMax) {
      return own_error(Own::kBadInput, name, "more than " + format_size(kInputBytesMax));
    }
  }
}

}  // namespace

Result<std::string> read_input(const std::string& from) {
  constexpr std::string_view kVariable = "env:";
  static bool stdin_is_read = false;
  if (from == "-" && std::exchange(stdin_is_read, true)) {
    return own_error(Own::kBadInput, "stdin",
                     "two inputs are to come from it; name a file for one");
  }
  if (from == "-") return read_all(STDIN_FILENO, "stdin");
  if (from.starts_with(kVariable)) {
    const char* text = std::getenv(from.c_str() + kVariable.size());
    if (text != nullptr) return std::string(text);
    return own_error(Own::kBadInput, from, "this variable is not set");
  }
  return read_file(from);
}

Result<std::string> read_file(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno_error(errno, "open", path);
  return read_all(file.get(), path);
}

}  // namespace nfsferry::cli
