// A small file system of a test's own, to be filled or made read-only. It is mounted in a mount
// namespace of this process: nobody else sees it, servers that are started afterwards do, and it
// ends with the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nfsferry::test {

// Why a test that mounts is to be skipped; empty: run it. Under CI it is always empty.
std::string require_mounts();

class Volume {
 public:
  enum class Kind { kTmpfs, kExt4, kBtrfs };  // btrfs: of 128 MiB at least, shares blocks

  // Whether this machine's kernel knows it.
  static bool is_known(Kind kind);

  Volume() = default;
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  // Returns an empty text, or what went wrong. Once per object.
  [[nodiscard]] std::string mount(Kind kind, unsigned size_mib);
  // A directory of it; beside it stands what fills the volume.
  std::filesystem::path folder() const { return mounted_ / "target"; }

  // Takes all space but so much; give_room() gives it back.
  [[nodiscard]] std::string leave_free(std::uint64_t bytes);
  void give_room();
  [[nodiscard]] std::string set_read_only(bool read_only);

 private:
  std::filesystem::path base_;
  std::filesystem::path mounted_;
};

}  // namespace nfsferry::test
