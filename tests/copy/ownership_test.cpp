#include "copy/ownership.hpp"

#include <gtest/gtest.h>

namespace nfsferry::copy {
namespace {

Attributes owned(std::uint32_t uid, std::uint32_t gid, std::uint32_t mode = 0644) {
  Attributes attributes;
  attributes.type = FileType::kRegular;
  attributes.owner.id = uid;
  attributes.group.id = gid;
  attributes.mode = mode;
  return attributes;
}

TEST(Ownership, ids_are_kept_by_default_and_set_id_bits_with_them) {
  CopyOptions options;
  Ownership ownership(options, owned(1, 2), owned(3, 4));
  auto out = ownership.of(owned(1, 2, 06755));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->owner, 1u);
  EXPECT_EQ(out->group, 2u);
  EXPECT_EQ(out->mode, 06755u);
}

TEST(Ownership, a_fixed_owner_takes_everything_and_drops_set_id_bits_of_files) {
  CopyOptions options;
  options.owner = OwnerRule::kFixed;
  options.owner_uid = 7;
  options.owner_gid = 8;
  Ownership ownership(options, owned(1, 2), owned(3, 4));
  auto file = ownership.of(owned(9, 9, 06755));
  Attributes directory = owned(9, 9, 02755);
  directory.type = FileType::kDirectory;
  auto folder = ownership.of(directory);
  ASSERT_TRUE(file && folder);
  EXPECT_EQ(file->owner, 7u);
  EXPECT_EQ(file->group, 8u);
  EXPECT_EQ(file->mode, 0755u);
  EXPECT_EQ(folder->mode, 02755u);
}

TEST(Ownership, target_maps_the_roots_owner_and_leaves_others) {
  CopyOptions options;
  options.owner = OwnerRule::kTarget;
  Ownership ownership(options, owned(1, 2), owned(3, 4));
  auto his = ownership.of(owned(1, 2));
  auto other = ownership.of(owned(5, 2));
  ASSERT_TRUE(his && other);
  EXPECT_EQ(his->owner, 3u);
  EXPECT_EQ(his->group, 4u);
  EXPECT_EQ(other->owner, 5u);
}

TEST(Ownership, an_owner_that_is_no_number_is_an_error_unless_it_is_replaced) {
  Attributes named = owned(0, 0);
  named.owner.text = "alice@example.org";
  CopyOptions keep;
  auto refused = Ownership(keep, owned(1, 2), owned(3, 4)).of(named);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Own::kOwnerNotNumeric));
  CopyOptions fixed;
  fixed.owner = OwnerRule::kFixed;
  EXPECT_TRUE(Ownership(fixed, owned(1, 2), owned(3, 4)).of(named));
}

TEST(Ownership, maps_come_before_the_rule) {
  CopyOptions options;
  options.owner = OwnerRule::kFixed;
  options.owner_uid = 7;
  options.owner_gid = 8;
  options.map_uid = {IdMap{5, 50}};
  options.map_gid = {IdMap{6, 60}};
  Ownership ownership(options, owned(1, 2), owned(3, 4));
  EXPECT_EQ(ownership.of(owned(5, 9))->owner, 50u);
  EXPECT_EQ(ownership.of(owned(5, 9))->group, 8u);
  EXPECT_EQ(ownership.of(owned(9, 6))->group, 60u);
  EXPECT_EQ(ownership.of(owned(9, 6))->owner, 7u);
}

TEST(Ownership, ranges_are_mapped_from_their_first_id_on_and_other_ids_are_kept) {
  CopyOptions options;
  options.map_uid = {IdMap{1000, 5000, 1000}, IdMap{10, 20}, IdMap{0xffff'fff0, 0, 15}};
  options.map_gid = {IdMap{0, 1, 0xffff'fffe}};
  Ownership ownership(options, owned(1, 2), owned(3, 4));
  struct Row {
    std::uint32_t from;
    std::uint32_t to;
  };
  for (Row row : {Row{9, 9},
                  {10, 20},
                  {11, 11},
                  {999, 999},
                  {1000, 5000},
                  {1001, 5001},
                  {1999, 5999},
                  {2000, 2000},
                  {0xffff'ffef, 0xffff'ffef},
                  {0xffff'fff0, 0},
                  {0xffff'fffe, 14}}) {
    EXPECT_EQ(ownership.of(owned(row.from, 0))->owner, row.to) << row.from;
  }
  EXPECT_EQ(ownership.of(owned(0, 0))->group, 1u);
  EXPECT_EQ(ownership.of(owned(0, 0xffff'fffd))->group, 0xffff'fffeu);
}

TEST(Ownership, set_id_bits_are_kept_or_dropped_as_asked) {
  CopyOptions mapped;
  mapped.map_uid = {IdMap{5, 50}};
  Ownership by_default(mapped, owned(1, 2), owned(3, 4));
  EXPECT_EQ(by_default.of(owned(1, 2, 06755))->mode, 0755u) << "mapped";
  mapped.suid = SuidMode::kKeep;
  Ownership kept(mapped, owned(1, 2), owned(3, 4));
  EXPECT_EQ(kept.of(owned(1, 2, 06755))->mode, 06755u);
  CopyOptions dropped;
  dropped.suid = SuidMode::kDrop;
  Ownership without(dropped, owned(1, 2), owned(3, 4));
  EXPECT_EQ(without.of(owned(1, 2, 06755))->mode, 0755u);
}

TEST(Ownership, a_file_that_does_not_get_its_owner_is_no_set_id_program) {
  CopyOptions options;
  options.owner_errors = OwnerErrors::kWarn;
  options.suid = SuidMode::kKeep;
  Attributes named = owned(0, 7, 06755);
  named.owner.text = "alice@example.org";
  auto given = Ownership(options, owned(1, 2), owned(3, 4)).of(named);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->owner);
  EXPECT_EQ(given->group, 7u);
  EXPECT_EQ(given->mode, 0755u);
  Ownership left(options, owned(1, 2), owned(3, 4));
  left.leave_owners();
  given = left.of(owned(1, 2, 06755));
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->owner || given->group);
  EXPECT_EQ(given->mode, 0755u);
}

TEST(Ownership, a_target_that_gives_to_one_owner_alone_leaves_others_unset) {
  Ownership ownership({}, owned(1, 2), owned(3, 4));
  ownership.give_only_to(1, 2);
  auto his = ownership.of(owned(1, 2, 06755));
  auto group = ownership.of(owned(5, 2, 06755));
  ASSERT_TRUE(his && group);
  EXPECT_EQ(his->owner, 1u);
  EXPECT_EQ(his->group, 2u);
  EXPECT_EQ(his->mode, 06755u);
  EXPECT_FALSE(group->owner);
  EXPECT_EQ(group->group, 2u);
  EXPECT_EQ(group->mode, 0755u);
}

}  // namespace
}  // namespace nfsferry::copy
