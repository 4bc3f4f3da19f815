// What a copy asks of servers of NFSv3, counted on the wire.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "compound_walk.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "nfs3_copies.hpp"
#include "nfsferry/backups.hpp"
#include "nfsferry/owners.hpp"
#include "record_reader.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kGetattr = 1, kLookup = 3, kWrite = 7, kSymlink = 10, kRename = 14,
                        kReaddirplus = 17, kCommit = 21;
// Those that change something.
constexpr std::uint32_t kModifying[] = {2,  kWrite, 8,       9,  kSymlink, 11,
                                        12, 13,     kRename, 15, kCommit};

struct Counts {
  std::array<std::atomic<unsigned>, 22> calls{};  // by procedure
  std::atomic<unsigned> on_their_way{0};
  std::atomic<unsigned> most_at_once{0};
  // The procedure whose first reply is lost with its connection; 0: none.
  std::atomic<std::uint32_t> lost{0};
  std::function<void()> as_it_is_lost{};
  std::atomic<std::uint32_t> refused{0};  // the procedure that is answered with ACCES
};

// To a call: no results but an nfsstat3.
Record answer_with(std::uint32_t status, std::span<const std::byte> call) {
  Record reply;
  for (std::uint32_t word : {word_at(call, 0), 1u, 0u, 0u, 0u, 0u, status}) {
    append_word(reply, word);
  }
  return reply;
}

class CountingFilter : public ProxyFilter {
 public:
  explicit CountingFilter(Counts& counts) : counts_(counts) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    std::uint32_t procedure = word_at(record, kProcedureAt);
    if (procedure < counts_.calls.size()) ++counts_.calls[procedure];
    if (procedure == counts_.refused && procedure != 0) {
      constexpr std::uint32_t kAcces = 13;
      Record reply = answer_with(kAcces, record);
      append_word(reply, 0);  // no attributes of the directory
      actions.push_back({ProxyAction::Kind::kToClient, framed(reply)});
      return;
    }
    counts_.most_at_once = std::max(counts_.most_at_once.load(), ++counts_.on_their_way);
    if (procedure == counts_.lost && procedure != 0) {
      counts_.lost = 0;
      struck_ = word_at(record, 0);
    }
    actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    --counts_.on_their_way;
    if (struck_ && word_at(record, 0) == *struck_) {
      if (counts_.as_it_is_lost) counts_.as_it_is_lost();
      actions.push_back({ProxyAction::Kind::kReset});
    } else {
      actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
    }
  }

 private:
  Counts& counts_;
  std::optional<std::uint32_t> struck_;  // xid
};

class Nfs3Requests : public Nfs3Copy {
 protected:
  std::unique_ptr<Proxy> counting(Counts& counts, std::chrono::milliseconds delay = {}) {
    return proxy_with([&counts] { return std::make_unique<CountingFilter>(counts); }, delay);
  }
  void make_files(unsigned number) const {
    for (unsigned i = 0; i < number; ++i) {
      make_file(folder(source_) / ("file" + std::to_string(i)), 100 + i, i);
    }
  }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(Nfs3Requests, a_listing_brings_attributes_and_handles_and_nothing_is_looked_up) {
  make_files(200);
  Counts counts;
  auto between = counting(counts);
  CopyOptions wanted = options();
  wanted.source = url(source_, "3", between->port());
  expect_done(copy(wanted));
  EXPECT_GT(counts.calls[kReaddirplus], 0u);
  EXPECT_EQ(counts.calls[kLookup], 0u);
}

TEST_F(Nfs3Requests, many_are_on_their_way_at_once) {
  make_files(200);
  Counts from, to;
  auto source = counting(from, std::chrono::milliseconds(2));
  auto target = counting(to, std::chrono::milliseconds(2));
  CopyOptions wanted = options();
  wanted.source = url(source_, "3", source->port());
  wanted.target = url(target_, "3", target->port());
  expect_done(copy(wanted));
  expect_equal();
  EXPECT_GE(from.most_at_once, 16u);
  EXPECT_GE(to.most_at_once, 16u);
}

// Answers to one procedure, in calls that are as large, are JUKEBOX (RFC 1813 section 2.6) for as
// long as so many are left.
class BusyFilter : public ProxyFilter {
 public:
  BusyFilter(std::uint32_t procedure, std::atomic<int>& left, std::size_t least_bytes = 0)
      : procedure_(procedure), left_(left), least_bytes_(least_bytes) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    constexpr std::uint32_t kJukebox = 10008;
    bool meant = word_at(record, kProcedureAt) == procedure_ && record.size() >= least_bytes_;
    if (!meant || --left_ < 0) {
      actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
      return;
    }
    Record reply = answer_with(kJukebox, record);
    actions.push_back({ProxyAction::Kind::kToClient, framed(reply)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  const std::uint32_t procedure_;
  std::atomic<int>& left_;
  const std::size_t least_bytes_;
};

TEST_F(Nfs3Requests, are_half_as_many_at_once_after_the_server_was_busy) {
  std::atomic<int> left{2};
  auto between = proxy_with([&left] { return std::make_unique<BusyFilter>(kGetattr, left); });
  auto loop = *Loop::create(EngineChoice::kAuto);
  nfs3::Nfs3Tree tree(*loop, *parse_location(url(source_, "3", between->port())), {});
  ASSERT_TRUE(loop->run(tree.open())) << "the root's GETATTR was tried again";
  EXPECT_NE(tree.state().find("in flight of 16"), std::string::npos) << tree.state();
  loop->run(tree.close());
}

// Longer than what libnfs sends: a request that goes over a connection of its own.
const std::string kLongText(4'000, 't');

TEST_F(Nfs3Requests, for_a_long_link_are_sent_again_after_the_server_was_busy) {
  fs::create_symlink(kLongText, folder(source_) / "link");
  std::atomic<int> left{5};
  auto between = proxy_with(
      [&left] { return std::make_unique<BusyFilter>(kSymlink, left, kLongText.size()); });
  CopyOptions wanted = options();
  wanted.target = url(target_, "3", between->port());
  CopyReport report = copy(wanted);
  expect_done(report);
  expect_equal();
  EXPECT_LT(left, 0) << "it was not asked often enough";
  EXPECT_GE(report.retries, 5u);
}

TEST_F(Nfs3Requests, for_a_long_link_wait_for_a_connection) {
  Counts counts;
  auto between = counting(counts);
  auto loop = *Loop::create(EngineChoice::kAuto);
  nfs3::Nfs3Tree tree(*loop, *parse_location(url(target_, "3", between->port())), {});
  std::thread server_comes_back;
  unsigned came_before = 0;
  std::uint64_t asked = 0;
  auto work = [&]() -> Task<void> {
    Status opened = co_await tree.open();
    EXPECT_TRUE(opened) << opened.error().message();
    between->stop_accepting(true);
    server_comes_back = std::thread([&between] {
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
      between->stop_accepting(false);
    });
    DirectoryPtr root = tree.root();
    std::vector<MakeSymlink> links(1);
    links[0].parent = root.get();
    links[0].name = "link";
    links[0].text = kLongText;
    for (const auto& calls : counts.calls) came_before += calls;
    std::uint64_t before = tree.counters().requests;
    auto made = co_await tree.make_symlinks(links);
    EXPECT_TRUE(made.at(0)) << made.at(0).error().message();
    asked = tree.counters().requests - before;
    co_await tree.close();
  };
  loop->run(work());
  server_comes_back.join();
  unsigned came = 0;
  for (const auto& calls : counts.calls) came += calls;
  EXPECT_LE(asked, came - came_before) << "attempts without a connection are no requests";
  EXPECT_EQ(counts.calls[kSymlink], 1u);
  std::error_code missing;
  EXPECT_EQ(fs::read_symlink(folder(target_) / "link", missing), kLongText);
}

// What is asked with a long link is answered after so much time.
class SlowLinks : public ProxyFilter {
 public:
  SlowLinks(std::chrono::milliseconds time, std::atomic<unsigned>& passed_on)
      : time_(time), passed_on_(passed_on) {}
  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    bool meant = word_at(record, kProcedureAt) == kSymlink && record.size() >= kLongText.size();
    if (meant) {
      std::this_thread::sleep_for(time_);
      ++passed_on_;
    }
    actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  const std::chrono::milliseconds time_;
  std::atomic<unsigned>& passed_on_;
};

TEST_F(Nfs3Requests, for_a_long_link_wait_for_the_answer_longer_than_for_a_connection) {
  fs::create_symlink(kLongText, folder(source_) / "link");
  std::atomic<unsigned> passed_on{0};
  auto between = proxy_with(
      [&] { return std::make_unique<SlowLinks>(std::chrono::milliseconds(10'500), passed_on); });
  CopyOptions wanted = options();
  wanted.target = url(target_, "3", between->port());
  CopyReport report = copy(wanted);
  expect_done(report);
  EXPECT_EQ(report.retries, 0u);
}

TEST_F(Nfs3Requests, for_a_long_link_end_with_the_client) {
  std::atomic<unsigned> passed_on{0};
  auto between = proxy_with(
      [&] { return std::make_unique<SlowLinks>(std::chrono::milliseconds(3'000), passed_on); });
  auto loop = *Loop::create(EngineChoice::kAuto);
  nfs3::Nfs3Tree tree(*loop, *parse_location(url(target_, "3", between->port())), {});
  ASSERT_TRUE(loop->run(tree.open()));
  DirectoryPtr root = tree.root();
  std::vector<MakeSymlink> links(1);
  links[0].parent = root.get();
  links[0].name = "link";
  links[0].text = kLongText;
  auto make = [&]() -> Task<void> {
    auto made = co_await tree.make_symlinks(links);
    EXPECT_FALSE(made.at(0));
  };
  auto work = [&]() -> Task<void> {
    TaskGroup making;
    making.spawn(make());
    (void)co_await loop->sleep_for(std::chrono::milliseconds(200));
    co_await tree.client().close();
    co_await making.join();
  };
  loop->run(work());
  EXPECT_EQ(passed_on, 0u) << "it was waited for";
}

TEST_F(Nfs3Requests, of_a_dry_run_change_nothing) {
  make_files(20);
  make_file(folder(target_) / "file3", 5, 1);
  make_file(folder(target_) / "surplus", 5, 2);
  Counts counts;
  auto between = counting(counts);
  CopyOptions wanted = options();
  wanted.target = url(target_, "3", between->port());
  wanted.dry_run = true;
  wanted.delete_surplus = true;
  CopyReport report = copy(wanted);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 20u);
  EXPECT_EQ(report.files_deleted, 1u);
  for (std::uint32_t procedure : kModifying) EXPECT_EQ(counts.calls[procedure], 0u) << procedure;
}

TEST_F(Nfs3Requests, of_a_dry_run_after_the_copy_foretell_nothing) {
  make_files(20);
  expect_done(copy(options()));
  CopyOptions again = options();
  again.dry_run = true;
  CopyReport report = copy(again);
  expect_done(report);
  EXPECT_EQ(report.files_transferred, 0u);
  EXPECT_EQ(report.bytes_written, 0u);
  EXPECT_EQ(report.metadata_repaired, 0u);
}

TEST_F(Nfs3Requests, that_keep_and_put_back_a_backup_may_lose_the_answer_to_a_move) {
  fs::create_directories(folder(target_) / "surplus" / "deep");
  make_file(folder(target_) / "surplus" / "deep" / "file", 70, 3);
  make_file(folder(target_) / "replaced", 80, 4);
  make_file(folder(source_) / "replaced", 90, 5);
  const std::string only = read(folder(target_) / "surplus" / "deep" / "file");
  const std::string old = read(folder(target_) / "replaced");
  Counts counts;
  auto between = counting(counts);
  CopyOptions wanted = options();
  wanted.target = url(target_, "3", between->port());
  wanted.delete_surplus = true;
  wanted.backup_dir = "kept";
  wanted.run_id = "first";
  counts.lost = kRename;

  CopyReport report = copy(wanted);

  expect_done(report);
  EXPECT_EQ(counts.lost, 0u) << "nothing was lost";
  fs::path kept = folder(target_) / "kept" / "first";
  EXPECT_EQ(read(kept / "surplus" / "deep" / "file"), only);
  EXPECT_EQ(read(kept / "replaced"), old);
  EXPECT_EQ(read(folder(target_) / "replaced"), read(folder(source_) / "replaced"));
  EXPECT_FALSE(fs::exists(folder(target_) / "surplus"));

  RestoreOptions undo;
  undo.target = wanted.target;
  undo.backup_of = "first";
  counts.lost = kRename;
  StopFlag stop{0};
  RestoreReport restored = restore(undo, stop);

  EXPECT_EQ(restored.run.exit_code, ExitCode::kDone) << restored.run.error_detail;
  EXPECT_EQ(counts.lost, 0u) << "nothing was lost";
  EXPECT_EQ(read(folder(target_) / "surplus" / "deep" / "file"), only);
  EXPECT_EQ(read(folder(target_) / "replaced"), old);
  EXPECT_FALSE(fs::exists(kept));
}

// A move from one directory to another whose answer is lost, and what happens as it is.
class Nfs3Moves : public Nfs3Requests {
 protected:
  Status move_and(std::function<void()> as_it_is_lost) {
    fs::create_directory(from());
    fs::create_directory(to());
    make_file(from() / "name", 70, 3);
    counts_.as_it_is_lost = std::move(as_it_is_lost);
    auto between = counting(counts_);
    auto loop = *Loop::create(EngineChoice::kAuto);
    nfs3::Nfs3Tree tree(*loop, *parse_location(url(target_, "3", between->port())), {});
    Status moved = ok();
    auto work = [&]() -> Task<void> {
      Status opened = co_await tree.open();
      EXPECT_TRUE(opened) << opened.error().message();
      moved = co_await move_in(tree);
      co_await tree.close();
    };
    loop->run(work());
    EXPECT_EQ(counts_.lost, 0u) << "nothing was lost";
    return moved;
  }
  fs::path from() const { return folder(target_) / "from"; }
  fs::path to() const { return folder(target_) / "to"; }

  // By a client of its own: the server keeps what it knows of names.
  using Change = Task<Status> (*)(nfs3::Nfs3Tree&);
  void by_another_client(Change change) {
    auto loop = *Loop::create(EngineChoice::kEpoll);
    nfs3::Nfs3Tree tree(*loop, *parse_location(url(target_, "3")), {});
    auto work = [&]() -> Task<void> {
      Status done = co_await tree.open();
      if (done) done = co_await change(tree);
      EXPECT_TRUE(done) << done.error().message();
      co_await tree.close();
    };
    loop->run(work());
  }
  static Task<Status> put_one_where_it_came_from(nfs3::Nfs3Tree& tree) {
    auto directories = co_await find(tree);
    const std::string content(80, 'x');
    std::vector<PutFile> files(1);
    files[0].parent = directories.at(0)->directory.get();
    files[0].name = "name";
    files[0].data = std::as_bytes(std::span(content));
    auto put = co_await tree.put_files(files, ReadBack::kNo);
    co_return put.at(0) ? ok() : Status(put.at(0).error());
  }
  static Task<Status> remove_where_it_came_to(nfs3::Nfs3Tree& tree) {
    auto directories = co_await find(tree);
    std::vector<RemoveEntry> entries{{directories.at(1)->directory.get(), "name", false}};
    auto removed = co_await tree.remove(entries);
    co_return std::move(removed.at(0));
  }

  Counts counts_;

 private:
  static Task<std::vector<Result<MadeDirectory>>> find(nfs3::Nfs3Tree& tree) {
    std::vector<MakeDirectory> wanted(2);
    wanted[0].parent = wanted[1].parent = tree.root();
    wanted[0].name = "from";
    wanted[1].name = "to";
    co_return co_await tree.make_directories(wanted);
  }
  Task<Status> move_in(nfs3::Nfs3Tree& tree) {
    auto directories = co_await find(tree);
    std::vector<MoveEntry> items(1);
    items[0].parent = directories.at(0)->directory.get();
    items[0].to_parent = directories.at(1)->directory.get();
    items[0].name = items[0].to_name = "name";
    counts_.lost = kRename;
    auto moved = co_await tree.move(items);
    co_return std::move(moved.at(0));
  }
};

TEST_F(Nfs3Moves, that_were_done_without_an_answer_are_not_sent_again) {
  Status moved = move_and({});
  EXPECT_TRUE(moved) << moved.error().message();
  EXPECT_EQ(counts_.calls[kRename], 1u);
}

TEST_F(Nfs3Moves, without_an_answer_are_neither_done_nor_sent_again_where_both_names_are_taken) {
  Status moved = move_and([this] { by_another_client(put_one_where_it_came_from); });
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().is(Own::kOutcomeUnknown)) << moved.error().message();
  EXPECT_EQ(counts_.calls[kRename], 1u);
  EXPECT_EQ(fs::file_size(to() / "name"), 70u);
  EXPECT_EQ(fs::file_size(from() / "name"), 80u);
}

TEST_F(Nfs3Moves, without_an_answer_say_why_they_cannot_be_looked_for) {
  Status moved = move_and([this] { counts_.refused = kLookup; });
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().is(Own::kOutcomeUnknown)) << moved.error().message();
  EXPECT_NE(moved.error().message().find("ACCES"), std::string::npos) << moved.error().message();
}

TEST_F(Nfs3Moves, are_not_done_where_neither_name_is_there) {
  Status moved = move_and([this] { by_another_client(remove_where_it_came_to); });
  ASSERT_FALSE(moved);
  EXPECT_TRUE(nfs3::is_status(moved.error(), nfs3::Nfsstat3::kNoent)) << moved.error().message();
}

TEST_F(Nfs3Requests, tell_whose_the_entries_of_a_tree_are) {
  make_files(3);
  ASSERT_EQ(::chown((folder(source_) / "file1").c_str(), 4711, 4712), 0);
  OwnersOptions wanted;
  wanted.location = url(source_, "3");
  StopFlag stop{0};
  OwnersReport report = owners(wanted, stop);
  EXPECT_EQ(report.run.exit_code, ExitCode::kDone) << report.run.error_detail;
  auto share = [](const std::vector<OwnerShare>& shares, const std::string& id) {
    auto found = std::find_if(shares.begin(), shares.end(),
                              [&](const OwnerShare& one) { return one.id == id; });
    return found == shares.end() ? OwnerShare{} : *found;
  };
  EXPECT_EQ(share(report.users, "4711").entries, 1u);
  EXPECT_EQ(share(report.users, "4711").bytes, 101u);
  EXPECT_EQ(share(report.groups, "4712").entries, 1u);
  EXPECT_EQ(share(report.users, "0").entries, 3u) << "the root and two files";
}

}  // namespace
}  // namespace nfsferry::test
