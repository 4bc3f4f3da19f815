// What is refused at the start: one clear line, the right exit code, nothing written.
#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

using RefusalTest = CopyTest;

TEST_F(RefusalTest, the_same_nfs_directory_on_both_sides_is_refused) {
  Ground source = source_ground(Place::kNfs);
  make_file(source.folder / "file", 10, 1);

  CopyReport report = copy(options(source, source));

  EXPECT_EQ(report.exit_code, ExitCode::kUsage);
  EXPECT_NE(report.error_detail.find("same directory"), std::string::npos) << report.error_detail;
  EXPECT_TRUE(temporaries(source.folder).empty());
}

TEST_F(RefusalTest, the_same_local_directory_on_both_sides_is_refused) {
  Ground source = source_ground(Place::kLocal);

  EXPECT_EQ(copy(options(source, source)).exit_code, ExitCode::kUsage);
}

TEST_F(RefusalTest, a_missing_source_names_the_path) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  fs::remove(source.folder);

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kSourceUnreachable);
  EXPECT_NE(report.error_detail.find("NFS4ERR_NOENT"), std::string::npos) << report.error_detail;
  EXPECT_TRUE(fs::is_empty(target.folder));
}

TEST_F(RefusalTest, a_file_as_source_is_not_a_directory) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  fs::remove(source.folder);
  make_file(source.folder, 10, 1);

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kSourceUnreachable);
  EXPECT_NE(report.error_detail.find("directory"), std::string::npos) << report.error_detail;
}

TEST_F(RefusalTest, a_closed_port_is_a_refused_connection) {
  Ground target = target_ground(Place::kNfs);
  Ground source{"nfs://127.0.0.1:1/old", {}};

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kSourceUnreachable);
  EXPECT_NE(report.error_detail.find("ECONNREFUSED"), std::string::npos) << report.error_detail;
}

TEST_F(RefusalTest, a_name_that_does_not_resolve_is_said) {
  Ground target = target_ground(Place::kNfs);
  Ground source{"nfs://no-such-host.invalid/old", {}};

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kSourceUnreachable);
  EXPECT_NE(report.error_detail.find("no-such-host.invalid"), std::string::npos)
      << report.error_detail;
}

TEST_F(RefusalTest, a_target_that_cannot_be_written_is_refused_before_anything_is_copied) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  make_file(source.folder / "file", 10, 1);
  target.location += "&uid=4711&gid=4711";

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kTargetUnusable);
  EXPECT_NE(report.error_detail.find("permission"), std::string::npos) << report.error_detail;
  EXPECT_TRUE(fs::is_empty(target.folder));
}

TEST_F(RefusalTest, owners_that_cannot_be_given_are_refused_with_the_likely_cause) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  make_file(source.folder / "file", 10, 1);
  fs::permissions(target.folder, fs::perms::all);
  target.location += "&uid=4711&gid=4711";
  CopyOptions wanted = options(source, target);
  wanted.owner = OwnerRule::kFixed;
  wanted.owner_uid = 200010;
  wanted.owner_gid = 1001;

  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kTargetUnusable);
  EXPECT_NE(report.error_detail.find("squash"), std::string::npos) << report.error_detail;
  EXPECT_TRUE(fs::is_empty(target.folder));
}

}  // namespace
}  // namespace nfsferry::test
