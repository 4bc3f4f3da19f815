#include "home_folders.hpp"

#include <filesystem>

namespace nfsferry::test {

HomeFolders::HomeFolders() {
  folder_.write("old/200005/notebook", "hello");
  std::filesystem::create_directories(folder_.path("new/200010"));
}

nlohmann::json HomeFolders::input() {
  constexpr const char* kArn = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/";
  nlohmann::json json;
  json["Source"] = {{"DomainName", "a"},
                    {"EfsFilesystemArn", std::string(kArn) + "fs-0a"},
                    {"HomeEfsFileSystemUid", "200005"},
                    {"UserProfileName", "user1"}};
  json["Target"] = json["Source"];
  json["Target"]["EfsFilesystemArn"] = std::string(kArn) + "fs-0b";
  json["Target"]["HomeEfsFileSystemUid"] = "200010";
  return json;
}

std::vector<std::string> HomeFolders::arguments(const nlohmann::json& input,
                                                const std::vector<std::string>& more) const {
  folder_.write("input.json", input.dump());
  std::vector<std::string> all{"recover",
                               "--input",
                               folder_.path("input.json"),
                               "--map",
                               "fs-0a=" + folder_.path("old"),
                               "--map",
                               "fs-0b=" + folder_.path("new")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool HomeFolders::is_untouched() const {
  return std::filesystem::is_empty(folder_.path("new/200010"));
}

}  // namespace nfsferry::test
