#include "cli/console.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/escape.hpp"
#include "report/output_file.hpp"

namespace nfsferry::cli {

void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1) continue;
    // The lowest free number is `fd`. It is opened the wrong way round, so that a write still
    // fails instead of vanishing.
    [[maybe_unused]] int opened = ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

std::string one_line(std::string_view text) {
  std::string out;
  while (true) {
    std::size_t backslash = text.find('\\');
    out += escape_for_terminal(text.substr(0, backslash));
    if (backslash == std::string_view::npos) return out;
    out += '\\';
    text.remove_prefix(backslash + 1);
  }
}

void print_error(std::string_view text) {
  std::string line = "nfsferry: " + one_line(text) + "\n";
  // Nobody is left to be told if this fails.
  [[maybe_unused]] Status written = write_all(STDERR_FILENO, line, "stderr");
}

Status print_result(std::string_view text) { return write_all(STDOUT_FILENO, text, "stdout"); }

}  // namespace nfsferry::cli
