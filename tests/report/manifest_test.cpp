#include "report/manifest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "place.hpp"

namespace nfsferry {
namespace {

using test::Place;

const std::string kHash(32, 'a');

EntryRecord record(EntryAction action, std::string_view path, std::string hash = kHash) {
  EntryRecord entry;
  entry.action = action;
  entry.path = path;
  entry.hash = std::move(hash);
  return entry;
}

// The manifest of a run with these records.
std::string manifest_of(VerifyMode verify, const std::vector<EntryRecord>& entries) {
  Place place;
  auto file = OutputFile::replacing(place.path("manifest"));
  EXPECT_TRUE(file.has_value());
  Manifest manifest(*std::move(file), ManifestHash::kXxh3, verify);
  for (const EntryRecord& entry : entries) manifest.on_entry(entry);
  EXPECT_TRUE(manifest.finish().has_value());
  return place.read("manifest");
}

TEST(ManifestLine, APlainPathStaysAsItIs) {
  EXPECT_EQ(manifest_line(kHash, "dir/a b\t\xff\x1b\"'"), kHash + "  dir/a b\t\xff\x1b\"'\n");
}

TEST(ManifestLine, BackslashAndLineEndsAreEscapedAndTheLineSaysSo) {
  EXPECT_EQ(manifest_line(kHash, "a\\b"), "\\" + kHash + "  a\\\\b\n");
  EXPECT_EQ(manifest_line(kHash, "a\nb"), "\\" + kHash + "  a\\nb\n");
  EXPECT_EQ(manifest_line(kHash, "a\rb"), "\\" + kHash + "  a\\rb\n");
  EXPECT_EQ(manifest_line(kHash, "\\n\n"), "\\" + kHash + "  \\\\n\\n\n");
}

TEST(Manifest, HoldsTheFilesWhoseContentWasReadAndIsInTheTarget) {
  EXPECT_EQ(
      manifest_of(
          VerifyMode::kTransferred,
          {record(EntryAction::kCopied, "copied"), record(EntryAction::kLinked, "linked"),
           record(EntryAction::kSkipped, "compared"), record(EntryAction::kMetadata, "repaired"),
           record(EntryAction::kChanged, "changed"), record(EntryAction::kSkipped, "not-read", ""),
           record(EntryAction::kCopied, "directory", ""), record(EntryAction::kFailed, "failed"),
           record(EntryAction::kVanished, "vanished"), record(EntryAction::kDeleted, "deleted")}),
      kHash + "  copied\n" + kHash + "  linked\n" + kHash + "  compared\n" + kHash +
          "  repaired\n" + kHash + "  changed\n");
}

TEST(Manifest, HasTheSha256WhereThatIsAskedForAndNoLineWithoutIt) {
  Place place;
  auto file = OutputFile::replacing(place.path("manifest"));
  ASSERT_TRUE(file.has_value());
  Manifest manifest(*std::move(file), ManifestHash::kSha256, VerifyMode::kTransferred);
  EntryRecord both = record(EntryAction::kCopied, "dir/back\\slash");
  both.sha256 = std::string(64, 'b');
  manifest.on_entry(both);
  manifest.on_entry(record(EntryAction::kCopied, "other"));
  EXPECT_TRUE(manifest.finish().has_value());
  EXPECT_EQ(place.read("manifest"), "\\" + both.sha256 + "  dir/back\\\\slash\n");
}

TEST(Manifest, HasALineForEachFileWhenAllOfThemAreComparedAtTheEnd) {
  EXPECT_EQ(
      manifest_of(VerifyMode::kAll,
                  {record(EntryAction::kCopied, "a"), record(EntryAction::kCopied, "b"),
                   record(EntryAction::kSkipped, "c", ""), record(EntryAction::kVerified, "a"),
                   record(EntryAction::kFailed, "b"), record(EntryAction::kVerified, "c")}),
      kHash + "  a\n" + kHash + "  c\n");
}

TEST(Manifest, ReplacesAnOlderOneOnlyWhenTheRunIsOver) {
  Place place;
  place.write("manifest", "old");
  auto file = OutputFile::replacing(place.path("manifest"));
  ASSERT_TRUE(file.has_value());
  Manifest manifest(*std::move(file), ManifestHash::kXxh3, VerifyMode::kNone);
  manifest.on_entry(record(EntryAction::kCopied, std::string(100'000, 'x')));
  EXPECT_EQ(place.read("manifest"), "old");
  EXPECT_TRUE(manifest.finish().has_value());
  EXPECT_EQ(place.read("manifest").size(), 100'000u + 35);
}

}  // namespace
}  // namespace nfsferry
