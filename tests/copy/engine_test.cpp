// The engine on trees in memory: counting, failures of single entries, change under its feet.
#include <optional>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

TEST_F(Engine, an_empty_tree_is_copied_at_once) {
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.files_transferred, 0u);
  EXPECT_TRUE(report.manifest_complete);
}

TEST_F(Engine, every_entry_is_counted_once) {
  auto three = [](MemoryTree& to) -> Task<void> {
    for (std::size_t i = 0; i < 300; ++i) {
      std::string name = "file" + std::to_string(i);
      co_await put(to, to.root(), name, i);
    }
    co_await put(to, to.root(), "large", 3u << 20);
  };
  fill(three);
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 301u);
  EXPECT_EQ(report.estimated_files, 301u);
  EXPECT_EQ(report.bytes_written, 300u * 299 / 2 + (3u << 20));
  EXPECT_EQ(report.bytes_transferred, report.bytes_written);
}

TEST_F(Engine, the_first_files_are_written_before_their_directory_is_listed_to_its_end) {
  constexpr unsigned kPages = 100;
  for (unsigned i = 0; i < 10 * kPages; ++i) {
    from("/file" + std::to_string(i), FileType::kRegular, "x");
  }
  unsigned pages = 0;
  std::optional<unsigned> pages_before_a_put;
  MemoryOptions source;
  source.page_entries = 10;
  source.fail = [&](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "list") ++pages;
    return {};
  };
  MemoryOptions target;
  target.fail = [&](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "put_file" && !pages_before_a_put) pages_before_a_put = pages;
    return {};
  };
  CopyReport report = copy(source, target);
  EXPECT_EQ(report.files_transferred, 10u * kPages);
  EXPECT_GE(pages, kPages);
  ASSERT_TRUE(pages_before_a_put);
  EXPECT_LT(*pages_before_a_put, kPages / 2);
}

TEST_F(Engine, one_unreadable_file_fails_alone) {
  auto ten = [](MemoryTree& to) -> Task<void> {
    for (int i = 0; i < 10; ++i) {
      std::string name = "file" + std::to_string(i);
      co_await put(to, to.root(), name, 100);
    }
  };
  fill(ten);
  MemoryOptions source;
  source.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "read_file" && name == "file3") return errno_error(EIO, "read", name);
    return {};
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.files_transferred, 9u);
  EXPECT_EQ(report.failed_transfer, 1u);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "file3");
  EXPECT_EQ(report.failures[0].error, "EIO");
  EXPECT_FALSE(report.manifest_complete);
  EXPECT_EQ(report.tree_digest, "");
}

TEST_F(Engine, a_file_that_vanished_is_no_failure) {
  auto two = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), "stays", 10);
    co_await put(to, to.root(), "goes", 10);
  };
  fill(two);
  MemoryOptions source;
  source.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool gone = operation == "read_file" || operation == "lookup";
    if (gone && name == "goes") return errno_error(ENOENT, "read", name);
    return {};
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.vanished, 1u);
  EXPECT_EQ(report.files_transferred, 1u);
}

// Of two entries "refused" failed, and nothing else.
void expect_refused_alone(const CopyReport& report, const std::string& error) {
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.error_code, "entries_failed") << report.error_detail;
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "refused");
  EXPECT_EQ(report.failures[0].error, error);
  EXPECT_EQ(report.files_transferred, 1u);
}

TEST_F(Engine, a_source_that_answers_as_if_it_were_full_fails_its_entry_alone) {
  auto two = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), "opened", 10);
    co_await put(to, to.root(), "refused", 10);
  };
  fill(two);
  MemoryOptions source;
  source.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "read_file" && name == "refused") return errno_error(EDQUOT, "open", name);
    return {};
  };
  CopyReport report = copy(source);
  expect_refused_alone(report, "EDQUOT");
}

TEST_F(Engine, a_source_whose_listing_answers_as_if_it_were_full_fails_that_directory_alone) {
  from("/file", FileType::kRegular, "x");
  from("/refused", FileType::kDirectory);
  MemoryOptions source;
  auto lists = std::make_shared<int>(0);
  source.fail = [lists](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "list" && ++*lists == 2) return errno_error(EROFS, "getdents64");
    return {};
  };
  CopyReport report = copy(source);
  expect_refused_alone(report, "EROFS");
}

TEST_F(Engine, a_full_target_ends_the_run) {
  auto many = [](MemoryTree& to) -> Task<void> {
    for (int i = 0; i < 500; ++i) {
      std::string name = "file" + std::to_string(i);
      co_await put(to, to.root(), name, 100);
    }
  };
  fill(many);
  MemoryOptions target;
  target.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "put_file" && name.starts_with("file")) {
      return errno_error(ENOSPC, "write", name);
    }
    return {};
  };
  class Counting : public Observer {
   public:
    void on_failure(const Failure&) override { ++said; }
    int said = 0;
  } counting;
  CopyReport report = copy({}, target, &counting);
  EXPECT_EQ(report.exit_code, ExitCode::kTargetUnusable);
  EXPECT_EQ(report.error_code, "ENOSPC");
  EXPECT_NE(report.error_detail.find("full"), std::string::npos) << report.error_detail;
  EXPECT_EQ(counting.said, 1) << "one line, not one for each file in flight";
}

TEST_F(Engine, a_short_write_is_finished_by_ranges) {
  auto one = [](MemoryTree& to) -> Task<void> { co_await put(to, to.root(), "file", 1000); };
  fill(one);
  MemoryOptions target;
  target.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "put_file" && name == "file") return own_error(Own::kShortWrite, "WRITE");
    return {};
  };
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.bytes_written, 1000u);
  EXPECT_EQ(report.retries, 1u);
}

TEST_F(Engine, a_lost_write_verifier_copies_the_file_again) {
  auto one = [](MemoryTree& to) -> Task<void> { co_await put(to, to.root(), "file", 2u << 20); };
  fill(one);
  MemoryOptions target;
  auto commits = std::make_shared<int>(0);
  target.fail = [commits](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "commit" && ++*commits == 1) {
      return own_error(Own::kWriteVerifierChanged, "COMMIT");
    }
    return {};
  };
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(*commits, 2);
  EXPECT_EQ(report.files_transferred, 1u);
}

TEST_F(Engine, a_deep_tree_needs_no_stack) {
  auto deep = [](MemoryTree& to) -> Task<void> {
    DirectoryPtr at = to.root();
    for (int i = 0; i < 1000; ++i) {
      MakeDirectory request{at, "level", {}};
      std::span<const MakeDirectory> one(&request, 1);
      auto made = co_await to.make_directories(one);
      at = made[0]->directory;
    }
    co_await put(to, at, "bottom", 5);
  };
  fill(deep);
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.folders_transferred, 1000u);
  EXPECT_EQ(report.files_transferred, 1u);
}

TEST_F(Engine, more_directories_than_the_queue_holds_are_all_copied) {
  constexpr int kMany = 6000;
  auto wide = [](MemoryTree& to) -> Task<void> {
    std::vector<MakeDirectory> requests;
    for (int i = 0; i < kMany; ++i) {
      requests.push_back(MakeDirectory{to.root(), "d" + std::to_string(i), {}});
    }
    auto made = co_await to.make_directories(requests);
    for (auto& one : made) co_await put(to, one->directory, "file", 1);
  };
  fill(wide);
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.folders_transferred, static_cast<std::uint64_t>(kMany));
  EXPECT_EQ(report.files_transferred, static_cast<std::uint64_t>(kMany));
}

// It is gone through when names are linked, and has a group of its own.
TEST_F(Engine, a_further_name_that_has_become_a_directory_is_copied_with_its_links) {
  MemoryNodePtr one = from("/one", FileType::kRegular, "first");
  EXPECT_TRUE(source_volume_->link(one, *source_volume_->root(), "two"));
  auto replace = [this] {
    EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "two", false));
    from("/two", FileType::kDirectory);
    MemoryNodePtr inside = from("/two/f1", FileType::kRegular, "inside");
    EXPECT_TRUE(source_volume_->link(inside, *at(*source_volume_, "/two"), "f2"));
  };
  CopyReport report = copy(before("read_file", "two", replace), failing("put_file", "one", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(content(*target_volume_, "/two/f1"), "inside");
  EXPECT_EQ(at(*target_volume_, "/two/f1"), at(*target_volume_, "/two/f2"));
}

TEST_F(Engine, a_target_without_hard_links_gets_a_copy_for_each_name) {
  auto linked = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), "first", 10);
    MakeLink request{to.root().get(), "first", to.root().get(), "second"};
    std::span<const MakeLink> one(&request, 1);
    auto made = co_await to.make_links(one);
    EXPECT_TRUE(made[0]);
  };
  fill(linked);
  MemoryOptions target;
  target.capabilities.hard_links = false;
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 2u);
  EXPECT_EQ(report.hard_links, 0u);
  EXPECT_EQ(report.bytes_written, 20u);
}

TEST_F(Engine, names_over_the_servers_link_limit_become_a_new_file) {
  auto linked = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), "name0", 10);
    for (int i = 1; i < 6; ++i) {
      std::string name = "name" + std::to_string(i);
      MakeLink request{to.root().get(), "name0", to.root().get(), name};
      std::span<const MakeLink> one(&request, 1);
      auto made = co_await to.make_links(one);
      EXPECT_TRUE(made[0]);
    }
  };
  fill(linked);
  MemoryOptions target;
  auto links = std::make_shared<int>(0);
  target.fail = [links](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "make_link") return {};
    if (++*links == 3) return errno_error(EMLINK, "link", name);
    return {};
  };
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 6u);
  EXPECT_EQ(report.bytes_written, 20u);  // two files
}

TEST_F(Engine, a_name_in_another_file_system_of_the_target_becomes_a_new_file) {
  MemoryNodePtr file = from("/file", FileType::kRegular, "content");
  from("/dir", FileType::kDirectory);
  EXPECT_TRUE(source_volume_->link(file, *at(*source_volume_, "/dir"), "here"));
  EXPECT_TRUE(source_volume_->link(file, *at(*source_volume_, "/dir"), "there"));
  MemoryOptions target;
  target.fail = [this](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "make_link" || at(*target_volume_, "/dir/here")) return {};
    return errno_error(EXDEV, "link", name);
  };
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/dir/there"), "content");
  EXPECT_EQ(at(*target_volume_, "/dir/here"), at(*target_volume_, "/dir/there"));
}

// An overlay's files may have another number than its directories.
TEST_F(Engine, a_file_of_another_file_system_is_copied_and_removed) {
  from("/file", FileType::kRegular, "content");
  source_volume_->edit("/file", [](MemoryNode& node) { node.attributes.fsid.minor += 1; });
  to("/surplus", FileType::kRegular, "x");
  target_volume_->edit("/surplus", [](MemoryNode& node) { node.attributes.fsid.minor += 1; });
  options_.delete_surplus = true;
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.mounts_not_entered, 0u);
  EXPECT_EQ(content(*target_volume_, "/file"), "content");
  EXPECT_EQ(at(*target_volume_, "/surplus"), nullptr);
}

// As servers answer for a file system below that wants Kerberos.
TEST_F(Engine, an_entry_that_wants_other_security_fails_alone) {
  auto home = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), "elsewhere", 10);
    co_await put(to, to.root(), "file", 10);
  };
  fill(home);
  MemoryOptions source;
  source.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "entry" || name != "elsewhere") return std::nullopt;
    auto wrong = static_cast<std::uint32_t>(Nfsstat4::kWrongsec);
    return Error{Domain::kNfs4, wrong, "READDIR", std::string(name), {}};
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "elsewhere");
  EXPECT_EQ(report.files_transferred, 1u);
}

TEST_F(Engine, leftovers_are_skipped_and_counted) {
  auto leftovers = [](MemoryTree& to) -> Task<void> {
    co_await put(to, to.root(), ".nfs000000000123", 10);
    co_await put(to, to.root(), temporary_name("dead"), 10);
    co_await put(to, to.root(), ".nfs-notes", 10);
    co_await put(to, to.root(), "kept", 10);
  };
  fill(leftovers);
  CopyReport report = copy();
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.leftovers_skipped, 3u);
}

}  // namespace
}  // namespace nfsferry::copy
