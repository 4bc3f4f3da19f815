#include "program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace nfsferry::test {
namespace {

std::string content(const UniqueFd& fd) {
  std::string out;
  char bytes[4096];
  ssize_t got = 0;
  off_t offset = 0;
  while ((got = ::pread(fd.get(), bytes, sizeof bytes, offset)) > 0) {
    out.append(bytes, static_cast<std::size_t>(got));
    offset += got;
  }
  return out;
}

}  // namespace

std::string program_path() {
  const char* chosen = std::getenv("NFSFERRY_PROGRAM");
  return chosen != nullptr ? chosen : NFSFERRY_PROGRAM;
}

Program::Program(const std::vector<std::string>& arguments, const std::string& input)
    : Program(program_path(), arguments, input) {}

Program::Program(std::string path, const std::vector<std::string>& arguments,
                 const std::string& input)
    : out_(::memfd_create("stdout", MFD_CLOEXEC)), err_(::memfd_create("stderr", MFD_CLOEXEC)) {
  std::vector<char*> argv{path.data()};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out_.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err_.get(), 2);
  int error = posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << path;
  if (error != 0) pid_ = -1;
}

Program::~Program() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::string Program::said() const { return content(err_); }

bool Program::has_said(const std::string& text) const {
  return said().find(text) != std::string::npos;
}

void Program::wait_until_said(const std::string& text, const std::function<void()>& ask) const {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!has_said(text)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << said();
    ask();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Outcome Program::wait(std::chrono::seconds limit) {
  Outcome outcome;
  auto deadline = std::chrono::steady_clock::now() + limit;
  int status = 0;
  while (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "it did not end in time";
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (pid_ > 0) {
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  pid_ = -1;
  outcome.out = content(out_);
  outcome.err = content(err_);
  return outcome;
}

Outcome run_program(const std::vector<std::string>& arguments, const std::string& input) {
  return Program(arguments, input).wait();
}

int line_count(const std::string& text) {
  auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  return text.empty() || text.back() == '\n' ? lines : lines + 2;
}

void wait_until_filled(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  auto is_filled = [&] {
    std::error_code ignored;  // what is looked at comes and goes
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (fs::directory_iterator(entry.path(), ignored) != fs::directory_iterator()) return true;
    }
    return false;
  };
  auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!is_filled()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << folder;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Folder::Folder() {
  std::string pattern = testing::TempDir() + "nfsferry-cli-XXXXXX";
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string Folder::path(const std::string& name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

void Folder::write(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << content;
}

std::string Folder::read(const std::string& name) const { return content_of(path_ / name); }

bool Folder::has(const std::string& name) const {
  return std::filesystem::exists(std::filesystem::symlink_status(path_ / name));
}

}  // namespace nfsferry::test
