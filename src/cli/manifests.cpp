#include "cli/manifests.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/flags.hpp"
#include "cli/parsed_option.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kXxh3Flag = "--manifest";
constexpr const char* kSha256Flag = "--manifest-sha256";

Status open_one(const char* flag, const std::optional<std::string>& path, ManifestHash hash,
                VerifyMode verify, std::optional<Manifest>& manifest) {
  if (!path) return ok();
  auto file = OutputFile::replacing(*path);
  if (!file) return unusable_output(flag, file.error());
  manifest.emplace(*std::move(file), hash, verify);
  return ok();
}

}  // namespace

void add_manifest_flags(CLI::App& app, ManifestPaths& paths, CopyOptions& options) {
  add_parsed(app, kXxh3Flag, "FILE|-", "Write a checksum of each file that was read", parse_output,
             [&paths](std::string path) { paths.xxh3 = std::move(path); });
  add_parsed(app, kSha256Flag, "FILE|-", "The same with SHA-256, for sha256sum -c", parse_output,
             [&paths, &options](std::string path) {
               paths.sha256 = std::move(path);
               options.content_sha256 = true;
             });
}

void add_outputs(std::vector<NamedOutput>& outputs, const ManifestPaths& paths) {
  outputs.push_back({kXxh3Flag, paths.xxh3});
  outputs.push_back({kSha256Flag, paths.sha256});
}

Status Manifests::open(const ManifestPaths& paths, VerifyMode verify) {
  NFSFERRY_TRY(Ok one, open_one(kXxh3Flag, paths.xxh3, ManifestHash::kXxh3, verify, xxh3_), return);
  return open_one(kSha256Flag, paths.sha256, ManifestHash::kSha256, verify, sha256_);
}

void Manifests::watch(Observers& observers) {
  if (xxh3_) observers.add(*xxh3_);
  if (sha256_) observers.add(*sha256_);
}

bool Manifests::finish(OutputCheck& check) {
  bool all = true;
  for (std::optional<Manifest>* manifest : {&xxh3_, &sha256_}) {
    if (!*manifest) continue;
    Status written = (*manifest)->finish();
    all = all && written;
    check.add(written);
  }
  return all;
}

}  // namespace nfsferry::cli
