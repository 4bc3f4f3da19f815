// Whose the entries of a tree are.
#include "copy/owner_count.hpp"

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class Owners : public Engine {
 protected:
  struct Found {
    std::vector<OwnerShare> users;
    std::vector<OwnerShare> groups;
    CopyReport run;
  };
  Found count(MemoryOptions source_options = {}) {
    Observer quiet;
    auto source = tree(source_volume_, std::move(source_options));
    Pace pace(limits_, stop_);
    Shared shared(Job::kCheck, options_, quiet, stop_, pace);
    Found found;
    loop_->run(count_task(shared, *source, found));
    shared.failures.give_to(found.run);
    fill_outcome(shared, found.run);
    return found;
  }
  static Task<void> count_task(Shared& shared, MemoryTree& source, Found& found) {
    Status opened = co_await source.open();
    EXPECT_TRUE(opened);
    OwnerCount owners(shared, source);
    co_await owners.go();
    found.users = owners.users();
    found.groups = owners.groups();
    co_await source.close();
  }
  void own(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
    NewAttributes attributes;
    attributes.owner = uid;
    attributes.group = gid;
    source_volume_->set_attributes(*at(*source_volume_, path), attributes);
  }
  static std::string text_of(const std::vector<OwnerShare>& shares) {
    std::string out;
    for (const OwnerShare& share : shares) {
      out +=
          share.id + "=" + std::to_string(share.entries) + "/" + std::to_string(share.bytes) + " ";
    }
    return out;
  }
};

TEST_F(Owners, are_added_up_by_user_and_group_with_most_bytes_first) {
  MemoryVolume& volume = *source_volume_;
  own("", 0, 0);
  add(volume, "/deep", FileType::kDirectory);
  own("/deep", 5, 50);
  add(volume, "/deep/large", FileType::kRegular, std::string(1000, 'l'));
  own("/deep/large", 5, 60);
  add(volume, "/small", FileType::kRegular, "small");
  own("/small", 6, 60);
  add(volume, "/link", FileType::kSymlink, "deep/large");
  own("/link", 7, 50);
  Found found = count();
  EXPECT_EQ(text_of(found.users), "5=2/1000 6=1/5 0=1/0 7=1/0 ");
  EXPECT_EQ(text_of(found.groups), "60=2/1005 50=2/0 0=1/0 ");
  EXPECT_EQ(found.run.exit_code, ExitCode::kDone);
}

TEST_F(Owners, of_a_file_with_several_names_are_counted_once) {
  MemoryVolume& volume = *source_volume_;
  own("", 0, 0);
  MemoryNodePtr file = add(volume, "/one", FileType::kRegular, "shared");
  own("/one", 5, 5);
  ASSERT_TRUE(volume.link(file, *volume.root(), "two"));
  EXPECT_EQ(text_of(count().users), "5=1/6 0=1/0 ");
}

TEST_F(Owners, are_counted_once_where_a_listing_is_started_over) {
  for (int i = 0; i < 35; ++i) {
    std::string path = "/f" + std::to_string(i);
    add(*source_volume_, path, FileType::kRegular, "12345");
    own(path, 5, 5);
  }
  own("", 0, 0);
  Found found = count(forgetting({3}));
  EXPECT_EQ(text_of(found.users), "5=35/175 0=1/0 ");
  EXPECT_EQ(found.run.exit_code, ExitCode::kDone);
}

TEST_F(Owners, of_what_cannot_be_listed_are_missing_and_said_to_be) {
  MemoryVolume& volume = *source_volume_;
  own("", 0, 0);
  add(volume, "/closed", FileType::kDirectory);
  own("/closed", 5, 5);
  add(volume, "/closed/in", FileType::kRegular, "in");
  MemoryOptions options;
  options.fail = [](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "open_directory") return errno_error(EACCES, operation, "closed");
    return {};
  };
  Found found = count(options);
  EXPECT_EQ(text_of(found.users), "0=1/0 5=1/0 ");
  EXPECT_EQ(found.run.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(found.run.error_detail, "1 entry cannot be read");
  ASSERT_EQ(found.run.failures.size(), 1u);
  EXPECT_EQ(found.run.failures[0].path, "closed");
}

}  // namespace
}  // namespace nfsferry::copy
