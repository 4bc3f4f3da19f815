// What listings tell of ACLs and extended attributes.
#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "local_place.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kListxattrat = 465;

// user::rw- user:1000:r-- group::r-- mask::r-- other::r--, as the kernel takes it.
std::string posix_acl() {
  std::string acl("\2\0\0\0", 4);
  acl += std::string("\1\0\6\0\377\377\377\377", 8);
  acl += std::string("\2\0\4\0\350\3\0\0", 8);
  acl += std::string("\4\0\4\0\377\377\377\377", 8);
  acl += std::string("\20\0\4\0\377\377\377\377", 8);
  acl += std::string("\40\0\4\0\377\377\377\377", 8);
  return acl;
}

// "-" and the kind, or the attribute's name, in order.
std::string told(const std::vector<Loss>& losses) {
  std::vector<std::string> words;
  for (const Loss& loss : losses) {
    words.push_back(loss.kind == LossKind::kAcl ? "-acl" : loss.detail);
  }
  std::sort(words.begin(), words.end());
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// What a listing of a folder tells of each name.
std::map<std::string, std::string> list(const std::string& path, bool tells = true) {
  auto loop = *Loop::create(EngineChoice::kEpoll);
  LocalOptions options;
  options.tells_losses = tells;
  auto tree = local_tree(*loop, path, options);
  check(loop->run(tree->open()).has_value(), "open fails");
  auto listing = *tree->list(tree->root());
  std::map<std::string, std::string> out;
  for (bool more = true; more;) {
    auto page = loop->run(listing->next());
    check(page.has_value(), "the listing fails");
    more = !page->eof;
    for (const Entry& entry : page->entries) out[entry.name] = told(entry.losses);
  }
  return out;
}

class ExtendedAttributes : public ::testing::Test {
 protected:
  void SetUp() override {
    write_text(folder_ / "plain", "x");
    write_text(folder_ / "file", "x");
    fs::create_directory(folder_ / "directory");
    if (set("file", "user.a", "1") == ENOTSUP) GTEST_SKIP() << "no extended attributes here";
    ASSERT_EQ(set("file", "user.b", "2"), 0);
  }
  // errno, or 0.
  int set(const std::string& name, const char* attribute, const std::string& value) {
    int failed = ::lsetxattr((folder_ / name).c_str(), attribute, value.data(), value.size(), 0);
    return failed == 0 ? 0 : errno;
  }

  TemporaryFolder folder_;
};

using Told = std::map<std::string, std::string>;

TEST_F(ExtendedAttributes, AreToldByTheirNamesWhereSomebodyAsks) {
  Told all{{"plain", ""}, {"file", "user.a user.b"}, {"directory", ""}};
  EXPECT_EQ(list(folder_.path()), all);
  all["file"] = "";
  EXPECT_EQ(list(folder_.path(), false), all);
}

TEST_F(ExtendedAttributes, AndAclsAreToldOfEveryTypeOfEntry) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root sets trusted attributes";
  if (set("file", "system.posix_acl_access", posix_acl()) == ENOTSUP) GTEST_SKIP() << "no ACLs";
  ASSERT_EQ(set("directory", "system.posix_acl_default", posix_acl()), 0);
  ASSERT_EQ(set("directory", "trusted.t", "1"), 0);
  fs::create_symlink("nowhere", folder_ / "link");
  ASSERT_EQ(set("link", "trusted.l", "1"), 0);
  std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  ASSERT_EQ(set("plain", "security.capability", capability), 0);
  ASSERT_EQ(set("file", "trusted.SGI_ACL_FILE", "as XFS shows it"), 0);
  fs::create_directory(folder_ / "samba");
  ASSERT_EQ(set("samba", "security.NTACL", "1"), 0);
  EXPECT_EQ(list(folder_.path()), (Told{{"plain", "security.capability"},
                                        {"file", "-acl user.a user.b"},
                                        {"samba", "-acl"},
                                        {"directory", "-acl trusted.t"},
                                        {"link", "trusted.l"}}));
}

TEST_F(ExtendedAttributes, OfWhichThereAreManyAreToldUpToABound) {
  int number = 0;
  while (number < 30 && set("plain", ("user." + std::to_string(100 + number)).c_str(), "") == 0) {
    ++number;
  }
  ASSERT_EQ(number, 30);  // whose names take more than the first look has room for
  std::string found = list(folder_.path())["plain"];
  EXPECT_EQ(std::count(found.begin(), found.end(), ' ') + 1, std::ptrdiff_t{kXattrsNamed});
}

TEST_F(ExtendedAttributes, ThatNobodyCanTellAreNotCalledTold) {
  std::string said = in_child([&] {
    auto tells = [&] {
      auto loop = *Loop::create(EngineChoice::kEpoll);
      LocalOptions options;
      options.tells_losses = true;
      auto tree = local_tree(*loop, folder_.path(), options);
      check(loop->run(tree->open()).has_value(), "open fails");
      return std::string(tree->facts().tells_xattrs ? "told" : "not told");
    };
    std::string before = tells();
    forbid(kListxattrat, ENOSYS);
    forbid(SYS_llistxattr, ENOENT);  // as without /proc
    return before + ", then " + tells();
  });
  EXPECT_EQ(said, "told, then not told");
}

TEST_F(ExtendedAttributes, AreToldByWayOfProcWhereTheKernelHasNoCallForIt) {
  for (int number : {ENOSYS, EPERM, EACCES}) {
    std::string said = in_child([&] {
      forbid(kListxattrat, number);
      return list(folder_.path())["file"];
    });
    EXPECT_EQ(said, "user.a user.b") << number;
  }
}

}  // namespace
}  // namespace nfsferry::test
