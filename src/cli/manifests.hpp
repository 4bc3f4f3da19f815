#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/observers.hpp"
#include "cli/run_output.hpp"
#include "report/manifest.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// Where lists of checksums are written: a path, or "-".
struct ManifestPaths {
  std::optional<std::string> xxh3;
  std::optional<std::string> sha256;

  bool any() const { return xxh3 || sha256; }
};

// `options` hears of what the lists need.
void add_manifest_flags(CLI::App& app, ManifestPaths& paths, CopyOptions& options);
void add_outputs(std::vector<NamedOutput>& outputs, const ManifestPaths& paths);

// The lists themselves, of one run.
class Manifests {
 public:
  // Errors: kBadInput for what cannot be written.
  Status open(const ManifestPaths& paths, VerifyMode verify);
  void watch(Observers& observers);
  // The last call. Whether all were written; what was not is told to `check`.
  bool finish(OutputCheck& check);

 private:
  std::optional<Manifest> xxh3_;
  std::optional<Manifest> sha256_;
};

}  // namespace nfsferry::cli
