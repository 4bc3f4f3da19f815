// Whose a tree is, by its metadata alone. Sizes in bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry {

struct OwnersOptions {
  std::string location;
  EngineMode engine = EngineMode::kAuto;
  std::uint64_t timeout_ms = 300'000;  // how long a server may stay away
};

// What one user, or one group, has. A file with several names is there once.
struct OwnerShare {
  std::string id;             // decimal, or the text that the server gave
  std::uint64_t entries = 0;  // of any type, the root among them
  std::uint64_t bytes = 0;    // of regular files, holes included
};

struct OwnersReport {
  // What every run tells: exit code and its reason, the side as `source`, engine, times; in
  // `failures` what cannot be listed.
  CopyReport run;
  std::vector<OwnerShare> users;  // most bytes first, then most entries
  std::vector<OwnerShare> groups;
};

}  // namespace nfsferry
