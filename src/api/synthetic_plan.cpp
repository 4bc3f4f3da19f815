#include <algorithm>
#include <random>

#include "api/synthetic_tree.hpp"
#include "base/units.hpp"

namespace nfsferry::api {
namespace {

constexpr std::uint64_t kFilesPerDirectory = 40;
constexpr std::uint64_t kLargeFiles = 4;

// The standard library's distributions differ between versions; this does not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + engine_() % (most - least + 1);
  }
  std::string hex(unsigned digits) {
    std::string out;
    for (unsigned i = 0; i < digits; ++i) out += "0123456789abcdef"[engine_() % 16];
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

std::string numbered(const char* prefix, std::uint64_t number, const char* suffix = "") {
  return prefix + std::to_string(number) + suffix;
}

std::vector<PlannedDirectory> small_tree(std::uint64_t files, Dice& dice) {
  std::vector<PlannedDirectory> plan{{}};
  for (std::uint64_t i = 0; i < files; ++i) {
    if (i % kFilesPerDirectory == 0)
      plan.push_back({numbered("d", i / kFilesPerDirectory), {}, {}});
    plan.back().files.push_back({numbered("f", i), dice.between(kKiB, 16 * kKiB)});
  }
  return plan;
}

std::vector<PlannedDirectory> large_tree(std::uint64_t bytes) {
  std::vector<PlannedDirectory> plan{{}};
  for (std::uint64_t i = 0; i < kLargeFiles; ++i) {
    std::uint64_t rest = i + 1 == kLargeFiles ? bytes % kLargeFiles : 0;
    plan[0].files.push_back({numbered("large", i), bytes / kLargeFiles + rest});
  }
  return plan;
}

void add_notebooks(std::vector<PlannedDirectory>& plan, std::uint64_t files, Dice& dice) {
  plan.push_back({"notebooks", {}, {}});
  for (std::uint64_t i = 0; i < files; ++i) {
    plan.back().files.push_back(
        {numbered("analysis-", i, ".ipynb"), dice.between(5 * kKiB, 200 * kKiB)});
  }
}

// Packages of tiny files, a link in each tenth one, as conda lays them out.
void add_environment(std::vector<PlannedDirectory>& plan, std::uint64_t files, Dice& dice) {
  for (const char* path : {"env", "env/bin", "env/lib", "env/lib/site-packages"}) {
    plan.push_back({path, {}, {}});
  }
  for (std::uint64_t i = 0; i < files; ++i) {
    std::uint64_t package = i / kFilesPerDirectory;
    if (i % kFilesPerDirectory == 0) {
      plan.push_back({numbered("env/lib/site-packages/package", package), {}, {}});
      if (package % 10 == 0) plan.back().symlinks.push_back({"current", "module0.py"});
    }
    bool tiny = dice.between(0, 9) < 9;
    plan.back().files.push_back(
        {numbered("module", i % kFilesPerDirectory, ".py"),
         tiny ? dice.between(0, 4 * kKiB) : dice.between(4 * kKiB, 96 * kKiB)});
  }
}

// Loose objects under two hexadecimal digits, and a pack.
void add_repository(std::vector<PlannedDirectory>& plan, std::uint64_t files, Dice& dice) {
  for (const char* path : {"project", "project/.git", "project/.git/objects"}) {
    plan.push_back({path, {}, {}});
  }
  plan.push_back({"project/.git/objects/pack", {{"pack-" + dice.hex(40) + ".pack", 8 * kMiB}}, {}});
  constexpr std::uint64_t kFans = 256;
  for (std::uint64_t fan = 0; fan < std::min(files, kFans); ++fan) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string name{kDigits[fan / 16], kDigits[fan % 16]};
    plan.push_back({"project/.git/objects/" + name, {}, {}});
    for (std::uint64_t i = fan; i < files; i += kFans) {
      plan.back().files.push_back({dice.hex(38), dice.between(50, 6 * kKiB)});
    }
  }
}

void add_data_sets(std::vector<PlannedDirectory>& plan, std::uint64_t files, Dice& dice) {
  plan.push_back({"data", {}, {}});
  for (std::uint64_t i = 0; i < files; ++i) {
    plan.back().files.push_back({numbered("part-", i, ".parquet"), dice.between(kMiB, 16 * kMiB)});
  }
}

}  // namespace

std::vector<PlannedDirectory> plan_tree(BenchShape shape, const BenchOptions& options) {
  Dice dice(options.seed);
  switch (shape) {
    case BenchShape::kSmall: return small_tree(options.files, dice);
    case BenchShape::kLarge: return large_tree(options.large_bytes);
    case BenchShape::kStudioHome: break;
  }
  std::vector<PlannedDirectory> plan{{}};
  std::uint64_t files = options.files;
  add_notebooks(plan, files / 50, dice);          // of a hundred files 2 are notebooks,
  add_environment(plan, files * 77 / 100, dice);  // 77 belong to packages,
  add_repository(plan, files / 5, dice);          // 20 are objects of a repository,
  add_data_sets(plan, files / 500, dice);         // and in five hundred there is one data set
  return plan;
}

std::uint64_t planned_bytes(const std::vector<PlannedDirectory>& plan) {
  std::uint64_t bytes = 0;
  for (const PlannedDirectory& directory : plan) {
    for (const PlannedFile& file : directory.files) bytes += file.size_bytes;
  }
  return bytes;
}

}  // namespace nfsferry::api
