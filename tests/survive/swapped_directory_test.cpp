// The owner of a tree swaps a directory for a symlink that leads out of the tree, and back, as fast
// as the kernel can, while root copies: nothing outside is ever written, removed or read.
//
// On NFS the owner acts in the exported folder, behind the server's back. That is allowed here: the
// server caches no attributes (Attr_Expiration_Time 0), and a swap between its look and its act is
// what this is about. A second NFS client would be served one request after the other.
// Before the last copy, which has to be equal, the server is started anew: it may keep a listing
// whose directory changed within one tick of the clock.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "base/unique_fd.hpp"
#include "old_and_new.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSwaps = 10'000;
constexpr unsigned kSwappedCopies = 20;
const std::string kSecret = "nothing may touch or read this";

// A process that exchanges two names as fast as it can.
class Swapper {
 public:
  Swapper(const fs::path& one, const fs::path& other) {
    void* shared =
        ::mmap(nullptr, sizeof *swaps_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(shared, MAP_FAILED);
    swaps_ = new (shared) std::atomic<std::uint64_t>(0);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      int result = ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
      if (result == 0) swaps_->fetch_add(1, std::memory_order_relaxed);
    }
  }
  ~Swapper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::munmap(swaps_, sizeof *swaps_);
  }
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

  void pause() const {
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, nullptr, WUNTRACED);
  }
  void go_on() const { ::kill(pid_, SIGCONT); }

  std::uint64_t swaps() const { return swaps_->load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t>* swaps_ = nullptr;
  pid_t pid_ = -1;
};

// All that can be known of a file without changing it.
std::string state_of(const fs::path& path) {
  struct stat is{};
  if (::lstat(path.c_str(), &is) != 0) return "gone";
  auto ns = [](const timespec& time) {
    return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
  };
  std::string out = std::to_string(is.st_ino) + " " + std::to_string(is.st_mode) + " " +
                    std::to_string(is.st_uid) + ":" + std::to_string(is.st_gid) + " " +
                    std::to_string(is.st_nlink) + " " + ns(is.st_mtim) + " " + ns(is.st_ctim);
  if (!S_ISREG(is.st_mode)) return out;
  out += " read " + ns(is.st_atim) + " ";
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
  std::string content(static_cast<std::size_t>(is.st_size), '\0');
  EXPECT_EQ(::read(fd.get(), content.data(), content.size()), is.st_size);
  return out + content;
}

std::map<std::string, std::string> states_below(const fs::path& root) {
  std::map<std::string, std::string> states{{"", state_of(root)}};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    states[entry.path().lexically_relative(root)] = state_of(entry.path());
  }
  return states;
}

class SwappedDirectory : public CopyTest, public ::testing::WithParamInterface<Place> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (GetParam() == Place::kNfs) {
      ASSERT_EQ(server_.start(), "");
    }
    outside_ = source_ground(Place::kLocal).folder;
    fill(outside_, kSecret);
    canary_ = states_below(outside_);
  }

  // The same names everywhere, so that whoever goes astray meets them.
  static void fill(const fs::path& folder, const std::string& content) {
    for (const char* below : {".", "sub", "sub/deeper"}) {
      fs::create_directories(folder / below);
      for (int i = 0; i < 10; ++i) {
        std::ofstream(folder / below / ("file" + std::to_string(i))) << content << i;
      }
    }
    make_file(folder / "sub" / "large", 400'000, content.size());
  }

  void expect_outside_untouched() const {
    for (const auto& [path, state] : states_below(outside_)) {
      auto before = canary_.find(path);
      EXPECT_TRUE(before != canary_.end()) << "made outside: " << path;
      if (before != canary_.end()) {
        EXPECT_EQ(state, before->second) << path;
      }
    }
    EXPECT_EQ(states_below(outside_).size(), canary_.size()) << "removed outside";
  }
  static void expect_no_secrets(const fs::path& target) {
    for (const auto& [path, content] : contents_below(target)) {
      EXPECT_FALSE(content.starts_with(kSecret)) << "read from outside: " << path;
    }
  }

  CopyOptions everything(const Ground& source, const Ground& target) const {
    CopyOptions chosen = options(source, target);
    chosen.compare = CompareMode::kAll;
    return chosen;
  }

  // Copies until the owner has swapped often enough. The owner rests when `look` is called.
  template <typename Look>
  static void copy_while_swapped(const CopyOptions& chosen, const fs::path& one,
                                 const fs::path& other, Look look) {
    Swapper swapper(one, other);
    unsigned copies = 0;
    unsigned whole = 0;
    while (swapper.swaps() < kSwaps || copies < kSwappedCopies) {
      CopyReport report = copy(chosen);
      swapper.pause();
      look();
      swapper.go_on();
      bool done = report.exit_code == ExitCode::kDone;
      EXPECT_TRUE(done || report.exit_code == ExitCode::kEntriesFailed) << report.error_detail;
      ++copies;
      whole += done ? 1 : 0;
      if (HasFailure()) break;
    }
    std::printf("%llu swaps during %u copies, %u of them without a failure\n",
                static_cast<unsigned long long>(swapper.swaps()), copies, whole);
  }

  Ground swapped_ground() { return ground(server(), "/new", GetParam()); }
  Ganesha& server() { return GetParam() == Place::kNfs ? server_ : servers().target; }
  void expect_last_copy_equal(const CopyOptions& chosen, const Ground& source, const Ground& target,
                              Place target_place) {
    if (GetParam() == Place::kNfs) {
      ASSERT_EQ(server_.restart(), "");
    }
    CopyReport last = copy(chosen);
    EXPECT_EQ(last.exit_code, ExitCode::kDone) << last.error_detail;
    expect_equal(source, target, kept_on(target_place));
  }

  Ganesha server_;
  fs::path outside_;
  std::map<std::string, std::string> canary_;
};

TEST_P(SwappedDirectory, of_a_target_leads_no_write_outside) {
  Ground source = source_ground(Place::kLocal);
  Ground target = swapped_ground();
  fill(source.folder / "home", "from the source");
  fs::create_directory(target.folder / "home");
  fs::create_directory_symlink(outside_, target.folder / "parked");
  CopyOptions chosen = everything(source, target);

  copy_while_swapped(chosen, target.folder / "home", target.folder / "parked", [] {});

  expect_outside_untouched();
  if (fs::is_symlink(target.folder / "home")) {
    fs::remove(target.folder / "home");
    fs::rename(target.folder / "parked", target.folder / "home");
  } else {
    fs::remove(target.folder / "parked");
  }
  expect_last_copy_equal(chosen, source, target, GetParam());
}

TEST_P(SwappedDirectory, of_a_source_leads_no_read_outside) {
  Ground source = swapped_ground();
  Ground target = target_ground(Place::kLocal);
  fill(source.folder / "home", "from the source");
  fs::create_directory_symlink(outside_, source.folder / "parked");
  CopyOptions chosen = everything(source, target);
  chosen.force = true;  // links to the outside come into the target, and go

  copy_while_swapped(chosen, source.folder / "home", source.folder / "parked",
                     [&] { expect_no_secrets(target.folder); });

  expect_outside_untouched();
  expect_last_copy_equal(chosen, source, target, Place::kLocal);
}

// --force removes a directory with all that is in it.
TEST_P(SwappedDirectory, that_is_being_removed_removes_nothing_outside) {
  Ground source = source_ground(Place::kLocal);
  Ground target = swapped_ground();
  make_file(source.folder / "home", 100, 1);
  CopyOptions chosen = everything(source, target);
  chosen.force = true;
  auto lay_again = [&] {
    for (const char* name : {"home", "parked"}) fs::remove_all(target.folder / name);
    fs::create_directory_symlink(outside_, target.folder / "parked");
    fill(target.folder / "home", "to be removed");
  };
  lay_again();

  copy_while_swapped(chosen, target.folder / "home", target.folder / "parked", lay_again);

  expect_outside_untouched();
}

INSTANTIATE_TEST_SUITE_P(Places, SwappedDirectory, ::testing::Values(Place::kNfs, Place::kLocal),
                         [](const ::testing::TestParamInfo<Place>& chosen) {
                           return chosen.param == Place::kNfs ? "Nfs" : "Local";
                         });

}  // namespace
}  // namespace nfsferry::test
