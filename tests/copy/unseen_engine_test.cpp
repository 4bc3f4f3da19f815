// Without a hash and without reading back, the trees copy large files; nobody sees the bytes.
#include <csignal>
#include <map>

#include "copy/worker.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kPieces = 2 * Worker::kUnseenBytes + 12'345;

class Unseen : public Engine {
 protected:
  Unseen() {
    options_.verify = VerifyMode::kNone;
    options_.checksum = ChecksumMode::kNone;
    for (std::size_t i = 0; i < kPieces; ++i) text_ += static_cast<char>('a' + i * i % 23);
  }
  // Counts a tree's operations; `act` is called before each and may make it fail.
  using Act = std::function<std::optional<Error>(std::string_view operation)>;
  MemoryOptions watched(std::map<std::string, int, std::less<>>& count, Act act = {}) {
    MemoryOptions watching;
    watching.fail = [&count, act = std::move(act)](std::string_view operation,
                                                   std::string_view) -> std::optional<Error> {
      ++count[std::string(operation)];
      return act ? act(operation) : std::nullopt;
    };
    return watching;
  }
  void add_large() { add(*source_volume_, "/large", FileType::kRegular, text_); }
  void expect_equal() { EXPECT_TRUE(content(*target_volume_, "/large") == text_); }

  std::string text_;
  std::map<std::string, int, std::less<>> from_;  // operations of the source
  std::map<std::string, int, std::less<>> to_;
};

TEST_F(Unseen, a_large_file_is_neither_read_nor_sent) {
  add_large();
  CopyReport report = copy(watched(from_), watched(to_));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal();
  EXPECT_EQ(from_["read"] + to_["write"], 0);
  EXPECT_EQ(to_["copy_from"], 3);  // a small first piece, the largest there is, the rest
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.bytes_transferred, 0u);
  EXPECT_EQ(report.bytes_written, kPieces);
  EXPECT_EQ(report.estimated_bytes, kPieces);
  EXPECT_EQ(at(*target_volume_, "/large")->attributes.mtime, (Time{1'700'000'000, 5}));
}

TEST_F(Unseen, what_is_hashed_or_read_back_passes_through_us) {
  add_large();
  for (VerifyMode verify : {VerifyMode::kNone, VerifyMode::kTransferred}) {
    options_.checksum = ChecksumMode::kXxh3;
    options_.verify = verify;
    options_.compare = CompareMode::kAll;
    CopyReport report = copy({}, watched(to_));
    EXPECT_EQ(report.bytes_transferred, kPieces);
  }
  EXPECT_EQ(to_["copy_from"], 0);
}

TEST_F(Unseen, what_the_trees_cannot_copy_is_read_and_written) {
  add_large();
  for (int refused_at : {1, 2, 3}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    to_.clear();
    auto refuse = [&](std::string_view operation) -> std::optional<Error> {
      bool refused = operation == "copy_from" && to_["copy_from"] >= refused_at;
      if (refused) return errno_error(EXDEV, "copy_file_range");
      return {};
    };
    CopyReport report = copy({}, watched(to_, refuse));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    expect_equal();
    EXPECT_EQ(to_["copy_from"], refused_at);
    std::uint64_t copied = refused_at == 1   ? 0
                           : refused_at == 2 ? (1u << 20)
                                             : (1u << 20) + Worker::kUnseenBytes;
    EXPECT_EQ(report.bytes_transferred, kPieces - copied);
    EXPECT_EQ(report.bytes_written, kPieces);
    EXPECT_EQ(report.retries, 0u);
  }
}

TEST_F(Unseen, who_is_at_fault_is_told_by_reading_and_writing) {
  add_large();
  auto full = [](std::string_view operation) -> std::optional<Error> {
    if (operation == "copy_from" || operation == "write") return errno_error(ENOSPC, operation);
    return {};
  };
  CopyReport report = copy({}, watched(to_, full));
  EXPECT_EQ(report.exit_code, ExitCode::kTargetUnusable);
  EXPECT_EQ(report.error_code, "ENOSPC");
  EXPECT_EQ(at(*target_volume_, "/large"), nullptr);
}

TEST_F(Unseen, a_file_that_changes_meanwhile_is_copied_again) {
  add_large();
  std::string longer = text_ + "more";
  auto change = [&](std::string_view operation) -> std::optional<Error> {
    if (operation == "copy_from" && to_["copy_from"] == 2) {
      source_volume_->edit("/large", [&](MemoryNode& node) {
        node.content.write(0, std::as_bytes(std::span(longer)));
        node.attributes.mtime.seconds += 1;
      });
    }
    return {};
  };
  CopyReport report = copy({}, watched(to_, change));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  text_ = longer;
  expect_equal();
  EXPECT_EQ(report.retries, 1u);
}

TEST_F(Unseen, a_file_that_was_cut_short_ends_where_it_ends_now) {
  add_large();
  auto cut = [&](std::string_view operation) -> std::optional<Error> {
    if (operation == "copy_from" && to_["copy_from"] == 2) {
      source_volume_->edit("/large", [&](MemoryNode& node) { node.content.resize(1u << 20); });
    }
    return {};
  };
  CopyReport report = copy({}, watched(to_, cut));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  text_.resize(1u << 20);
  expect_equal();
  EXPECT_EQ(report.bytes_written, 1u << 20);
}

TEST_F(Unseen, a_stop_ends_a_file_between_pieces_and_leaves_nothing_of_it) {
  add_large();
  auto stop = [&](std::string_view operation) -> std::optional<Error> {
    if (operation == "copy_from") stop_ = SIGTERM;
    return {};
  };
  CopyReport report = copy({}, watched(to_, stop));
  EXPECT_EQ(report.exit_code, ExitCode::kTerminated);
  EXPECT_EQ(to_["copy_from"], 1);
  EXPECT_EQ(at(*target_volume_, "/large"), nullptr);
}

}  // namespace
}  // namespace nfsferry::copy
