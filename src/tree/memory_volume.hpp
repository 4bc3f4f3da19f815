// A file system in memory: what MemoryTree objects work on, as connections work on a server.
// Names, hard links, times and change numbers behave as on a disk; nothing checks permissions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tree/attributes.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// The bytes of a file; gaps take no memory and read as zeros.
class MemoryContent {
 public:
  std::uint64_t size_bytes() const { return size_bytes_; }
  void resize(std::uint64_t size_bytes);
  void write(std::uint64_t offset_bytes, std::span<const std::byte> bytes);
  // The number of bytes read: fewer than asked for only at the end.
  std::size_t read(std::uint64_t offset_bytes, std::span<std::byte> into) const;

 private:
  static constexpr std::uint64_t kBlockBytes = 64 << 10;
  std::map<std::uint64_t, std::vector<std::byte>> blocks_;  // by number, each kBlockBytes long
  std::uint64_t size_bytes_ = 0;
};

struct MemoryNode {
  Attributes attributes;
  std::vector<Loss> losses;                                                 // as listings tell them
  MemoryContent content;                                                    // of a regular file
  std::string text;                                                         // of a symlink
  std::map<std::string, std::shared_ptr<MemoryNode>, std::less<>> entries;  // of a directory

  MemoryNode() = default;
  MemoryNode(const MemoryNode&) = delete;
  MemoryNode& operator=(const MemoryNode&) = delete;
  ~MemoryNode();
};
using MemoryNodePtr = std::shared_ptr<MemoryNode>;

// Thread-safe: every function takes the volume's one mutex. Errors are of the errno domain.
class MemoryVolume {
 public:
  MemoryVolume();

  // From now on names that differ in the case of ASCII letters alone are one name, kept as it was
  // first given.
  void ignore_case() { ignores_case_ = true; }

  // Behind the trees' back, for tests: calls `change` with the node at a path ("/a/b"), then
  // brings size, link count and change number up to date. False: nothing is there.
  bool edit(std::string_view path, const std::function<void(MemoryNode&)>& change);

  MemoryNodePtr root() const { return root_; }
  Attributes attributes(const MemoryNode& node) const;
  Result<MemoryNodePtr> find(const MemoryNode& directory, std::string_view name) const;
  // Up to `count` entries whose names come after `after`; sets eof.
  std::vector<Entry> list(const MemoryNode& directory, std::string_view after, std::size_t count,
                          bool& eof) const;
  Result<std::string> text(const MemoryNode& node) const;
  std::size_t read(const MemoryNode& node, std::uint64_t offset_bytes,
                   std::span<std::byte> into) const;

  // A new entry without content. Errors: EEXIST; ENOENT when the directory has been removed.
  Result<MemoryNodePtr> create(MemoryNode& directory, std::string_view name,
                               const Attributes& attributes, std::string_view text = {});
  void write(MemoryNode& node, std::uint64_t offset_bytes, std::span<const std::byte> bytes);
  void resize(MemoryNode& node, std::uint64_t size_bytes);
  void set_attributes(MemoryNode& node, const NewAttributes& attributes);
  // Errors: EEXIST, EPERM (a directory), ENOENT as above.
  Status link(const MemoryNodePtr& node, MemoryNode& directory, std::string_view name);
  // Within a directory, replacing what is no directory. Errors: ENOENT, EISDIR, ENOTDIR. Names of
  // the same node stay as they are, both, as POSIX wants it.
  Status rename(MemoryNode& directory, std::string_view from, std::string_view to);
  // To another directory. Errors: ENOENT, EEXIST, EINVAL (into itself).
  Status move(MemoryNode& directory, std::string_view from, const MemoryNodePtr& to_directory,
              std::string_view to);
  // Errors: ENOENT, EISDIR, ENOTDIR, ENOTEMPTY.
  Status remove(MemoryNode& directory, std::string_view name, bool is_directory);

  // The run's lock; returns its mark. Errors: kLocked with the holder's name.
  Result<std::string> lock_root(const std::string& run_id);
  void unlock_root();

 private:
  void touch(MemoryNode& node);  // content or entries changed: size, mtime and change
  void unlink(MemoryNode& directory, std::string_view name);
  static void measure(MemoryNode& node);
  static bool holds(const MemoryNode& node, const MemoryNode* wanted);
  using Entries = std::map<std::string, MemoryNodePtr, std::less<>>;
  Entries::const_iterator seek(const MemoryNode& directory, std::string_view name) const;

  mutable std::mutex mutex_;
  const FileSystemId fsid_;
  bool ignores_case_ = false;
  MemoryNodePtr root_;
  std::uint64_t last_fileid_ = 0;
  std::uint64_t last_change_ = 0;
  std::string lock_holder_;
  std::string lock_mark_;
  std::uint32_t lock_count_ = 0;
};

}  // namespace nfsferry
