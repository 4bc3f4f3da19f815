// A source that others go on working in while it is copied.
#include <fcntl.h>
#include <nfsc/libnfs.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <thread>

#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

constexpr unsigned kDirectoriesChanged = 40;
constexpr unsigned kFilesInEach = 10;
constexpr std::size_t kWritten = 2048;

std::string file_name(unsigned directory, unsigned file) {
  return "/directory" + std::to_string(directory) + "/file" + std::to_string(file);
}

// Another client of the source's server. libnfs 4.0.0 sends writes of up to about 4 KB by NFSv4.
class Writer {
 public:
  explicit Writer(const std::string& url) : nfs_(nfs_init_context(), nfs_destroy_context) {
    std::unique_ptr<nfs_url, void (*)(nfs_url*)> parsed(nfs_parse_url_dir(nfs_.get(), url.c_str()),
                                                        nfs_destroy_url);
    if (parsed) did(nfs_mount(nfs_.get(), parsed->server, parsed->path), url);
    EXPECT_TRUE(parsed) << url;
  }

  void rewrite(const std::string& path) {
    std::vector<char> data(kWritten, static_cast<char>('a' + rewritten_++ % 26));
    nfsfh* file = nullptr;
    if (!did(nfs_open(nfs_.get(), path.c_str(), O_WRONLY, &file), "open " + path)) return;
    did(nfs_pwrite(nfs_.get(), file, 0, data.size(), data.data()), "write " + path);
    did(nfs_close(nfs_.get(), file), "close " + path);
  }
  void remove(const std::string& path) {
    did(nfs_unlink(nfs_.get(), path.c_str()), "unlink " + path);
  }
  void replace_by_directory(const std::string& path) {
    remove(path);
    did(nfs_mkdir(nfs_.get(), path.c_str()), "mkdir " + path);
  }
  void replace_by_symlink(const std::string& path) {
    remove(path);
    did(nfs_symlink(nfs_.get(), "elsewhere", path.c_str()), "symlink " + path);
  }
  void rename(const std::string& path, const std::string& to) {
    did(nfs_rename(nfs_.get(), path.c_str(), to.c_str()), "rename " + path);
  }
  unsigned rewritten() const { return rewritten_; }

 private:
  bool did(int status, const std::string& what) {
    EXPECT_GE(status, 0) << what << ": " << nfs_get_error(nfs_.get());
    return status >= 0;
  }

  std::unique_ptr<nfs_context, void (*)(nfs_context*)> nfs_;
  unsigned rewritten_ = 0;
};

class ChangingSource : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    proxy_ = proxy_to(servers().source, std::chrono::milliseconds(10));
    source_ = source_ground(Place::kNfs, proxy_->port());
    target_ = target_ground(Place::kNfs);
    SampleTree sample;
    sample.directories = kDirectoriesChanged;
    sample.files_per_directory = kFilesInEach;
    sample.least_bytes = 4096;
    make_small_files(source_.folder, sample);
    make_file(source_.folder / "large", 20 << 20, 1);
  }

  std::string direct_url() const {
    return servers().source.url("/old/" + source_.folder.filename().string(), "4");
  }

  // The last three files are left to be rewritten.
  static void change_directory(Writer& writer, unsigned directory) {
    for (unsigned i = 0; i < 4; ++i) writer.remove(file_name(directory, i));
    writer.replace_by_directory(file_name(directory, 4));
    writer.replace_by_symlink(file_name(directory, 5));
    writer.rename(file_name(directory, 6), file_name(directory, 6) + " renamed");
  }

  // Until the copy ends: a directory is changed whenever the copy has got further, and all the time
  // files are rewritten. Returns how many directories were changed.
  template <typename Ended>
  unsigned work_in_source(Writer& writer, Ended ended) {
    unsigned changed = 0;
    std::uint64_t seen = proxy_->counters().replies;
    while (!ended()) {
      std::uint64_t replies = proxy_->counters().replies;
      if (replies > seen && changed < kDirectoriesChanged) change_directory(writer, changed++);
      seen = replies;
      unsigned next = writer.rewritten();
      writer.rewrite("/large");
      writer.rewrite(file_name(next % kDirectoriesChanged, 7 + next % 3));
    }
    return changed;
  }

  std::unique_ptr<Proxy> proxy_;
  Ground source_;
  Ground target_;
};

TEST_F(ChangingSource, fails_nothing_and_the_next_copy_is_equal) {
  Writer writer(direct_url());
  ASSERT_FALSE(HasFailure());
  auto running = std::async(std::launch::async, [&] { return copy(options(source_, target_)); });
  while (proxy_->counters().connections == 0) std::this_thread::yield();
  unsigned changed = work_in_source(writer, [&] {
    return running.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  });
  CopyReport report = running.get();

  EXPECT_TRUE(report.exit_code == ExitCode::kDone ||
              report.exit_code == ExitCode::kOnlyChangedFiles)
      << static_cast<int>(report.exit_code) << " " << report.error_detail;
  for (const Failure& failure : report.failures) {
    EXPECT_EQ(failure.error, "changed_during_copy") << failure.message;
  }
  EXPECT_GT(writer.rewritten(), 0u);
  EXPECT_GT(changed, 0u);
  std::printf("%u directories changed; %ju files changed, %ju vanished, %ju retries\n", changed,
              report.changed_during_copy, report.vanished, report.retries);
  EXPECT_TRUE(temporaries(target_.folder).empty());

  CopyOptions quiet_now = options(source_, target_);
  quiet_now.force = true;  // what was replaced after it had been copied
  CopyReport second = copy(quiet_now);

  EXPECT_EQ(second.exit_code, ExitCode::kDone) << second.error_detail;
  for (const Failure& failure : second.failures) ADD_FAILURE() << failure.message;
  for (const std::string& line :
       differences(source_.folder, target_.folder, kept_on(Place::kNfs))) {
    // Removed in the source after it had been copied; only --delete would remove it here.
    if (!line.ends_with(": only in the target")) ADD_FAILURE() << line;
  }
}

}  // namespace
}  // namespace nfsferry::test
