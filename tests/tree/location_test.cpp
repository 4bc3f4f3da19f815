#include "tree/location.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nfsferry {
namespace {

using namespace std::string_literals;
using Version = Location::Version;

struct UrlCase {
  std::string text;
  std::string host;
  std::string path;
  std::uint16_t port = 2049;
  Version version = Version::kAutomatic;
};

TEST(ParseLocation, TakesUrlsOfLibnfsGrammar) {
  const std::vector<UrlCase> cases = {
      {"nfs://server/", "server", "/"},
      {"nfs://server/export", "server", "/export"},
      {"nfs://server/export/home/200005", "server", "/export/home/200005"},
      {"nfs://server/export/", "server", "/export/"},
      {"nfs://server//a//b", "server", "//a//b"},
      {"nfs://server/a/./b", "server", "/a/./b"},
      {"nfs://10.1.2.3/x", "10.1.2.3", "/x"},
      {"nfs://fs-0123.efs.eu-west-1.amazonaws.com/200005", "fs-0123.efs.eu-west-1.amazonaws.com",
       "/200005"},
      {"nfs://host_1/x", "host_1", "/x"},
      {"nfs://[::1]/x", "::1", "/x"},
      {"nfs://[fd00:1::2]:20490/x", "fd00:1::2", "/x", 20490},
      {"nfs://[::ffff:10.0.0.1]/x", "::ffff:10.0.0.1", "/x"},
      {"nfs://server:20490/x", "server", "/x", 20490},
      {"nfs://server:1/x", "server", "/x", 1},
      {"nfs://server:65535/x", "server", "/x", 65535},
      {"nfs://server/x?nfsport=20490", "server", "/x", 20490},
      {"nfs://server:20490/x?nfsport=20490", "server", "/x", 20490},
      {"nfs://server/x?version=3", "server", "/x", 2049, Version::k3},
      {"nfs://server/x?version=4", "server", "/x", 2049, Version::kAutomatic},
      {"nfs://server/x?version=4.0", "server", "/x", 2049, Version::k40},
      {"nfs://server/x?version=4.1", "server", "/x", 2049, Version::k41},
      {"nfs://server/x?version=4.1&nfsport=7", "server", "/x", 7, Version::k41},
      {"nfs://server/a%20b", "server", "/a b"},
      {"nfs://server/a%2Fb", "server", "/a/b"},
      {"nfs://server/100%25", "server", "/100%"},
      {"nfs://server/what%3f", "server", "/what?"},
      {"nfs://server/%ff%FE", "server", "/\xff\xfe"},
      {"nfs://server/a b", "server", "/a b"},
      {"nfs://server/a+b&c=d", "server", "/a+b&c=d"},
      {"nfs://server/...", "server", "/..."},
      {"nfs://server/a..b", "server", "/a..b"},
  };
  for (const UrlCase& expected : cases) {
    SCOPED_TRACE(expected.text);
    Result<Location> location = parse_location(expected.text);
    ASSERT_TRUE(location) << location.error().message();
    EXPECT_EQ(location->kind, Location::Kind::kNfs);
    EXPECT_EQ(location->text, expected.text);
    EXPECT_EQ(location->host, expected.host);
    EXPECT_EQ(location->path, expected.path);
    EXPECT_EQ(location->nfs_port, expected.port);
    EXPECT_EQ(location->version, expected.version);
  }
}

TEST(ParseLocation, TakesIdsGroupsAndMountPort) {
  Result<Location> location =
      parse_location("nfs://server/x?uid=0&gid=4294967294&mountport=635&groups=1,2,4294967294");
  ASSERT_TRUE(location) << location.error().message();
  EXPECT_EQ(location->uid, 0u);
  EXPECT_EQ(location->gid, 4294967294u);
  EXPECT_EQ(location->mount_port, 635);
  EXPECT_EQ(location->groups, (std::vector<std::uint32_t>{1, 2, 4294967294}));

  location = parse_location("nfs://server/x");
  ASSERT_TRUE(location);
  EXPECT_FALSE(location->uid || location->gid || location->mount_port);
  EXPECT_TRUE(location->groups.empty());

  location = parse_location("nfs://server/x?groups=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->groups.size(), 16u);
}

TEST(ParseLocation, KeepsPathsVerbatim) {
  const std::vector<std::string> paths = {
      "/",
      "/mnt/efs/200005",
      "/mnt/efs/",
      "relative",
      "relative/dir",
      ".",
      "..",
      "../beside",
      "./nfs://x",
      "a:b",
      "host:/export",
      "100%25",
      "what?a=b",
      " ",
      "-dash",
      "\xff\xfe",
      "nfs:/x",
      "nfs:",
      "://x",
      "1x://y",
      "a b://c",
      "//twice",
      "a\nb",
      "/a/../b",
  };
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    Result<Location> location = parse_location(path);
    ASSERT_TRUE(location) << location.error().message();
    EXPECT_EQ(location->kind, Location::Kind::kLocal);
    EXPECT_EQ(location->path, path);
    EXPECT_EQ(location->text, path);
  }
}

struct BadCase {
  std::string text;
  std::vector<std::string> says;  // parts of the message: what is wrong, what to write
};

void expect_refused(const std::vector<BadCase>& cases) {
  for (const BadCase& expected : cases) {
    SCOPED_TRACE("'" + expected.text + "'");
    Result<Location> location = parse_location(expected.text);
    ASSERT_FALSE(location);
    EXPECT_TRUE(location.error().is(Own::kBadInput));
    for (const std::string& part : expected.says) {
      EXPECT_NE(location.error().message().find(part), std::string::npos)
          << location.error().message() << "\nlacks: " << part;
    }
  }
}

TEST(ParseLocation, RefusesBadHostsAndPorts) {
  expect_refused({
      {"", {"empty", "nfs://host/path"}},
      {"nfs://", {"host is empty", "nfs://host/path"}},
      {"nfs:///path", {"host is empty", "nfs://host/path"}},
      {"nfs://:2049/path", {"host is empty"}},
      {"nfs://?version=4", {"host is empty"}},
      {"nfs://server", {"path is missing", "nfs://host/"}},
      {"nfs://server?version=4", {"path is missing"}},
      {"nfs://user@server/x", {"holds a user", "?uid="}},
      {"nfs://ser ver/x", {"host 'ser ver'", "letters, digits"}},
      {"nfs://ser%76er/x", {"host", "'%'"}},
      {"nfs://::1/x", {"several colons", "brackets"}},
      {"nfs://a:1:2/x", {"several colons", "brackets"}},
      {"nfs://[::1/x", {"bracket is not closed"}},
      {"nfs://[]/x", {"no IPv6 address"}},
      {"nfs://[server]/x", {"no IPv6 address", "[fd00::1]"}},
      {"nfs://[::1]x/y", {"after the host's bracket", "[address]:port"}},
      {"nfs://[::1]:/y", {"the port after the host is ''", "1 to 65535"}},
      {"nfs://server:/x", {"the port after the host is ''", "1 to 65535"}},
      {"nfs://server:0/x", {"the port after the host is '0'", "1 to 65535"}},
      {"nfs://server:65536/x", {"'65536'", "1 to 65535"}},
      {"nfs://server:nfs/x", {"'nfs'", "1 to 65535"}},
      {"nfs://server:+1/x", {"'+1'", "1 to 65535"}},
      {"nfs://server:-1/x", {"'-1'"}},
      {"nfs://server:20 49/x", {"'20 49'"}},
      {"nfs://server:1/x?nfsport=2", {"1 after the host", "2 in 'nfsport'", "one of them"}},
  });
}

TEST(ParseLocation, RefusesBadPaths) {
  expect_refused({
      {"nfs://server/a/../b", {"'..'"}},
      {"nfs://server/..", {"'..'"}},
      {"nfs://server/%2e%2E/b", {"'..'"}},
      {"nfs://server/a%2f..", {"'..'"}},
      {"nfs://server/a%00b", {"NUL", "%00"}},
      {"nfs://server/a%", {"bad escape '%'", "%25"}},
      {"nfs://server/a%2", {"bad escape '%2'", "%25"}},
      {"nfs://server/a%zz", {"bad escape '%zz'", "%25"}},
      {"nfs://server/a%2?version=4", {"bad escape '%2'"}},
      {"a\0b"s, {"NUL"}},
  });
}

TEST(ParseLocation, RefusesBadArguments) {
  expect_refused({
      {"nfs://server/x?", {"argument", "empty", "name=value"}},
      {"nfs://server/x?&", {"argument", "empty"}},
      {"nfs://server/x?uid=1&", {"argument", "empty"}},
      {"nfs://server/x?=4", {"argument", "empty"}},
      {"nfs://server/x?version=4?uid=1", {"'?' stands twice", "'&'", "%3F"}},
      {"nfs://server/x?versoin=4", {"unknown argument 'versoin'", "version, nfsport"}},
      {"nfs://server/x?Version=4", {"unknown argument 'Version'"}},
      {"nfs://server/x?rsize=4096", {"unknown argument 'rsize'"}},
      {"nfs://server/x?uid", {"'uid'", "''", "0 to 4294967294"}},
      {"nfs://server/x?uid=", {"'uid'", "''"}},
      {"nfs://server/x?uid=-1", {"'uid'", "'-1'"}},
      {"nfs://server/x?uid=4294967295", {"'uid'", "'4294967295'", "0 to 4294967294"}},
      {"nfs://server/x?gid=1x", {"'gid'", "'1x'"}},
      {"nfs://server/x?uid=1&uid=1", {"'uid' stands twice"}},
      {"nfs://server/x?version=", {"'version' is ''", "3, 4, 4.0 or 4.1"}},
      {"nfs://server/x?version=2", {"'version' is '2'", "3, 4, 4.0 or 4.1"}},
      {"nfs://server/x?version=4.2", {"'version' is '4.2'", "3, 4, 4.0 or 4.1"}},
      {"nfs://server/x?version=41", {"'version' is '41'"}},
      {"nfs://server/x?nfsport=0", {"'nfsport' is '0'", "1 to 65535"}},
      {"nfs://server/x?nfsport=65536", {"'nfsport'", "'65536'"}},
      {"nfs://server/x?mountport=x", {"'mountport' is 'x'", "1 to 65535"}},
      {"nfs://server/x?mountport=0", {"'mountport' is '0'"}},
      {"nfs://server/x?groups=", {"'groups'", "''"}},
      {"nfs://server/x?groups=1,", {"'groups'", "''"}},
      {"nfs://server/x?groups=1,,2", {"'groups'", "''"}},
      {"nfs://server/x?groups=1;2", {"'groups'", "'1;2'"}},
      {"nfs://server/x?groups=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
       {"'groups'", "more than 16"}},
  });
}

TEST(ParseLocation, RefusesOtherSchemes) {
  expect_refused({
      {"http://server/x", {"unknown scheme 'http'", "nfs://"}},
      {"nfs3://server/x", {"unknown scheme 'nfs3'", "nfs://"}},
      {"NFS://server/x", {"unknown scheme 'NFS'", "nfs://"}},
      {"s3://bucket/x", {"unknown scheme 's3'"}},
      {"file:///x", {"unknown scheme 'file'"}},
  });
}

TEST(ParseLocation, EscapesWhatItQuotes) {
  Result<Location> location = parse_location("nfs://server/x?\x1b[2J=1");
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().message().find('\x1b'), std::string::npos);
}

TEST(Location, ComponentsLeaveOutEmptyOnesAndDots) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"nfs://s/", {}},
      {"nfs://s//", {}},
      {"nfs://s/a", {"a"}},
      {"nfs://s//a/./b//c/", {"a", "b", "c"}},
      {"nfs://s/a%20b/c", {"a b", "c"}},
      {"nfs://s/...", {"..."}},
  };
  for (const auto& [text, components] : cases) {
    SCOPED_TRACE(text);
    Result<Location> location = parse_location(text);
    ASSERT_TRUE(location);
    EXPECT_EQ(location->components(), components);
  }
}

}  // namespace
}  // namespace nfsferry
