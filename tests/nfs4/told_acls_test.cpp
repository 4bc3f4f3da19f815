// ACLs in listings. nfs-ganesha on a file system has none, so a proxy gives them to it.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>

#include "compound_walk.hpp"
#include "server_fixture.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint32_t kAcl = 1 << 12;  // of word 0
constexpr std::uint32_t kRdattrError = 1 << 11;

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::vector<std::byte> bytes_of(const std::string& text) {
  auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// What 0644 yields, and for "granted" an entry more.
std::string acl_of(const std::string& name) {
  bool more = name == "granted";
  Wire acl;
  acl.u32(more ? 4 : 3);
  acl.u32(0).u32(0).u32(0x160187).opaque("OWNER@");
  if (more) acl.u32(0).u32(0).u32(0x120081).opaque("1000");
  acl.u32(0).u32(0x40).u32(0x120081).opaque("GROUP@");
  acl.u32(0).u32(0).u32(0x120081).opaque("EVERYONE@");
  return acl.bytes();
}

// SUPPORTED_ATTRS have ACL, but not those of the server's own root, which is another file system;
// READDIRs are sent without and answered with it. An entry
// "unreadable" is refused to who asks for its ACL, one "forbidden" to everybody. Where there is an
// entry "cut", the connection ends in place of a reply with ACLs.
class AclFilter : public ProxyFilter {
 public:
  explicit AclFilter(std::shared_ptr<std::atomic<unsigned>> asked) : asked_(std::move(asked)) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    Record call(record.begin(), record.end());
    auto walked = walk_call(record);
    for (const WalkedOperation& operation : walked ? walked->operations : Operations{}) {
      // The number, cookie, verifier, both counts, the mask's length.
      std::size_t mask_at = operation.begin + 4 + 8 + 8 + 8 + 4;
      if (operation.number != kOpReaddir || !(word_at(call, mask_at) & kAcl)) continue;
      set_word(call, mask_at, word_at(call, mask_at) & ~kAcl);
      with_acls_.insert(walked->xid);
      ++*asked_;
    }
    actions.push_back({ProxyAction::Kind::kToServer, framed(call)});
  }

  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    Record reply(record.begin(), record.end());
    auto walked = walk_reply(record);
    bool at_top = walked && has(*walked, kOpPutrootfh) && !has(*walked, kOpLookup);
    for (const WalkedOperation& result : walked ? walked->results : Operations{}) {
      if (result.status != 0) continue;
      // The number, the status, the mask's length, its words, the values' length.
      std::size_t mask_at = result.begin + 12;
      if (result.number == kOpGetattr && (word_at(reply, mask_at) & 1) && !at_top) {
        std::size_t words = word_at(reply, mask_at - 4);
        std::size_t supported_at = mask_at + 4 * words + 4 + 4;
        set_word(reply, supported_at, word_at(reply, supported_at) | kAcl);
      }
      if (result.number == kOpReaddir) {
        tells_ = with_acls_.erase(walked->xid) > 0;
        cuts_ = false;
        Record listed = entries(std::span(reply).subspan(result.begin + 16));
        if (cuts_) return actions.push_back({ProxyAction::Kind::kEnd});
        reply.resize(result.begin + 16);
        reply.insert(reply.end(), listed.begin(), listed.end());
      }
    }
    actions.push_back({ProxyAction::Kind::kToClient, framed(reply)});
  }

 private:
  using Operations = std::vector<WalkedOperation>;

  static bool has(const WalkedReply& reply, std::uint32_t number) {
    return std::ranges::any_of(
        reply.results, [number](const WalkedOperation& result) { return result.number == number; });
  }

  // The entries up to the end of the reply.
  Record entries(std::span<const std::byte> rest) {
    Record out;
    std::size_t at = 0;
    auto keep = [&](std::size_t count) {
      out.insert(out.end(), rest.begin() + at, rest.begin() + at + count);
      at += count;
    };
    auto add = [&out](const Record& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
    while (word_at(rest, at) != 0) {
      std::size_t name_size = word_at(rest, at + 12);
      std::string name(reinterpret_cast<const char*>(rest.data()) + at + 16, name_size);
      keep(16 + padded(name_size));
      cuts_ = cuts_ || (tells_ && name == "cut");
      std::size_t words = word_at(rest, at);
      std::uint32_t mask = word_at(rest, at + 4);
      std::size_t values = word_at(rest, at + 4 + 4 * words);
      bool refused = name == "forbidden" || (tells_ && name == "unreadable");
      if (!refused && !tells_) {
        keep(4 + 4 * words + 4 + values);
        continue;
      }
      if (refused) {
        at += 4 + 4 * words + 4 + values;
        add(bytes_of(Wire().u32(1).u32(kRdattrError).u32(4).u32(13).bytes()));
        continue;
      }
      Record acl = bytes_of(acl_of(name));
      append_word(out, static_cast<std::uint32_t>(words));
      append_word(out, mask | kAcl);
      at += 8;
      keep(4 * (words - 1));
      append_word(out, static_cast<std::uint32_t>(values + acl.size()));
      at += 4;
      std::size_t before = 0;  // type, change, size, fsid, rdattr_error
      const std::map<unsigned, std::size_t> sizes{{1, 4}, {3, 8}, {4, 8}, {8, 16}, {11, 4}};
      for (const auto& [bit, size] : sizes) before += (mask >> bit & 1) != 0 ? size : 0;
      keep(before);
      add(acl);
      keep(values - before);
    }
    keep(rest.size() - at);
    return out;
  }

  std::shared_ptr<std::atomic<unsigned>> asked_;
  std::set<std::uint32_t> with_acls_;  // xids
  bool tells_ = false;                 // of the reply at hand
  bool cuts_ = false;
};

class ToldAcls : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    if (IsSkipped()) return;
    start_server();
    start_proxy([asked = asked_] { return std::make_unique<AclFilter>(asked); });
  }
  void make(const std::string& name) {
    std::filesystem::path path = server_.folder("/old") / name;
    std::ofstream(path) << name;
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  }
  nfs4::Nfs4Tree& open_that_tells(bool tells) {
    Location location = *parse_location(server_.url("/old", GetParam()));
    location.nfs_port = proxy_->port();
    nfs4::Nfs4Options options{"test", kTimeoutMs, nullptr, 1, tells};
    clients_.push_back(std::make_unique<nfs4::Nfs4Tree>(*loop_, std::move(location), options));
    Status opened = run(clients_.back()->open());
    EXPECT_TRUE(opened) << opened.error().message();
    return *clients_.back();
  }
  // By name, how many ACLs an entry is said to lose.
  std::map<std::string, std::size_t> list(nfs4::Nfs4Tree& tree) {
    std::map<std::string, std::size_t> out;
    auto listing = *tree.list(tree.root());
    for (bool more = true; more;) {
      auto page = run(listing->next());
      EXPECT_TRUE(page) << page.error().message();
      if (!page) break;
      more = !page->eof;
      refused_ += page->refused.size();
      for (const Entry& entry : page->entries) out[entry.name] = entry.losses.size();
    }
    return out;
  }

  std::size_t refused_ = 0;
  std::shared_ptr<std::atomic<unsigned>> asked_ = std::make_shared<std::atomic<unsigned>>(0);
};

using Told = std::map<std::string, std::size_t>;

TEST_P(ToldAcls, AreThoseThatSayMoreThanTheMode) {
  make("granted");
  make("plain");
  nfs4::Nfs4Tree& tree = open_that_tells(true);
  EXPECT_EQ(list(tree), (Told{{"granted", 1}, {"plain", 0}}));
  EXPECT_TRUE(tree.facts().tells_acls);
  EXPECT_EQ(*asked_, 1u);
}

TEST_P(ToldAcls, AreNotAskedForWhereNobodyWantsThem) {
  make("granted");
  nfs4::Nfs4Tree& tree = open_that_tells(false);
  EXPECT_EQ(list(tree), (Told{{"granted", 0}}));
  EXPECT_FALSE(tree.facts().tells_acls);
  EXPECT_EQ(*asked_, 0u);
}

TEST_P(ToldAcls, CostNoEntryThatTheServerGivesWithoutThem) {
  make("granted");
  make("unreadable");
  nfs4::Nfs4Tree& tree = open_that_tells(true);
  EXPECT_EQ(list(tree), (Told{{"granted", 0}, {"unreadable", 0}}));
  EXPECT_EQ(refused_, 0u);
  EXPECT_FALSE(tree.facts().tells_acls);
  EXPECT_EQ(*asked_, 1u);
}

TEST_P(ToldAcls, CostNoDirectoryThatTheServerListsWithoutThem) {
  make("granted");
  make("cut");
  nfs4::Nfs4Tree& tree = open_that_tells(true);
  EXPECT_EQ(list(tree), (Told{{"granted", 0}, {"cut", 0}}));
  EXPECT_FALSE(tree.facts().tells_acls);
}

TEST_P(ToldAcls, AreToldBesideWhatIsRefusedEitherWay) {
  make("granted");
  make("forbidden");
  nfs4::Nfs4Tree& tree = open_that_tells(true);
  EXPECT_EQ(list(tree), (Told{{"granted", 1}}));
  EXPECT_EQ(refused_, 1u);
  EXPECT_TRUE(tree.facts().tells_acls);
}

INSTANTIATE_TEST_SUITE_P(Versions, ToldAcls, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test
