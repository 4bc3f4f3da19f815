// Which version is spoken: the one that the URL names, else the best that the server has.
#include <string>

#include "ganesha.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

// The parameter is what the URL says.
class VersionChoiceTest : public ServerTest {
 protected:
  void start_server_of(std::string minor_versions) {
    GaneshaOptions options;
    options.minor_versions = std::move(minor_versions);
    start_server(std::move(options));
  }
};

TEST_P(VersionChoiceTest, AServerWithBothSpeaksTheBetter) {
  start_server_of("0, 1");
  EXPECT_EQ(open_client().facts().nfs_version, "4.1");
}

TEST_P(VersionChoiceTest, AServerWithoutTheBetterSpeaksTheOther) {
  start_server_of("0");
  EXPECT_EQ(open_client().facts().nfs_version, "4.0");
}

INSTANTIATE_TEST_SUITE_P(Choices, VersionChoiceTest, ::testing::Values("", "4"),
                         [](const auto& choice) {
                           return choice.param[0] == '\0' ? "WithoutAVersion" : "WithVersion4";
                         });

class NamedVersionTest : public ServerTest {};

TEST_P(NamedVersionTest, IsNeverReplacedByAnother) {
  GaneshaOptions options;
  options.minor_versions = "0";
  start_server(std::move(options));
  auto tree = make_tree(*loop_);
  Status opened = run(tree->open());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(is_status(opened.error(), Nfsstat4::kMinorVersMismatch)) << opened.error().message();
  run(tree->close());
}

INSTANTIATE_TEST_SUITE_P(Versions, NamedVersionTest, ::testing::Values("4.1"), version_name);

}  // namespace
}  // namespace nfsferry::test
