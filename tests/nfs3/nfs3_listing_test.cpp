// READDIRPLUS answered by something hostile in place of the server: copies end and say so.
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "compound_walk.hpp"
#include "false_bytes.hpp"
#include "nfs3_copies.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

struct Page {
  std::vector<std::pair<std::string, std::uint64_t>> entries{};  // name, cookie
  bool eof = true;
};
using Pages = std::function<Page(std::uint64_t cookie, std::uint32_t maxcount)>;

void append_u64(Record& out, std::uint64_t value) {
  append_word(out, static_cast<std::uint32_t>(value >> 32));
  append_word(out, static_cast<std::uint32_t>(value));
}

void append_name(Record& out, const std::string& name) {
  append_word(out, static_cast<std::uint32_t>(name.size()));
  for (char c : name) out.push_back(static_cast<std::byte>(c));
  out.resize((out.size() + 3) & ~std::size_t{3});
}

// RFC 1813 section 3.3.17. Neither attributes nor handles: they are asked for by LOOKUP.
Record reply_with(std::uint32_t xid, const Page& page) {
  Record reply;
  for (std::uint32_t word : {xid, 1u, 0u, 0u, 0u, 0u, 0u, 0u}) append_word(reply, word);
  append_u64(reply, 1);  // verifier
  for (const auto& [name, cookie] : page.entries) {
    append_word(reply, 1);
    append_u64(reply, 7);  // fileid
    append_name(reply, name);
    append_u64(reply, cookie);
    append_word(reply, 0);
    append_word(reply, 0);
  }
  append_word(reply, 0);
  append_word(reply, page.eof ? 1 : 0);
  return reply;
}

std::size_t behind_opaque(std::span<const std::byte> record, std::size_t at) {
  return at + 4 + ((std::size_t{word_at(record, at)} + 3) & ~std::size_t{3});
}

// Of a call: where its arguments begin.
std::size_t arguments_at(std::span<const std::byte> record) {
  std::size_t at = 24;
  for (int opaque = 0; opaque < 2; ++opaque) at = behind_opaque(record, at + 4);
  return at;
}

class PagesFilter : public ProxyFilter {
 public:
  explicit PagesFilter(const Pages& pages) : pages_(pages) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    constexpr std::uint32_t kReaddirplus = 17;
    if (word_at(record, kProcedureAt) != kReaddirplus) {
      actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
      return;
    }
    std::size_t at = behind_opaque(record, arguments_at(record));  // the directory
    std::uint64_t cookie = std::uint64_t{word_at(record, at)} << 32 | word_at(record, at + 4);
    Record reply = reply_with(word_at(record, 0), pages_(cookie, word_at(record, at + 20)));
    actions.push_back({ProxyAction::Kind::kToClient, framed(reply)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  const Pages& pages_;
};

// "b" has a handle without attributes at first, and its handle is stale as soon as they are asked
// for.
class StaleFilter final : public PagesFilter {
 public:
  StaleFilter(const Pages& pages, bool is_removed) : PagesFilter(pages), is_removed_(is_removed) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    constexpr std::uint32_t kGetattr = 1, kLookup = 3, kNoent = 2, kStale = 70;
    constexpr std::uint32_t kHandle = 0x676f6e65;
    std::uint32_t procedure = word_at(record, kProcedureAt);
    std::size_t at = arguments_at(record);
    bool of_b = procedure == kLookup && word_at(record, behind_opaque(record, at)) == 1 &&
                word_at(record, behind_opaque(record, at) + 4) == std::uint32_t{'b'} << 24;
    bool of_handle =
        procedure == kGetattr && word_at(record, at) == 4 && word_at(record, at + 4) == kHandle;
    if (of_b && !std::exchange(told_, true))
      answer(record, {0, 4, kHandle, 0, 0}, actions);
    else if (of_b && is_removed_)
      answer(record, {kNoent, 0}, actions);
    else if (of_handle)
      answer(record, {kStale}, actions);
    else
      PagesFilter::on_call(record, actions);
  }

 private:
  static void answer(std::span<const std::byte> record, std::vector<std::uint32_t> words,
                     ProxyActions& actions) {
    Record reply;
    for (std::uint32_t word : {word_at(record, 0), 1u, 0u, 0u, 0u, 0u}) append_word(reply, word);
    for (std::uint32_t word : words) append_word(reply, word);
    actions.push_back({ProxyAction::Kind::kToClient, framed(reply)});
  }

  const bool is_removed_;
  bool told_ = false;
};

class Nfs3Listings : public Nfs3Copy {
 protected:
  void SetUp() override {
    Nfs3Copy::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* name : {"a", "b", "c"}) make_file(folder(source_) / name, 10, 1);
  }

  CopyReport copy_behind(MakeFilter filters) {
    auto proxy = proxy_with(std::move(filters));
    CopyOptions wanted = options();
    wanted.source = url(source_, "3", proxy->port());
    return copy(wanted);
  }
  CopyReport copy_from(const Pages& pages) {
    return copy_behind([&pages] { return std::make_unique<PagesFilter>(pages); });
  }
  static void expect_loop(const CopyReport& report) {
    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].error, "listing_loops");
  }
  std::set<std::string> arrived() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder(target_))) {
      names.insert(entry.path().filename());
    }
    return names;
  }
};

using Names = std::set<std::string>;

TEST_F(Nfs3Listings, of_good_pages_give_all_names_but_the_directory_itself_and_its_parent) {
  expect_done(copy_from([](std::uint64_t cookie, std::uint32_t) {
    if (cookie == 0) return Page{{{".", 8}, {"..", 6}, {"a", 9}, {"b", 4}}, false};
    EXPECT_EQ(cookie, 4u);
    return Page{{{"c", 2}}, true};
  }));
  EXPECT_EQ(arrived(), (Names{"a", "b", "c"}));
}

TEST_F(Nfs3Listings, whose_cookies_go_round_end_the_directory_s_copy) {
  unsigned asked = 0;
  expect_loop(copy_from([&asked](std::uint64_t cookie, std::uint32_t) {
    if (++asked == 1000) return Page{};  // nobody noticed
    return cookie == 1 ? Page{{{"b", 2}}, false} : Page{{{"a", 1}}, false};
  }));
  EXPECT_EQ(arrived(), (Names{"a", "b"}));
}

TEST_F(Nfs3Listings, of_pages_without_an_entry_end_after_a_larger_one_was_asked_for) {
  std::vector<std::uint32_t> asked;
  expect_loop(copy_from([&asked](std::uint64_t, std::uint32_t maxcount) {
    asked.push_back(maxcount);
    return Page{{}, false};
  }));
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_GT(asked[1], asked[0]);
  EXPECT_EQ(arrived(), Names{});
}

TEST_F(Nfs3Listings, of_a_page_without_an_entry_for_want_of_room_go_on) {
  std::uint32_t first = 0;
  expect_done(copy_from([&first](std::uint64_t, std::uint32_t maxcount) {
    if (first == 0) first = maxcount;
    return maxcount > first ? Page{{{"a", 1}}, true} : Page{{}, false};
  }));
  EXPECT_EQ(arrived(), Names{"a"});
}

TEST_F(Nfs3Listings, without_attributes_look_up_again_what_is_stale_when_they_are_asked_for) {
  Pages pages = [](std::uint64_t, std::uint32_t) {
    return Page{{{"a", 1}, {"b", 2}, {"c", 3}}, true};
  };
  for (bool is_removed : {true, false}) {
    SCOPED_TRACE(is_removed);
    expect_done(copy_behind(
        [&pages, is_removed] { return std::make_unique<StaleFilter>(pages, is_removed); }));
    EXPECT_EQ(arrived(), is_removed ? (Names{"a", "c"}) : (Names{"a", "b", "c"}));
  }
}

// A NUL is not among them: libnfs (4 and 5) ends a name there, which leads nowhere else.
TEST_F(Nfs3Listings, of_names_that_lead_elsewhere_make_nothing_outside_and_are_told) {
  for (const fs::path& below : {folder(source_), folder(source_) / "inner"}) {
    fs::create_directories(below / "root");
    make_file(below / "root" / "inside", 10, 1);
    make_file(below / "abc", 10, 1);
  }

  CopyReport report =
      copy_behind(false_bytes_filters({false_name("root", "/etc"), false_name("abc", "a/c")}));

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
  Names told;
  for (const Failure& failure : report.failures) {
    EXPECT_EQ(failure.error, "bad_name");
    told.insert(failure.path);
  }
  EXPECT_EQ(told, (Names{"/etc", "a/c", "inner//etc", "inner/a/c"}));
  EXPECT_EQ(arrived(), (Names{"a", "b", "c", "inner"}));
  EXPECT_TRUE(fs::is_empty(folder(target_) / "inner"));
}

}  // namespace
}  // namespace nfsferry::test
