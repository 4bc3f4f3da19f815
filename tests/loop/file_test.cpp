#include <linux/openat2.h>

#include <fstream>
#include <thread>

#include "engine_fixture.hpp"
#include "loop/file_threads.hpp"

namespace nfsferry::test {
namespace {

class FileTest : public EngineTest {
 protected:
  std::string contents(const std::string& name) const {
    std::ifstream in(folder_.path() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Result<UniqueFd> open(std::string path, std::uint64_t flags, std::uint64_t resolve = 0) {
    std::uint32_t mode = flags & O_CREAT ? 0640 : 0;
    return run(loop().openat2(folder_.fd(), std::move(path), flags, mode, resolve));
  }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Engine, FileTest, both_engines(), engine_label);

Task<Status> write_file(Loop& loop, int folder, std::string name, std::string text) {
  auto fd = co_await loop.openat2(folder, name, O_CREAT | O_EXCL | O_WRONLY, 0640, 0);
  if (!fd) co_return std::move(fd).error();
  std::size_t done = 0;
  while (done < text.size()) {
    auto rest = bytes_of(text).subspan(done);
    auto size = co_await loop.write_at(fd->get(), rest, done);
    if (!size) co_return std::move(size).error();
    done += *size;
  }
  auto synced = co_await loop.sync_data(fd->get());
  if (!synced) co_return std::move(synced).error();
  co_return co_await loop.close_file(*std::move(fd));
}

TEST_P(FileTest, WhatIsWrittenSyncedAndClosedIsInTheFile) {
  std::string text(3'000'000, 'x');
  text += "end";
  auto status = run(write_file(loop(), folder_.fd(), "a", text));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(contents("a"), text);
}

Task<Result<std::string>> read_text(Loop& loop, int fd, std::size_t most, std::uint64_t offset) {
  std::string text(most, '\0');
  std::span<std::byte> into = std::as_writable_bytes(std::span(text.data(), text.size()));
  auto size = co_await loop.read_at(fd, into, offset);
  if (!size) co_return std::move(size).error();
  text.resize(*size);
  co_return text;
}

TEST_P(FileTest, AReadGivesWhatTheFileHasFromTheOffsetOn) {
  std::ofstream(folder_.path() / "a") << "0123456789";
  auto fd = open("a", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_EQ(*run(read_text(loop(), fd->get(), 3, 4)), "456");
  EXPECT_EQ(*run(read_text(loop(), fd->get(), 100, 7)), "789");
  EXPECT_EQ(*run(read_text(loop(), fd->get(), 100, 10)), "");
}

TEST_P(FileTest, OffsetsBeyondFourGibibytesAreKept) {
  constexpr std::uint64_t kOffset = (5ull << 30) + 3;
  auto fd = open("sparse", O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  auto written = run(loop().write_at(fd->get(), bytes_of("far"), kOffset));
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(std::filesystem::file_size(folder_.path() / "sparse"), kOffset + 3);
  EXPECT_EQ(*run(read_text(loop(), fd->get(), 10, kOffset)), "far");
}

TEST_P(FileTest, AnOpenedFileIsClosedOnExec) {
  auto fd = open("a", O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  EXPECT_TRUE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC);
}

TEST_P(FileTest, OpenUsesTheModeItIsGiven) {
  auto fd = open("a", O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  struct stat attributes{};
  ASSERT_EQ(::fstat(fd->get(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0717, 0600u);  // 0640, whatever the umask does to the group
}

// ---- errors

TEST_P(FileTest, OpeningAMissingFileFailsWithEnoentAndNamesIt) {
  auto fd = open("missing", O_RDONLY);
  ASSERT_FALSE(fd);
  EXPECT_TRUE(fd.error().is_errno(ENOENT)) << fd.error().message();
  EXPECT_EQ(fd.error().operation, "openat2");
  EXPECT_EQ(fd.error().path, "missing");
}

TEST_P(FileTest, OpeningADirectoryForWritingFailsWithEisdir) {
  std::filesystem::create_directory(folder_.path() / "d");
  auto fd = open("d", O_WRONLY);
  ASSERT_FALSE(fd);
  EXPECT_TRUE(fd.error().is_errno(EISDIR)) << fd.error().message();
}

TEST_P(FileTest, ReadingADirectoryFailsWithEisdir) {
  auto text = run(read_text(loop(), folder_.fd(), 10, 0));
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().is_errno(EISDIR)) << text.error().message();
  EXPECT_EQ(text.error().operation, "read");
}

TEST_P(FileTest, WritingToAFileOpenForReadingFailsWithEbadf) {
  std::ofstream(folder_.path() / "a") << "0123456789";
  auto fd = open("a", O_RDONLY);
  ASSERT_TRUE(fd);
  auto written = run(loop().write_at(fd->get(), bytes_of("x"), 0));
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is_errno(EBADF)) << written.error().message();
  EXPECT_EQ(written.error().operation, "write");
}

TEST_P(FileTest, SyncingWhatCannotBeSyncedFailsWithEinval) {
  SocketPair pair = socket_pair();
  auto status = run(loop().sync_data(pair.left.get()));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(EINVAL)) << status.error().message();
  EXPECT_EQ(status.error().operation, "fdatasync");
}

TEST_P(FileTest, ClosingADescriptorThatIsNotOpenFailsWithEbadf) {
  auto fd = open("a", O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  int number = fd->release();
  ASSERT_TRUE(run(loop().close_file(UniqueFd(number))));
  auto status = run(loop().close_file(UniqueFd(number)));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(EBADF)) << status.error().message();
  EXPECT_EQ(status.error().operation, "close");
}

TEST_P(FileTest, ResolveBeneathRefusesThePathThatLeaves) {
  std::filesystem::create_directory(folder_.path() / "d");
  std::ofstream(folder_.path() / "a") << "outside of d";
  UniqueFd inside(::open((folder_.path() / "d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto fd = run(loop().openat2(inside.get(), "../a", O_RDONLY, 0, RESOLVE_BENEATH));
  ASSERT_FALSE(fd);
  EXPECT_TRUE(fd.error().is_errno(EXDEV)) << fd.error().message();
}

TEST_P(FileTest, ResolveBeneathRefusesTheSymlinkThatLeaves) {
  std::filesystem::create_symlink("/etc", folder_.path() / "link");
  auto fd = open("link/passwd", O_RDONLY, RESOLVE_BENEATH);
  ASSERT_FALSE(fd);
  EXPECT_TRUE(fd.error().is_errno(EXDEV)) << fd.error().message();
}

// ---- many at once

Task<void> write_byte(Loop& loop, int fd, std::span<const std::byte> byte, std::uint64_t offset) {
  auto size = co_await loop.write_at(fd, byte, offset);
  EXPECT_TRUE(size);
}

Task<void> write_byte_by_byte(Loop& loop, int fd, const std::vector<std::byte>& bytes) {
  TaskGroup group;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    group.spawn(write_byte(loop, fd, std::span(bytes).subspan(i, 1), i));
  }
  co_await group.join();
}

TEST_P(FileTest, TenThousandWritesAtOnceAllArrive) {
  auto bytes = pattern_bytes(10'000);
  auto fd = open("a", O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  run(write_byte_by_byte(loop(), fd->get(), bytes));
  std::string text = contents("a");
  EXPECT_TRUE(std::ranges::equal(bytes_of(text), bytes));
}

// ---- offload

Task<int> offload_move_only(Loop& loop) {
  auto twenty = std::make_unique<int>(20);
  auto work = [held = std::move(twenty)] { return std::make_unique<int>(*held + 1); };
  auto result = co_await loop.offload(std::move(work));
  co_return *result;
}

TEST_P(FileTest, OffloadedWorkMayHoldAndGiveWhatOnlyMoves) {
  EXPECT_EQ(run(offload_move_only(loop())), 21);
}

Task<std::thread::id> offload_thread_id(Loop& loop) {
  std::thread::id id;
  auto work = [&id] { id = std::this_thread::get_id(); };
  co_await loop.offload(work);
  co_return id;
}

TEST_P(FileTest, OffloadedWorkRunsOnAnotherThread) {
  auto id = run(offload_thread_id(loop()));
  EXPECT_NE(id, std::thread::id());
  EXPECT_NE(id, std::this_thread::get_id());
}

Task<Status> offload_failure(Loop& loop) {
  auto work = []() -> Status { return errno_error(ENOTEMPTY, "rmdir"); };
  co_return co_await loop.offload(work);
}

TEST_P(FileTest, AnOffloadedErrorComesBackWhole) {
  auto status = run(offload_failure(loop()));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(ENOTEMPTY));
  EXPECT_EQ(status.error().operation, "rmdir");
}

Task<void> offload_add(Loop& loop, int value, int& sum) {
  auto work = [value] { return value; };
  sum += co_await loop.offload(work);
}

Task<int> offload_many(Loop& loop, int count) {
  int sum = 0;
  TaskGroup group;
  for (int i = 0; i < count; ++i) group.spawn(offload_add(loop, 1, sum));
  co_await group.join();
  co_return sum;
}

TEST_P(FileTest, TenThousandOffloadedCallsAllComeBack) {
  EXPECT_EQ(run(offload_many(loop(), 10'000)), 10'000);
}

Task<int> sleep_while_threads_are_held(Loop& loop) {
  Gate gate;
  TaskGroup group;
  for (std::size_t i = 0; i < 2 * FileThreads::kThreadsMax; ++i) group.spawn(hold(loop, gate));
  int slept = co_await loop.sleep_for(std::chrono::milliseconds(1)) ? 1 : 0;
  gate.open();
  co_await group.join();
  co_return slept;
}

TEST_P(FileTest, TheLoopGoesOnWhileEveryFileThreadIsHeld) {
  EXPECT_EQ(run(sleep_while_threads_are_held(loop())), 1);
}

std::size_t threads_of_process() {
  auto tasks = std::filesystem::directory_iterator("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST_P(FileTest, NoFileThreadExistsBeforeItIsNeeded) {
  const std::size_t before = threads_of_process();
  SocketPair pair = socket_pair();
  ASSERT_TRUE(run(send_text(loop(), pair.left.get(), "x")));
  ASSERT_TRUE(run(recv_text(loop(), pair.right.get())));
  ASSERT_TRUE(run(loop().sleep_for(std::chrono::microseconds(1))));
  EXPECT_EQ(threads_of_process(), before);
}

TEST_P(FileTest, CallsOneAfterAnotherNeedOneFileThread) {
  const std::size_t before = threads_of_process();
  for (int i = 0; i < 100; ++i) run(offload_thread_id(loop()));
  EXPECT_LE(threads_of_process(), before + FileThreads::kThreadsMax);
}

}  // namespace
}  // namespace nfsferry::test
