#include "folder_compare.hpp"

#include <sys/stat.h>

#include <fstream>
#include <map>
#include <set>

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

bool same_content(const fs::path& a, const fs::path& b) {
  std::ifstream in_a(a, std::ios::binary);
  std::ifstream in_b(b, std::ios::binary);
  static std::vector<char> block_a(1 << 20);
  static std::vector<char> block_b(1 << 20);
  for (;;) {
    in_a.read(block_a.data(), static_cast<std::streamsize>(block_a.size()));
    in_b.read(block_b.data(), static_cast<std::streamsize>(block_b.size()));
    if (in_a.gcount() != in_b.gcount()) return false;
    if (in_a.gcount() == 0) return true;
    if (!std::equal(block_a.begin(), block_a.begin() + in_a.gcount(), block_b.begin())) {
      return false;
    }
  }
}

using Inode = std::pair<dev_t, ino_t>;

class Comparison {
 public:
  Comparison(const Expectation& expectation) : expect_(expectation) {}

  void folders(const fs::path& source, const fs::path& target, const std::string& path) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(source)) names.insert(entry.path().filename());
    for (const auto& entry : fs::directory_iterator(target)) {
      std::string name = entry.path().filename();
      if (!names.contains(name)) say(path + "/" + name, "only in the target");
    }
    for (const std::string& name : names) {
      entries(source / name, target / name, path + "/" + name);
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  void say(const std::string& path, const std::string& what) {
    found_.push_back(path + ": " + what);
  }

  void entries(const fs::path& source, const fs::path& target, const std::string& path) {
    struct stat from{};
    struct stat to{};
    if (lstat(source.c_str(), &from) != 0) return say(path, "cannot look at the source");
    if (lstat(target.c_str(), &to) != 0) return say(path, "missing in the target");
    if ((from.st_mode & S_IFMT) != (to.st_mode & S_IFMT)) return say(path, "another type");
    attributes(from, to, path);
    links(from, to, path);
    if (S_ISREG(from.st_mode)) {
      if (from.st_size != to.st_size)
        say(path, "another size");
      else if (!same_content(source, target))
        say(path, "another content");
    } else if (S_ISLNK(from.st_mode)) {
      if (fs::read_symlink(source) != fs::read_symlink(target)) say(path, "another link text");
    } else if (S_ISDIR(from.st_mode)) {
      folders(source, target, path);
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

  // Two names are one file in the target if and only if they are in the source.
  void links(const struct stat& from, const struct stat& to, const std::string& path) {
    if (S_ISDIR(from.st_mode)) return;
    Inode source{from.st_dev, from.st_ino};
    Inode target{to.st_dev, to.st_ino};
    auto [known, fresh] = target_of_.try_emplace(source, target);
    if (!fresh && known->second != target) say(path, "not linked to its other name");
    auto [back, fresh_back] = source_of_.try_emplace(target, source);
    if (!fresh_back && back->second != source) say(path, "linked to another file");
  }

  Expectation expect_;
  std::vector<std::string> found_;
  std::map<Inode, Inode> target_of_;
  std::map<Inode, Inode> source_of_;
};

}  // namespace

std::vector<std::string> differences(const fs::path& source, const fs::path& target,
                                     const Expectation& expectation) {
  Comparison comparison(expectation);
  comparison.folders(source, target, "");
  return comparison.take();
}

std::vector<std::string> temporaries(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string name = entry.path().filename();
    if (name.starts_with(".nfsferry-")) found.push_back(entry.path());
  }
  return found;
}

}  // namespace nfsferry::test
