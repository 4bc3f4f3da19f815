// One large file is carried by several threads, each with trees of its own.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::uint32_t kRange = 64 << 10;
constexpr std::size_t kSharedBytes = 120 * kRange + 12'345;

// Keeps the hash of the one file there is.
class Hashes : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override { hash = std::string(record.hash); }
  std::string hash;
};

class SharedFile : public Engine {
 protected:
  enum class Side : std::uint8_t { kSource, kTarget };
  // Called before an operation of a tree, on its thread; may make it fail.
  using Act = std::function<std::optional<Error>(Side side, std::string_view operation)>;

  SharedFile() {
    options_.shared_file_bytes = 20 * kRange;
    text_.resize(kSharedBytes);
    for (std::size_t i = 0; i < kSharedBytes; ++i) text_[i] = static_cast<char>('a' + i * i % 23);
    std::fill_n(text_.begin() + 50 * kRange, 10 * kRange, '\0');
  }
  void add_large() { add(*source_volume_, "/large", FileType::kRegular, text_); }

  // The whole job, on kThreads threads.
  CopyReport run(Job job, Act act = {}) {
    act_ = std::move(act);
    readers_.clear();
    Pace pace(limits_, stop_);
    Shared shared(job, options_, hashes_, stop_, pace);
    prepare_(shared);
    auto source = make(*loop_, Side::kSource);
    auto target = make(*loop_, Side::kTarget);
    loop_->run(begin(shared, *source, *target));
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < kThreads; ++i) {
      threads.emplace_back([this, &shared] { other_thread(shared); });
    }
    copy::Side side{source.get(), target.get()};
    loop_->run(copy_on_this_thread(shared, *loop_, side, true));
    for (std::thread& thread : threads) thread.join();
    CopyReport report;
    if (job == Job::kCopy)
      fill_report(shared, report);
    else
      fill_verification(shared, report);
    loop_->run(close(*source, *target));
    return report;
  }

  // Threads that have read the source so far. The first to read waits for a second one. Whether
  // this is a thread's first time.
  bool meet() {
    std::unique_lock lock(mutex_);
    bool first = readers_.insert(std::this_thread::get_id()).second;
    changed_.notify_all();
    wait(lock, [this] { return readers_.size() > 1; });
    return first;
  }
  void wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& done) {
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), done));
  }
  bool creates_here() const { return creator_ == std::this_thread::get_id(); }
  void expect_whole() { EXPECT_TRUE(content(*target_volume_, "/large") == text_); }
  void expect_nothing() {
    bool eof = false;
    EXPECT_TRUE(target_volume_->list(*target_volume_->root(), "", 10, eof).empty());
  }
  std::string hash_of_text() const { return to_hex(hash_of(std::as_bytes(std::span(text_)))); }

  std::string text_;
  std::function<void(Shared& shared)> prepare_ = [](Shared&) {};
  Hashes hashes_;
  std::mutex mutex_;
  std::condition_variable changed_;

 private:
  std::unique_ptr<MemoryTree> make(Loop& loop, Side side) {
    MemoryOptions options;
    options.preferences.read_bytes = options.preferences.write_bytes = kRange;
    options.preferences.small_file_bytes = kRange;
    options.fail = [this, side](std::string_view operation, std::string_view) {
      if (operation == "create_file") creator_ = std::this_thread::get_id();
      return act_ ? act_(side, operation) : std::nullopt;
    };
    auto& volume = side == Side::kSource ? source_volume_ : target_volume_;
    return std::make_unique<MemoryTree>(loop, volume, std::move(options));
  }
  static Task<void> open(MemoryTree& source, MemoryTree& target) {
    Status opened = co_await source.open();
    EXPECT_TRUE(opened);
    opened = co_await target.open();
    EXPECT_TRUE(opened);
  }
  static Task<void> close(MemoryTree& source, MemoryTree& target) {
    co_await source.close();
    co_await target.close();
  }
  static Task<void> begin(Shared& shared, MemoryTree& source, MemoryTree& target) {
    co_await open(source, target);
    Status ready = co_await prepare(shared, source, target, "run");
    EXPECT_TRUE(ready) << (ready ? "" : ready.error().message());
    begin_copy(shared, copy::Side{&source, &target}, kThreads);
  }
  static Task<void> carry(Shared& shared, Loop& loop, MemoryTree& source, MemoryTree& target) {
    co_await open(source, target);
    target.adopt(shared.target_can);
    copy::Side side{&source, &target};
    co_await copy_on_this_thread(shared, loop, side, false);
    co_await close(source, target);
  }
  void other_thread(Shared& shared) {
    auto loop = Loop::create(EngineChoice::kEpoll);
    ASSERT_TRUE(loop);
    auto source = make(**loop, Side::kSource);
    auto target = make(**loop, Side::kTarget);
    (*loop)->run(carry(shared, **loop, *source, *target));
  }

  Act act_;
  std::set<std::thread::id> readers_;
  std::atomic<std::thread::id> creator_;  // of the file under its temporary name
};

TEST_F(SharedFile, FilesOfOneDirectoryAreCarriedBySeveralThreads) {
  for (int i = 0; i < 2000; ++i) {
    add(*source_volume_, "/file" + std::to_string(i), FileType::kRegular, "x");
  }
  CopyReport report = run(Job::kCopy, [this](Side side, std::string_view operation) {
    if (side == Side::kSource && operation == "read_file") meet();
    return std::optional<Error>();
  });
  EXPECT_EQ(report.files_transferred, 2000u);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
}

TEST_F(SharedFile, is_copied_by_several_threads) {
  add_large();
  auto meeting = [this](Side, std::string_view operation) -> std::optional<Error> {
    if (operation == "read") meet();
    return {};
  };
  CopyReport report = run(Job::kCopy, meeting);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_whole();
  EXPECT_EQ(hashes_.hash, hash_of_text());
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.files_verified, 1u);
  EXPECT_EQ(report.bytes_written, kSharedBytes);
  EXPECT_EQ(report.sparse_bytes_saved, 10 * kRange);
  EXPECT_EQ(report.bytes_transferred, kSharedBytes - 10 * kRange);
  EXPECT_EQ(report.retries, 0u);
  EXPECT_EQ(at(*target_volume_, "/large")->attributes.mtime, (Time{1'700'000'000, 5}));
}

TEST_F(SharedFile, is_copied_without_a_hash_by_several_threads) {
  add_large();
  options_.checksum = ChecksumMode::kNone;
  options_.verify = VerifyMode::kNone;
  auto meeting = [this](Side, std::string_view operation) -> std::optional<Error> {
    if (operation == "copy_from") return own_error(Own::kUnsupported, operation);
    if (operation == "read") meet();
    return {};
  };
  CopyReport report = run(Job::kCopy, meeting);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_whole();
  EXPECT_EQ(hashes_.hash, "");
}

TEST_F(SharedFile, is_compared_by_several_threads) {
  add_large();
  run(Job::kCopy);
  auto meeting = [this](Side side, std::string_view operation) -> std::optional<Error> {
    if (side == Side::kSource && operation == "read") meet();
    return {};
  };
  hashes_.hash.clear();
  CopyReport same = run(Job::kVerify, meeting);
  EXPECT_EQ(same.exit_code, ExitCode::kDone) << same.error_detail;
  EXPECT_EQ(same.bytes_verified, kSharedBytes);
  EXPECT_EQ(hashes_.hash, hash_of_text());

  target_volume_->edit("/large", [](MemoryNode& node) {
    const std::byte other{1};
    node.content.write(kSharedBytes - 1, std::span(&other, 1));
  });
  set_mtime(*target_volume_, *at(*target_volume_, "/large"), Time{1'700'000'000, 5});
  CopyReport different = run(Job::kVerify, meeting);
  EXPECT_EQ(different.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(different.failures.size(), 1u);
  EXPECT_NE(different.failures[0].message.find("content"), std::string::npos);
}

TEST_F(SharedFile, is_carried_alone_where_others_cannot_join) {
  add_large();
  struct Case {
    std::string_view operation;
    Own refusal;
  };
  // A first read is what opens a file at some servers.
  for (Case one : {Case{"join_file", Own::kUnsupported}, Case{"join_file", Own::kTimeout},
                   Case{"read", Own::kTimeout}}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    bool refused = false;
    auto refuse = [&](Side, std::string_view operation) -> std::optional<Error> {
      std::unique_lock lock(mutex_);
      if (operation == "read" && creates_here()) wait(lock, [&] { return refused; });
      if (operation != one.operation || creates_here()) return {};
      refused = true;
      changed_.notify_all();
      return own_error(one.refusal, operation);
    };
    CopyReport report = run(Job::kCopy, refuse);
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    EXPECT_EQ(report.retries, 0u);
    expect_whole();
  }
}

TEST_F(SharedFile, fails_with_the_error_of_whichever_thread) {
  add_large();
  struct Case {
    std::string_view operation;
    std::string_view error;
  };
  for (Case one : {Case{"write", "EIO"}, Case{"read_back", "EIO"}, Case{"leave", "EIO"},
                   Case{"read", "EIO"}}) {
    SCOPED_TRACE(one.operation);
    target_volume_ = std::make_shared<MemoryVolume>();
    auto fail = [&](Side, std::string_view operation) -> std::optional<Error> {
      bool opens = operation == "read" && meet();
      bool strikes = operation == one.operation && !opens && !creates_here();
      return strikes ? std::optional(errno_error(EIO, operation)) : std::nullopt;
    };
    CopyReport report = run(Job::kCopy, fail);
    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].path, "large");
    EXPECT_EQ(report.failures[0].error, one.error);
    EXPECT_EQ(report.failures[0].operation, one.operation);
    EXPECT_EQ(report.files_transferred, 0u);
    expect_nothing();
  }
}

TEST_F(SharedFile, is_copied_again_when_one_thread_lost_what_it_wrote) {
  add_large();
  std::atomic<bool> lost{false};
  auto lose = [&](Side, std::string_view operation) -> std::optional<Error> {
    if (operation == "read" && !lost) meet();
    if (operation != "leave" || lost.exchange(true)) return {};
    return own_error(Own::kWriteVerifierChanged, "COMMIT");
  };
  CopyReport report = run(Job::kCopy, lose);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.retries, 1u);
  EXPECT_EQ(report.files_transferred, 1u);
  expect_whole();
  EXPECT_EQ(hashes_.hash, hash_of_text());
}

// A server may name a file's end too early, and a size that says nothing of it.
TEST_F(SharedFile, is_never_in_place_with_less_than_its_attributes_say) {
  add_large();
  for (unsigned short_attempts : {1u, 99u}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    std::atomic<unsigned> attempts{0};
    auto cut = [&](Side side, std::string_view operation) -> std::optional<Error> {
      if (side == Side::kTarget && operation == "create_file") ++attempts;
      bool ends = operation == "read" && attempts <= short_attempts;
      if (side == Side::kTarget || (!ends && operation != "attributes")) return {};
      source_volume_->edit("/large", [&](MemoryNode& node) {
        node.content.resize(ends ? 60 * kRange + 7 : 0);
        if (!ends) node.content.write(0, std::as_bytes(std::span(text_)));
      });
      return {};
    };
    CopyReport report = run(Job::kCopy, cut);
    if (short_attempts == 1) {
      EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
      expect_whole();
    } else {
      EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
      expect_nothing();
    }
  }
}

TEST_F(SharedFile, is_copied_again_when_it_changes_meanwhile) {
  add_large();
  std::string longer = text_ + "more";
  std::string shorter = text_.substr(0, 60 * kRange + 7);
  for (const std::string& now : {longer, shorter}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    std::atomic<bool> changes{true};
    auto change = [&](Side, std::string_view operation) -> std::optional<Error> {
      if (operation != "read" || !changes) return {};
      meet();
      if (creates_here() || !changes.exchange(false)) return {};
      source_volume_->edit("/large", [&](MemoryNode& node) {
        node.content.resize(0);
        node.content.write(0, std::as_bytes(std::span(now)));
        node.attributes.mtime.seconds += 1;
      });
      return {};
    };
    CopyReport report = run(Job::kCopy, change);
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    EXPECT_EQ(report.retries, 1u);
    text_ = now;
    expect_whole();
    EXPECT_EQ(hashes_.hash, hash_of_text());
  }
}

TEST_F(SharedFile, leaves_nothing_when_it_is_interrupted) {
  add_large();
  auto stop = [this](Side, std::string_view operation) -> std::optional<Error> {
    if (operation != "read") return {};
    meet();
    if (!creates_here()) stop_ = SIGTERM;
    return {};
  };
  CopyReport report = run(Job::kCopy, stop);
  EXPECT_EQ(report.exit_code, ExitCode::kTerminated);
  EXPECT_EQ(report.files_transferred, 0u);
  expect_nothing();
}

TEST_F(SharedFile, is_copied_beside_many_others) {
  add_large();
  constexpr std::size_t kOthers = 300;
  for (std::size_t i = 0; i < kOthers; ++i) {
    std::string name = "/other" + std::to_string(i);
    add(*source_volume_, name, FileType::kRegular, std::string(i % 3 == 0 ? 2 * kRange : 10, 'x'));
  }
  auto meeting = [this](Side, std::string_view operation) -> std::optional<Error> {
    if (operation == "read") meet();
    return {};
  };
  CopyReport report = run(Job::kCopy, meeting);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, kOthers + 1);
  expect_whole();
}

// Makes a crew find, in a time of its own, that two more threads are no help: this holds for ten
// minutes.
void dismiss(LargeCrew& crew) {
  int one = 0;
  int other = 0;
  for (const int* thread : {&one, &other}) {
    crew.join(thread, [] {});
    crew.begin(thread);
    crew.start_reading(thread);
  }
  Clock::time_point now = Clock::now();
  for (int tries = 0; tries < 3 && !crew.is_dismissed(&other); ++tries) {
    now += std::chrono::hours(1);
    crew.look(now);
    for (unsigned i = 0; i < 5 * LargeCrew::kPacePieces; ++i) {
      now += std::chrono::seconds(1);
      crew.note(1 << 30, true, now);
    }
  }
  EXPECT_TRUE(crew.is_dismissed(&other));
  for (const int* thread : {&one, &other}) {
    crew.stop_reading(thread);
    crew.end(thread);
    crew.leave(thread);
  }
}

// Large files that several threads have begun when it turns out that they had better take turns.
class LargeFilesInTurn : public SharedFile {
 protected:
  static constexpr int kFiles = 16;
  static constexpr std::size_t kDismissedAt = 100;

  LargeFilesInTurn() {
    prepare_ = [this](Shared& shared) { crew_ = &shared.large_crew; };
    text_.resize(100 * kRange + 7);
    for (int i = 0; i < kFiles; ++i) {
      add(*source_volume_, "/large" + std::to_string(i), FileType::kRegular, text_);
    }
  }
  CopyReport run_slowly(const std::function<void()>& at_read = [] {}) {
    return run(Job::kCopy, [&](Side side, std::string_view operation) -> std::optional<Error> {
      if (side == Side::kTarget || operation != "read") return {};
      std::lock_guard lock(serves_);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      reads_.push_back(std::this_thread::get_id());
      if (reads_.size() == kDismissedAt) dismiss(*crew_);
      at_read();
      return {};
    });
  }

  std::vector<std::thread::id> reads_;

 private:
  LargeCrew* crew_ = nullptr;
  std::mutex serves_;
};

TEST_F(LargeFilesInTurn, AreReadByOneThreadAfterTheOther) {
  CopyReport report = run_slowly();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, unsigned{kFiles});
  EXPECT_EQ(report.bytes_written, kFiles * text_.size());
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_TRUE(content(*target_volume_, "/large" + std::to_string(i)) == text_);
  }
  unsigned changes = 0;  // once what was under way has come to its end
  for (std::size_t i = 2 * kDismissedAt; i < reads_.size(); ++i) {
    if (reads_[i] != reads_[i - 1]) ++changes;
  }
  EXPECT_LE(changes, 2u * kFiles) << "of " << reads_.size() << " reads";
}

TEST_F(LargeFilesInTurn, AreLeftByThoseThatRest) {
  for (std::size_t reads : {20u, 160u, 1000u}) {
    SCOPED_TRACE(reads);
    target_volume_ = std::make_shared<MemoryVolume>();
    stop_ = 0;
    reads_.clear();
    CopyReport report = run_slowly([&] {
      if (reads_.size() == reads) stop_ = SIGTERM;
    });
    EXPECT_EQ(report.exit_code, ExitCode::kTerminated);
    bool eof = false;
    for (const Entry& entry : target_volume_->list(*target_volume_->root(), "", 100, eof)) {
      EXPECT_EQ(entry.name.find(".nfsferry-"), std::string::npos) << entry.name;
    }
  }
}

}  // namespace
}  // namespace nfsferry::copy
