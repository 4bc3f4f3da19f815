#include "nfs_changes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nfsc/libnfs.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

// What libnfs 4.0.0 can do by NFSv4: it does not send a write of more than about 4 KB, looks every
// path up in one request, and opens whatever it sets attributes of, which files alone allow.
constexpr std::size_t kWriteMost = 2048;
constexpr int kLevelsMost = 8;
constexpr int kTimeoutMs = 60'000;

struct Entry {
  std::string path;  // from the root, with a slash before
  struct stat status{};
};

// In the same order on every file system.
std::vector<Entry> entries_below(const fs::path& folder) {
  std::vector<Entry> entries;
  for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
    if (at.depth() + 1 >= kLevelsMost) at.disable_recursion_pending();
    Entry entry;
    entry.path = "/" + at->path().lexically_relative(folder).string();
    if (lstat(at->path().c_str(), &entry.status) == 0) entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return entries;
}

class Client {
 public:
  Client(const std::string& url, std::uint64_t seed)
      : nfs_(nfs_init_context(), nfs_destroy_context), random_(seed) {
    nfs_set_timeout(nfs_.get(), kTimeoutMs);
    std::unique_ptr<nfs_url, void (*)(nfs_url*)> parsed(nfs_parse_url_dir(nfs_.get(), url.c_str()),
                                                        nfs_destroy_url);
    if (!parsed) {
      ADD_FAILURE() << url << ": " << nfs_get_error(nfs_.get());
      return;
    }
    mounted_ = did(nfs_mount(nfs_.get(), parsed->server, parsed->path), url);
  }

  bool mounted() const { return mounted_; }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  // False where the entry is none for the change that was drawn.
  bool change(const Entry& entry) {
    const bool file = S_ISREG(entry.status.st_mode);
    switch (below(10)) {
      case 0: return file && entry.status.st_size > 0 && overwrite(entry);
      case 1: return file && write(entry.path, size_of(entry), 1 + below(kWriteMost));
      case 2: return file && entry.status.st_size > 0 && truncate(entry);
      case 3: return file && chmod(entry);
      case 4: return file && chown(entry);
      case 5: return file && touch(entry);
      case 6: return S_ISDIR(entry.status.st_mode) && add_file(fresh(entry.path));
      case 7: return S_ISDIR(entry.status.st_mode) && add_folder(fresh(entry.path));
      case 8: return S_ISDIR(entry.status.st_mode) && add_symlink(fresh(entry.path));
      default: return file && add_link(entry);
    }
  }

 private:
  static std::uint64_t size_of(const Entry& entry) {
    return static_cast<std::uint64_t>(entry.status.st_size);
  }
  std::string fresh(const std::string& folder) {
    return folder + "/added\n" + std::to_string(random_());
  }

  bool did(int status, const std::string& what) {
    EXPECT_GE(status, 0) << what << ": " << nfs_get_error(nfs_.get());
    return status >= 0;
  }

  bool write(const std::string& path, std::uint64_t offset, std::size_t size) {
    std::vector<char> data(size);
    for (char& byte : data) byte = static_cast<char>(random_());
    nfsfh* file = nullptr;
    if (!did(nfs_open(nfs_.get(), path.c_str(), O_WRONLY, &file), "open " + path)) return false;
    bool whole = nfs_pwrite(nfs_.get(), file, offset, size, data.data()) == static_cast<int>(size);
    EXPECT_TRUE(whole) << "write " << path << ": " << nfs_get_error(nfs_.get());
    return did(nfs_close(nfs_.get(), file), "close " + path) && whole;
  }

  bool overwrite(const Entry& entry) {
    std::uint64_t offset = below(size_of(entry));
    return write(entry.path, offset, std::min<std::uint64_t>(kWriteMost, size_of(entry) - offset));
  }
  bool truncate(const Entry& entry) {
    return did(nfs_truncate(nfs_.get(), entry.path.c_str(), below(size_of(entry))),
               "truncate " + entry.path);
  }
  bool chmod(const Entry& entry) {
    int mode = static_cast<int>(below(010000));
    return did(nfs_chmod(nfs_.get(), entry.path.c_str(), mode), "chmod " + entry.path);
  }
  bool chown(const Entry& entry) {
    int owner = 1000 + static_cast<int>(below(5));
    return did(nfs_chown(nfs_.get(), entry.path.c_str(), owner, owner + 1), "chown " + entry.path);
  }
  bool touch(const Entry& entry) {
    timeval when{static_cast<time_t>(below(1u << 31)), static_cast<suseconds_t>(below(1'000'000))};
    timeval times[2] = {when, when};
    return did(nfs_utimes(nfs_.get(), entry.path.c_str(), times), "utimes " + entry.path);
  }
  bool add_file(const std::string& path) {
    nfsfh* file = nullptr;
    if (!did(nfs_creat(nfs_.get(), path.c_str(), 0640, &file), "create " + path)) return false;
    return did(nfs_close(nfs_.get(), file), "close " + path) && write(path, 0, below(kWriteMost));
  }
  bool add_folder(const std::string& path) {
    return did(nfs_mkdir(nfs_.get(), path.c_str()), "mkdir " + path) && add_file(path + "/inside");
  }
  bool add_symlink(const std::string& path) {
    return did(nfs_symlink(nfs_.get(), "nowhere", path.c_str()), "symlink " + path);
  }
  bool add_link(const Entry& entry) {
    std::string path = fresh(entry.path.substr(0, entry.path.rfind('/')));
    return did(nfs_link(nfs_.get(), entry.path.c_str(), path.c_str()), "link " + path);
  }

  std::unique_ptr<nfs_context, void (*)(nfs_context*)> nfs_;
  std::mt19937_64 random_;
  bool mounted_ = false;
};

}  // namespace

unsigned change_through_nfs(const std::string& url, const fs::path& folder, std::uint64_t seed,
                            unsigned changes) {
  std::vector<Entry> entries = entries_below(folder);
  Client client(url, seed);
  if (!client.mounted() || entries.empty()) return 0;
  std::set<ino_t> changed;  // two changes of one file could cancel each other out
  for (unsigned tries = 0; tries < 20 * changes && changed.size() < changes; ++tries) {
    const Entry& entry = entries[client.below(entries.size())];
    if (!changed.contains(entry.status.st_ino) && client.change(entry)) {
      changed.insert(entry.status.st_ino);
    }
  }
  return static_cast<unsigned>(changed.size());
}

}  // namespace nfsferry::test
