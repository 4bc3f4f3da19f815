#include "copy/target_table.hpp"

#include <gtest/gtest.h>

namespace nfsferry::copy {
namespace {

constexpr std::uint64_t kSeed = 42;

Entry entry(std::string name, FileType type = FileType::kRegular) {
  Entry out;
  out.handle = "handle of " + name;
  out.name = std::move(name);
  out.attributes.type = type;
  out.attributes.mode = 0644;
  out.attributes.size_bytes = 7;
  out.attributes.fileid = 99;
  out.attributes.owner = Owner{200005, {}};
  out.attributes.group = Owner{1001, {}};
  out.attributes.mtime = Time{-5, 123'456'789};
  return out;
}

TargetTable sealed(std::vector<Entry> entries, bool handles = false) {
  TargetTable table(kSeed, handles);
  for (const Entry& one : entries) table.add(one);
  table.seal();
  return table;
}

NewAttributes wanted_of(const Attributes& attributes) {
  NewAttributes out;
  out.mode = attributes.mode;
  out.owner = attributes.owner.id;
  out.group = attributes.group.id;
  out.mtime = attributes.mtime;
  return out;
}

unsigned compared(const Entry& source, const Entry& target, Capabilities can = {}) {
  TargetTable table = sealed({target});
  const TargetRow* row = table.find(table.key_of(target.name));
  return compare(source.attributes, wanted_of(source.attributes), *row, can);
}

TEST(TargetTable, finds_what_was_added_and_nothing_else) {
  TargetTable table = sealed({entry("a"), entry("b"), entry(std::string("\xff\n", 2))});
  EXPECT_NE(table.find(table.key_of("a")), nullptr);
  EXPECT_NE(table.find(table.key_of(std::string("\xff\n", 2))), nullptr);
  EXPECT_EQ(table.find(table.key_of("c")), nullptr);
}

TEST(TargetTable, gives_the_entry_back_as_it_was) {
  Entry before = entry("dir", FileType::kDirectory);
  TargetTable table = sealed({before});
  Entry after = table.entry(*table.find(table.key_of("dir")), "dir");
  EXPECT_EQ(after.handle, before.handle);
  EXPECT_EQ(after.attributes.type, before.attributes.type);
  EXPECT_EQ(after.attributes.owner, before.attributes.owner);
  EXPECT_EQ(after.attributes.mtime, before.attributes.mtime);
  EXPECT_EQ(after.attributes.fileid, before.attributes.fileid);
}

TEST(TargetTable, keeps_handles_of_files_only_when_asked) {
  TargetTable without = sealed({entry("a")});
  EXPECT_EQ(without.entry(*without.find(without.key_of("a")), "a").handle, "");
  TargetTable with = sealed({entry("a")}, true);
  EXPECT_EQ(with.entry(*with.find(with.key_of("a")), "a").handle, "handle of a");
}

TEST(TargetTable, goes_by_ranges_when_it_is_full) {
  constexpr std::size_t kMost = 100;
  constexpr int kNames = 1000;
  TargetTable first(kSeed, false, 0, 1, kMost);
  for (int i = 0; i < kNames; ++i) first.add(entry("name" + std::to_string(i)));
  std::uint32_t ranges = first.ranges();
  EXPECT_GT(ranges, 8u);
  EXPECT_LT(first.size(), kMost);
  int found = 0;
  for (std::uint32_t range = 0; range < ranges; ++range) {
    TargetTable table(kSeed, false, range, ranges, kMost);
    for (int i = 0; i < kNames; ++i) table.add(entry("name" + std::to_string(i)));
    table.seal();
    for (int i = 0; i < kNames; ++i) {
      Hash128 key = table.key_of("name" + std::to_string(i));
      if (!table.holds(key)) continue;
      ++found;
      EXPECT_NE(table.find(key), nullptr);
    }
  }
  EXPECT_EQ(found, kNames) << "each name belongs to one range";
}

TEST(TargetTable, counts_the_names_that_nobody_took) {
  TargetTable table = sealed({entry("a"), entry("b")});
  table.find(table.key_of("a"))->taken = true;
  EXPECT_EQ(table.untaken(), 1u);
}

TEST(Compare, an_equal_entry_differs_in_nothing) {
  EXPECT_EQ(compared(entry("a"), entry("a")), 0u);
}

TEST(Compare, each_attribute_has_its_difference) {
  Entry other = entry("a");
  other.attributes.size_bytes = 8;
  EXPECT_EQ(compared(entry("a"), other), kSize);
  other = entry("a");
  other.attributes.mtime.nanoseconds += 1;
  EXPECT_EQ(compared(entry("a"), other), kTime);
  other = entry("a");
  other.attributes.mode = 0600;
  EXPECT_EQ(compared(entry("a"), other), kMode);
  other = entry("a");
  other.attributes.owner.id = 1;
  EXPECT_EQ(compared(entry("a"), other), kOwner);
  other = entry("a");
  other.attributes.group = Owner{0, "staff"};
  EXPECT_EQ(compared(entry("a"), other), kGroup);
  EXPECT_EQ(compared(entry("a"), entry("a", FileType::kFifo)), kType);
}

TEST(Compare, a_copy_that_shares_its_file_with_another_name_differs) {
  Entry other = entry("a");
  other.attributes.link_count = 2;
  EXPECT_EQ(compared(entry("a"), other), kLinks);
  EXPECT_EQ(compared(other, other), 0u);
}

TEST(Compare, times_of_symlinks_count_where_the_target_keeps_them) {
  Entry link = entry("a", FileType::kSymlink);
  Entry other = link;
  other.attributes.mtime.seconds = 0;
  EXPECT_EQ(compared(link, other), kTime);
  Capabilities without;
  without.symlink_times = false;
  EXPECT_EQ(compared(link, other, without), 0u);
}

TEST(Compare, times_within_the_targets_rounding_are_equal) {
  Entry other = entry("a");
  other.attributes.mtime.nanoseconds = 123'456'000;
  Capabilities rounding;
  rounding.time_granularity_ns = 1000;
  EXPECT_EQ(compared(entry("a"), other, rounding), 0u);
  other.attributes.mtime.nanoseconds = 123'455'000;
  EXPECT_EQ(compared(entry("a"), other, rounding), kTime);
}

TEST(Compare, a_time_beyond_the_targets_range_equals_the_end_of_it) {
  Entry source = entry("a");
  source.attributes.mtime = Time{99'999'999'999, 7};
  Entry target = entry("a");
  target.attributes.mtime = Time{15'032'385'535, 0};
  Capabilities ext4;
  EXPECT_EQ(compared(source, target, ext4), kTime);
  ext4.most_seconds = 15'032'385'535;
  EXPECT_EQ(compared(source, target, ext4), 0u);
}

TEST(Compare, differences_are_described) {
  Entry source = entry("a");
  Entry target = entry("a");
  target.attributes.size_bytes = 5;
  target.attributes.mode = 0600;
  std::string text = describe(kSize | kMode | kOwner, source.attributes,
                              wanted_of(source.attributes), target.attributes);
  EXPECT_EQ(text, "size 5, not 7; mode 0600, not 0644; owner 200005, not 200005");
}

TEST(Compare, a_new_owner_brings_the_mode_along) {
  NewAttributes wanted = wanted_of(entry("a").attributes);
  NewAttributes repaired = repair(kOwner, wanted);
  EXPECT_EQ(repaired.owner, wanted.owner);
  EXPECT_EQ(repaired.mode, wanted.mode);
  EXPECT_FALSE(repaired.mtime);
  repaired = repair(kTime, wanted);
  EXPECT_EQ(repaired.mtime, wanted.mtime);
  EXPECT_FALSE(repaired.mode);
}

}  // namespace
}  // namespace nfsferry::copy
