#include "aws_players.hpp"

#include <vector>

#include "node_packages.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

class Player {
 public:
  Player(const std::string& path, const std::vector<std::string>& arguments)
      : program_(path, arguments, "/dev/null") {
    program_.wait_until_said(kRunning);
    std::string said = program_.said();
    url_ = said.substr(said.find(kRunning) + std::string(kRunning).size());
    url_ = url_.substr(0, url_.find('\n'));
  }
  const std::string& url() const { return url_; }

 private:
  static constexpr const char* kRunning = "Running on ";
  Program program_;
  std::string url_;
};

// Away from any folder that says which Python to take.
std::vector<std::string> python(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-C", "/", "python3"});
  return arguments;
}

}  // namespace

std::string dynalite_url() {
  static const Player player(kNode, {NFSFERRY_SOURCE_DIR "/tests/recover/run_dynalite.mjs"});
  return player.url();
}

std::string moto_url() {
  static const Player player("/usr/bin/env",
                             python({"-m", "moto.server", "-H", "127.0.0.1", "-p", "0"}));
  return player.url();
}

std::string missing_moto() {
  static const int exit_code =
      Program("/usr/bin/env", python({"-c", "import moto.server"}), "/dev/null").wait().exit_code;
  return exit_code == 0 ? "" : "no moto in the python3 that is found";
}

}  // namespace nfsferry::test
