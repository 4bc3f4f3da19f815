// What a pair of places can do: synthetic trees, copied and removed again. Sizes in bytes,
// durations in milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry {

enum class BenchShape : std::uint8_t {
  kSmall,       // files of 1 to 16 KiB, 40 in each directory
  kLarge,       // four files
  kStudioHome,  // notebooks, an environment of tiny files and links, a repository, data sets
};

struct BenchOptions {
  std::string source;  // existing directories; only what a bench has made there is touched
  std::string target;
  std::vector<BenchShape> shapes{BenchShape::kSmall, BenchShape::kLarge, BenchShape::kStudioHome};
  std::uint64_t files = 10'000;                        // of kSmall and kStudioHome, about
  std::uint64_t large_bytes = std::uint64_t{1} << 30;  // of kLarge in all
  std::uint32_t rounds = 3;
  std::uint64_t seed = 1;
  CopyOptions copy;  // how: verify, checksum, engine, threads, timeout
};

// One copy of one tree.
struct BenchRound {
  BenchShape shape = BenchShape::kSmall;
  std::uint32_t round = 0;  // from 1
  std::uint64_t files = 0;  // links among them
  std::uint64_t bytes = 0;
  std::uint64_t duration_ms = 0;
  std::uint64_t source_requests = 0;
  std::uint64_t target_requests = 0;
};

struct BenchReport {
  BenchOptions options;
  ExitCode exit_code = ExitCode::kDone;
  std::string error_code;
  std::string error_detail;
  std::string engine;
  std::string source_version;  // "4.1", empty for a local path
  std::string target_version;
  std::vector<BenchRound> rounds;
};

}  // namespace nfsferry
