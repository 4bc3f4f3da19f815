#include "folder_compare.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

// Work goes by open directories and single names: a path may be longer than the kernel takes.
using Directory = std::shared_ptr<DIR>;

Directory open_directory(int at, const std::string& name) {
  int fd = openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* opened = fd < 0 ? nullptr : fdopendir(fd);
  if (fd >= 0 && opened == nullptr) close(fd);
  return {opened, [](DIR* open) {
            if (open != nullptr) closedir(open);
          }};
}

std::set<std::string> names_in(const Directory& directory) {
  std::set<std::string> names;
  while (const dirent* entry = readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.insert(std::move(name));
  }
  return names;
}

std::string printable(const std::string& path) {
  std::string text;
  for (char character : path) {
    if (character >= ' ' && character <= '~') {
      text += character;
    } else {
      std::array<char, 5> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned char>(character));
      text += code.data();
    }
  }
  return text;
}

bool read_block(int fd, std::vector<char>& block, off_t offset, std::size_t& got) {
  got = 0;
  while (got < block.size()) {
    ssize_t count =
        pread(fd, block.data() + got, block.size() - got, offset + static_cast<off_t>(got));
    if (count < 0) return false;
    if (count == 0) return true;
    got += static_cast<std::size_t>(count);
  }
  return true;
}

bool same_content(int fd_a, int fd_b) {
  static std::vector<char> block_a(1 << 20);
  static std::vector<char> block_b(1 << 20);
  for (off_t offset = 0;; offset += static_cast<off_t>(block_a.size())) {
    std::size_t got_a = 0;
    std::size_t got_b = 0;
    if (!read_block(fd_a, block_a, offset, got_a)) return false;
    if (!read_block(fd_b, block_b, offset, got_b)) return false;
    auto end = block_a.begin() + static_cast<std::ptrdiff_t>(got_a);
    if (got_a != got_b || !std::equal(block_a.begin(), end, block_b.begin())) return false;
    if (got_a < block_a.size()) return true;
  }
}

std::string link_text(int at, const std::string& name) {
  std::string text(1 << 16, '\0');
  ssize_t size = readlinkat(at, name.c_str(), text.data(), text.size());
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

using Inode = std::pair<dev_t, ino_t>;

class Comparison {
 public:
  explicit Comparison(const Expectation& expectation) : expect_(expectation) {}

  void folders(const fs::path& source, const fs::path& target) {
    compare({open_directory(AT_FDCWD, source), open_directory(AT_FDCWD, target), ""});
    while (!left_.empty()) {
      Both above = std::move(left_.back());
      left_.pop_back();
      std::string name = above.path.substr(above.path.rfind('/') + 1);
      compare({open_directory(dirfd(above.source.get()), name),
               open_directory(dirfd(above.target.get()), name), above.path});
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  // The same directory on both sides; in `left_` the ones above the directory of that path.
  struct Both {
    Directory source;
    Directory target;
    std::string path;
  };

  void say(const std::string& path, const std::string& what) {
    found_.push_back(printable(path) + ": " + what);
  }

  void compare(const Both& both) {
    if (!both.source || !both.target) return say(both.path, "cannot be listed");
    std::set<std::string> names = names_in(both.source);
    for (const std::string& name : names_in(both.target)) {
      if (!names.contains(name)) say(both.path + "/" + name, "only in the target");
    }
    for (const std::string& name : names) entries(both, name);
  }

  void entries(const Both& both, const std::string& name) {
    const std::string path = both.path + "/" + name;
    const int source = dirfd(both.source.get());
    const int target = dirfd(both.target.get());
    struct stat from{};
    struct stat to{};
    if (fstatat(source, name.c_str(), &from, AT_SYMLINK_NOFOLLOW) != 0)
      return say(path, "cannot look at the source");
    if (fstatat(target, name.c_str(), &to, AT_SYMLINK_NOFOLLOW) != 0)
      return say(path, "missing in the target");
    if ((from.st_mode & S_IFMT) != (to.st_mode & S_IFMT)) return say(path, "another type");
    attributes(from, to, path);
    const bool known = links(from, to, path);
    if (S_ISREG(from.st_mode) && !known) {
      if (from.st_size != to.st_size)
        say(path, "another size");
      else
        contents(both, name, path);
    } else if (S_ISLNK(from.st_mode)) {
      if (link_text(source, name) != link_text(target, name)) say(path, "another link text");
    } else if (S_ISDIR(from.st_mode)) {
      left_.push_back({both.source, both.target, path});
    } else if (!S_ISREG(from.st_mode) && from.st_rdev != to.st_rdev) {
      say(path, "another device");
    }
  }

  void contents(const Both& both, const std::string& name, const std::string& path) {
    constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
    int source = openat(dirfd(both.source.get()), name.c_str(), kRead);
    int target = openat(dirfd(both.target.get()), name.c_str(), kRead);
    if (source < 0 || target < 0)
      say(path, "cannot be read");
    else if (!same_content(source, target))
      say(path, "another content");
    for (int fd : {source, target}) {
      if (fd >= 0) close(fd);
    }
  }

  void attributes(const struct stat& from, const struct stat& to, const std::string& path) {
    bool link = S_ISLNK(from.st_mode);
    mode_t mode = from.st_mode & 07777;
    if (expect_.set_id_dropped && !S_ISDIR(from.st_mode)) mode &= ~06000u;
    if (!link && mode != (to.st_mode & 07777)) say(path, "another mode");
    if (to.st_uid != expect_.owner.value_or(from.st_uid)) say(path, "another owner");
    if (to.st_gid != expect_.group.value_or(from.st_gid)) say(path, "another group");
    bool same_time =
        from.st_mtim.tv_sec == to.st_mtim.tv_sec && from.st_mtim.tv_nsec == to.st_mtim.tv_nsec;
    if (!same_time && (!link || expect_.symlink_times)) say(path, "another mtime");
  }

  // Two names are one file in the target if and only if they are in the source. True when the same
  // two files were compared under another name.
  bool links(const struct stat& from, const struct stat& to, const std::string& path) {
    if (S_ISDIR(from.st_mode)) return false;
    Inode source{from.st_dev, from.st_ino};
    Inode target{to.st_dev, to.st_ino};
    auto [known, fresh] = target_of_.try_emplace(source, target);
    if (!fresh && known->second != target) say(path, "not linked to its other name");
    auto [back, fresh_back] = source_of_.try_emplace(target, source);
    if (!fresh_back && back->second != source) say(path, "linked to another file");
    return !fresh && known->second == target;
  }

  Expectation expect_;
  std::vector<Both> left_;
  std::vector<std::string> found_;
  std::map<Inode, Inode> target_of_;
  std::map<Inode, Inode> source_of_;
};

}  // namespace

std::vector<std::string> differences(const fs::path& source, const fs::path& target,
                                     const Expectation& expectation) {
  Comparison comparison(expectation);
  comparison.folders(source, target);
  return comparison.take();
}

std::vector<std::string> temporaries(const fs::path& folder) {
  std::vector<std::string> found;
  std::vector<std::pair<Directory, std::string>> left{{open_directory(AT_FDCWD, folder), ""}};
  while (!left.empty()) {
    auto [directory, path] = std::move(left.back());
    left.pop_back();
    if (!directory) return {folder.string() + " cannot be listed"};
    for (const std::string& name : names_in(directory)) {
      if (name.starts_with(".nfsferry-")) found.push_back(printable(path + "/" + name));
      // What is no directory does not open as one.
      Directory inner = open_directory(dirfd(directory.get()), name);
      if (inner) left.emplace_back(std::move(inner), path + "/" + name);
    }
  }
  return found;
}

}  // namespace nfsferry::test
