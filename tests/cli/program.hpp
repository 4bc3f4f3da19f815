#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace nfsferry::test {

// What a run of the built nfsferry left.
struct Outcome {
  int exit_code = -1;  // 128 + signal when one ended it
  std::string out;
  std::string err;
};

// The built nfsferry (NFSFERRY_PROGRAM of the environment wins), started with these arguments,
// no terminal and an empty stdin, or a file as its stdin. Ends with the object.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments,
                   const std::string& input = "/dev/null");
  // The same for another program, by its path.
  Program(std::string path, const std::vector<std::string>& arguments, const std::string& input);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const;
  std::string said() const;  // on stderr, so far
  bool has_said(const std::string& text) const;
  // Until it has; fails after a minute. `ask` is done before each look.
  void wait_until_said(const std::string& text, const std::function<void()>& ask = [] {}) const;
  // Waits until it has ended; ends it after the limit.
  Outcome wait(std::chrono::seconds limit = std::chrono::seconds(60));

 private:
  pid_t pid_ = -1;
  UniqueFd out_;
  UniqueFd err_;
};

Outcome run_program(const std::vector<std::string>& arguments,
                    const std::string& input = "/dev/null");

// Where the nfsferry is that Program starts.
std::string program_path();

// How many lines a text has; text without a newline at its end counts as one too many.
int line_count(const std::string& text);

// As one opened file has it, whatever becomes of its name meanwhile.
std::string content_of(const std::filesystem::path& path);

// Until something is in one of its directories; fails after a minute.
void wait_until_filled(const std::filesystem::path& folder);

// A folder that is gone afterwards.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name = "") const;
  void write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace nfsferry::test
