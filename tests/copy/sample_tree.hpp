// Trees to be copied, made from a seed in a folder.
#pragma once

#include <cstdint>
#include <filesystem>

namespace nfsferry::test {

struct SampleTree {
  std::uint64_t seed = 1;
  unsigned directories = 10;
  unsigned files_per_directory = 20;
  std::uint64_t least_bytes = 1;
  std::uint64_t most_bytes = 16 * 1024;
  uid_t owner = 0;
  gid_t group = 0;
};

// Directories of small files with random contents, odd times and modes.
void make_small_files(const std::filesystem::path& root, const SampleTree& sample);
// Names, types, modes, times and links that homes hold: 255-byte names, control characters,
// invalid UTF-8, dangling and 4,080-byte symlinks, hard links, FIFOs, sockets, modes 0000 and
// set-id bits, times before 1970 and after 2038, a deep path, empty and sparse files.
void make_odd_entries(const std::filesystem::path& root, const SampleTree& sample);
// One file with contents from the seed.
void make_file(const std::filesystem::path& path, std::uint64_t size_bytes, std::uint64_t seed);

}  // namespace nfsferry::test
