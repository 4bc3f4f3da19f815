#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "nfsferry/observer.hpp"
#include "report/output_file.hpp"

namespace nfsferry {

// Which checksum of a file a manifest has, and with it which program checks it from within the
// tree: `xxhsum -c` or `sha256sum -c`.
enum class ManifestHash : std::uint8_t { kXxh3, kSha256 };

// Lists the checksums of the files whose content a run read, in the order in which it was done with
// them, a line for each file.
class Manifest : public Observer {
 public:
  // Where everything is compared at the end (VerifyMode::kAll), each file is told of twice: only
  // what was found equal counts then.
  Manifest(OutputFile file, ManifestHash hash, VerifyMode verify)
      : file_(std::move(file)), hash_(hash), verified_only_(verify == VerifyMode::kAll) {}

  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& entry) override;

  // The last call. Errors: the first one there was.
  Status finish() { return file_.finish(); }

 private:
  OutputFile file_;
  const ManifestHash hash_;
  const bool verified_only_;
};

// "HASH  PATH" and a newline. As in xxhsum 0.8.2 and coreutils, a path with a backslash, LF or CR
// has these written as \\, \n, \r, and its line begins with a backslash.
std::string manifest_line(std::string_view hash, std::string_view path);

}  // namespace nfsferry
