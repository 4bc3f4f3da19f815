#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace nfsferry {

// Whether `path` is "-" or another name of stdout, which must not be replaced like a file.
bool is_stdout(std::string_view path);
// Writes all of it. Errors: errno of write, under the name `path`.
Status write_all(int fd, std::string_view text, std::string_view path);

// Text that is written piece by piece, through a buffer of a fixed size. Where `path` is no
// regular file (a pipe, /dev/stderr) that thing itself is written; "-" is stdout. One thread.
class OutputFile {
 public:
  // Takes the place of `path` when it is finished, and stands beside it until then, so that a
  // reader sees the old file or the new one. Errors: errno of what failed.
  static Result<OutputFile> replacing(std::string path);
  // Empties `path` and fills it where it stands, so that it can be read while it grows.
  static Result<OutputFile> in_place(std::string path);

  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // removes what was not finished

  // The first error ends the writing and is told by finish().
  void write(std::string_view text);
  void flush();
  // The last call. Regular files are on the disk then. Errors: the first one there was; a file
  // that was to be replaced is then untouched.
  Status finish();

 private:
  OutputFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  static Result<OutputFile> to_stdout();
  Status close_durably();

  std::string path_;
  std::string temporary_;  // empty where none is used
  UniqueFd fd_;
  std::string buffer_;
  Status status_ = ok();
};

}  // namespace nfsferry
