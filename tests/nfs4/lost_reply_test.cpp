// Replies that never arrive, since the connection ends in place of each large one: what was asked
// for is asked for in less, whoever asks.
#include <fstream>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

// The connection ends in place of replies of more bytes.
class LosingFilter : public ProxyFilter {
 public:
  explicit LosingFilter(std::size_t most) : most_(most) {}
  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    if (record.size() > most_)
      actions.push_back({ProxyAction::Kind::kEnd});
    else
      actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  const std::size_t most_;
};

MakeFilter losing(std::size_t most) {
  return [most] { return std::make_unique<LosingFilter>(most); };
}

class LostReply : public ServerTest {
 protected:
  static constexpr std::uint32_t kSize = 1 << 20;
  static constexpr std::size_t kReplyMost = 200'000;

  nfs4::Nfs4Tree& open_through(std::size_t reply_most) {
    return open_client(start_proxy(losing(reply_most)).port());
  }
  static std::string text_of(const ReadRange& range) {
    return {reinterpret_cast<const char*>(range.data.bytes.data()), range.data.bytes.size()};
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, LostReply, kServerVersions, version_name);

Task<Result<ReadRange>> read_file(nfs4::Nfs4Tree& tree, std::string name, std::uint32_t count) {
  auto entry = co_await tree.lookup(tree.root(), std::move(name));
  if (!entry) co_return std::move(entry).error();
  DirectoryPtr root = tree.root();
  SourceItem item{root.get(), &*entry};
  auto file = co_await tree.open_file(item);
  if (!file) co_return std::move(file).error();
  auto range = co_await (*file)->read(0, count);
  (void)co_await (*file)->close();
  co_return range;
}

TEST_P(LostReply, OfALargeReadIsReadInLess) {
  start_server();
  std::string content(kSize, 'x');
  content[0] = 'y';
  std::ofstream(server_.folder("/old") / "large") << content;
  auto& tree = open_through(kReplyMost);
  auto range = run(read_file(tree, "large", kSize));
  ASSERT_TRUE(range) << range.error().message();
  EXPECT_GE(range->data.bytes.size(), kSize / 8);
  EXPECT_EQ(text_of(*range), content.substr(0, range->data.bytes.size()));
}

Task<Result<ReadRange>> write_and_read_back(nfs4::Nfs4Tree& tree,
                                            std::span<const std::byte> bytes) {
  auto file = co_await tree.create_file(tree.root(), "name", NewAttributes());
  if (!file) co_return std::move(file).error();
  Status written = co_await (*file)->write(0, bytes);
  if (!written) co_return std::move(written).error();
  auto range = co_await (*file)->read_back(0, static_cast<std::uint32_t>(bytes.size()));
  co_await (*file)->abandon();
  co_return range;
}

TEST_P(LostReply, OfWhatIsReadBackIsReadInLess) {
  start_server();
  std::string content(kSize, 'x');
  auto& tree = open_through(kReplyMost);
  auto range = run(write_and_read_back(tree, std::as_bytes(std::span(content))));
  ASSERT_TRUE(range) << range.error().message();
  EXPECT_GE(range->data.bytes.size(), kSize / 8);
  EXPECT_EQ(text_of(*range), content.substr(0, range->data.bytes.size()));
}

Task<Result<std::size_t>> count_entries(nfs4::Nfs4Tree& tree) {
  auto listing = tree.list(tree.root());
  if (!listing) co_return std::move(listing).error();
  std::size_t count = 0;
  for (bool more = true; more;) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    count += page->entries.size();
    more = !page->eof;
  }
  co_return count;
}

TEST_P(LostReply, OfAListingIsListedInSmallerPages) {
  constexpr std::size_t kFiles = 400;
  start_server();
  for (std::size_t i = 0; i < kFiles; ++i)
    std::ofstream(server_.folder("/old") / (std::string(60, 'n') + std::to_string(i))) << "x";
  auto& tree = open_through(40'000);
  auto count = run(count_entries(tree));
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(*count, kFiles);
}

}  // namespace
}  // namespace nfsferry::test
