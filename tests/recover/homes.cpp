#include "homes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "folder_compare.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kArn = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/";

}  // namespace

Servers& servers() {
  static Servers* both = [] {
    static Servers instance;  // its destructor ends the servers
    GaneshaOptions options;
    options.exports = {{"/efs", {}}};
    options.lease_s = 4;  // what a killed run held is free soon
    instance.broken = instance.old_efs.start(options);
    if (instance.broken.empty()) instance.broken = instance.new_efs.start(options);
    return &instance;
  }();
  return *both;
}

void HomesTest::SetUp() {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  ASSERT_EQ(servers().broken, "");
  static unsigned next_uid = 200005;
  old_uid_ = next_uid;
  new_uid_ = next_uid + 5;
  next_uid += 10;
  old_home_ = servers().old_efs.folder("/efs") / std::to_string(old_uid_);
  new_home_ = servers().new_efs.folder("/efs") / std::to_string(new_uid_);
  make_home(old_home_, old_uid_);
}

void HomesTest::make_home(const fs::path& folder, uid_t uid) {
  fs::create_directory(folder);
  ASSERT_EQ(::chown(folder.c_str(), uid, kHomeGroup), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
}

void HomesTest::fill_old_home(unsigned directories) const {
  SampleTree sample;
  sample.directories = directories;
  sample.owner = old_uid_;
  sample.group = kHomeGroup;
  make_small_files(old_home_, sample);
}

Json HomesTest::input(bool space) const {
  const char* name = space ? "SpaceName" : "UserProfileName";
  const char* value = space ? "space1" : "user1";
  Json json;
  json["Options"] = {{"Uid", "NONE"}, {"Gid", "NONE"}};
  json["Source"] = {{"DomainName", "a"},
                    {"EfsFilesystemArn", std::string(kArn) + "fs-01d"},
                    {"HomeEfsFileSystemUid", std::to_string(old_uid_)},
                    {name, value}};
  json["Target"] = json["Source"];
  json["Target"]["EfsFilesystemArn"] = std::string(kArn) + "fs-0e3";
  json["Target"]["HomeEfsFileSystemUid"] = std::to_string(new_uid_);
  return json;
}

std::vector<std::string> HomesTest::maps(const std::string& old_root, const std::string& new_root) {
  return {"--map", "fs-01d=" + (old_root.empty() ? servers().old_efs.url("/efs") : old_root),
          "--map", "fs-0e3=" + (new_root.empty() ? servers().new_efs.url("/efs") : new_root)};
}

void HomesTest::expect_recovered() const {
  Expectation expectation;
  expectation.owner = new_uid_;
  expectation.group = kHomeGroup;
  for (const std::string& line : differences(old_home_, new_home_, expectation)) {
    ADD_FAILURE() << line;
  }
  struct stat root = {};
  ASSERT_EQ(::stat(new_home_.c_str(), &root), 0);
  EXPECT_EQ(root.st_uid, new_uid_);
}

}  // namespace nfsferry::test
