#include "tree/memory_volume.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "tree/lock_holder.hpp"
#include "tree/release_flat.hpp"

namespace nfsferry {
namespace {

Time now() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds);
  return Time{seconds.count(), static_cast<std::uint32_t>(rest.count())};
}

FileSystemId next_fsid() {
  static std::atomic<std::uint64_t> last{0};
  return FileSystemId{0x6d656d, ++last};
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void MemoryContent::resize(std::uint64_t size_bytes) {
  if (size_bytes < size_bytes_) {
    std::uint64_t kept = size_bytes / kBlockBytes;
    if (auto block = blocks_.find(kept); block != blocks_.end()) {
      auto end = block->second.begin() + static_cast<std::ptrdiff_t>(size_bytes % kBlockBytes);
      std::fill(end, block->second.end(), std::byte{});
    }
    blocks_.erase(blocks_.upper_bound(kept), blocks_.end());
  }
  size_bytes_ = size_bytes;
}

void MemoryContent::write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::uint64_t within = offset_bytes % kBlockBytes;
    std::size_t count = std::min<std::size_t>(bytes.size(), kBlockBytes - within);
    auto& block = blocks_[offset_bytes / kBlockBytes];
    block.resize(kBlockBytes);
    std::memcpy(block.data() + within, bytes.data(), count);
    offset_bytes += count;
    bytes = bytes.subspan(count);
    size_bytes_ = std::max(size_bytes_, offset_bytes);
  }
}

std::size_t MemoryContent::read(std::uint64_t offset_bytes, std::span<std::byte> into) const {
  if (offset_bytes >= size_bytes_) return 0;
  std::size_t wanted = std::min<std::uint64_t>(into.size(), size_bytes_ - offset_bytes);
  for (std::size_t done = 0; done < wanted;) {
    std::uint64_t within = (offset_bytes + done) % kBlockBytes;
    std::size_t count = std::min<std::size_t>(wanted - done, kBlockBytes - within);
    auto block = blocks_.find((offset_bytes + done) / kBlockBytes);
    if (block == blocks_.end()) {
      std::memset(into.data() + done, 0, count);
    } else {
      std::memcpy(into.data() + done, block->second.data() + within, count);
    }
    done += count;
  }
  return wanted;
}

MemoryNode::~MemoryNode() {
  for (auto& [name, node] : entries) release_flat(std::move(node));
}

MemoryVolume::MemoryVolume() : fsid_(next_fsid()), root_(std::make_shared<MemoryNode>()) {
  root_->attributes.type = FileType::kDirectory;
  root_->attributes.mode = 0755;
  root_->attributes.fsid = fsid_;
  root_->attributes.fileid = ++last_fileid_;
  root_->attributes.link_count = 2;
  touch(*root_);
}

bool MemoryVolume::edit(std::string_view path, const std::function<void(MemoryNode&)>& change) {
  std::lock_guard guard(mutex_);
  MemoryNode* node = root_.get();
  while (!path.empty()) {
    std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    if (name.empty()) continue;
    auto found = node->entries.find(name);
    if (found == node->entries.end()) return false;
    node = found->second.get();
  }
  change(*node);
  if (node->attributes.type == FileType::kDirectory) {
    node->attributes.link_count = 2;
    for (const auto& [name, child] : node->entries) {
      if (child->attributes.type == FileType::kDirectory) ++node->attributes.link_count;
    }
  }
  measure(*node);
  node->attributes.change = ++last_change_;
  return true;
}

Attributes MemoryVolume::attributes(const MemoryNode& node) const {
  std::lock_guard guard(mutex_);
  return node.attributes;
}

Result<MemoryNodePtr> MemoryVolume::find(const MemoryNode& directory, std::string_view name) const {
  std::lock_guard guard(mutex_);
  auto found = seek(directory, name);
  if (found == directory.entries.end()) return errno_error(ENOENT, "lookup", name);
  return found->second;
}

std::vector<Entry> MemoryVolume::list(const MemoryNode& directory, std::string_view after,
                                      std::size_t count, bool& eof) const {
  std::lock_guard guard(mutex_);
  std::vector<Entry> page;
  auto entry = directory.entries.upper_bound(after);
  for (; entry != directory.entries.end() && page.size() < count; ++entry) {
    const MemoryNode& node = *entry->second;
    page.push_back(Entry{entry->first, node.attributes, {}, node.losses});
  }
  eof = entry == directory.entries.end();
  return page;
}

Result<std::string> MemoryVolume::text(const MemoryNode& node) const {
  std::lock_guard guard(mutex_);
  if (node.attributes.type != FileType::kSymlink) return errno_error(EINVAL, "readlink");
  return node.text;
}

std::size_t MemoryVolume::read(const MemoryNode& node, std::uint64_t offset_bytes,
                               std::span<std::byte> into) const {
  std::lock_guard guard(mutex_);
  return node.content.read(offset_bytes, into);
}

Result<MemoryNodePtr> MemoryVolume::create(MemoryNode& directory, std::string_view name,
                                           const Attributes& attributes, std::string_view text) {
  std::lock_guard guard(mutex_);
  if (directory.attributes.link_count == 0) return errno_error(ENOENT, "create", name);
  if (seek(directory, name) != directory.entries.end()) {
    return errno_error(EEXIST, "create", name);
  }
  auto node = std::make_shared<MemoryNode>();
  node->attributes = attributes;
  node->attributes.fsid = fsid_;
  node->attributes.fileid = ++last_fileid_;
  bool is_directory = attributes.type == FileType::kDirectory;
  node->attributes.link_count = is_directory ? 2 : 1;
  if (is_directory) ++directory.attributes.link_count;
  node->attributes.atime = now();
  node->text = std::string(text);
  directory.entries.emplace(name, node);
  touch(*node);
  touch(directory);
  return node;
}

void MemoryVolume::write(MemoryNode& node, std::uint64_t offset_bytes,
                         std::span<const std::byte> bytes) {
  std::lock_guard guard(mutex_);
  node.content.write(offset_bytes, bytes);
  touch(node);
}

void MemoryVolume::resize(MemoryNode& node, std::uint64_t size_bytes) {
  std::lock_guard guard(mutex_);
  node.content.resize(size_bytes);
  touch(node);
}

void MemoryVolume::set_attributes(MemoryNode& node, const NewAttributes& attributes) {
  constexpr std::uint32_t kSetIdBits = 06000;
  std::lock_guard guard(mutex_);
  Attributes& own = node.attributes;
  if (attributes.owner) own.owner = Owner{*attributes.owner, {}};
  if (attributes.group) own.group = Owner{*attributes.group, {}};
  if ((attributes.owner || attributes.group) && own.type == FileType::kRegular) {
    own.mode &= ~kSetIdBits;
  }
  if (attributes.mode && own.type != FileType::kSymlink) own.mode = *attributes.mode & 07777;
  if (attributes.mtime) own.mtime = *attributes.mtime;
  if (attributes.atime) own.atime = *attributes.atime;
  own.change = ++last_change_;
}

Status MemoryVolume::link(const MemoryNodePtr& node, MemoryNode& directory, std::string_view name) {
  std::lock_guard guard(mutex_);
  if (node->attributes.type == FileType::kDirectory) return errno_error(EPERM, "link", name);
  if (directory.attributes.link_count == 0) return errno_error(ENOENT, "link", name);
  if (seek(directory, name) != directory.entries.end()) return errno_error(EEXIST, "link", name);
  directory.entries.emplace(name, node);
  ++node->attributes.link_count;
  node->attributes.change = ++last_change_;
  touch(directory);
  return ok();
}

Status MemoryVolume::rename(MemoryNode& directory, std::string_view from, std::string_view to) {
  std::lock_guard guard(mutex_);
  auto source = seek(directory, from);
  if (source == directory.entries.end()) return errno_error(ENOENT, "rename", from);
  MemoryNodePtr node = source->second;
  bool is_directory = node->attributes.type == FileType::kDirectory;
  if (auto old = seek(directory, to); old != directory.entries.end()) {
    if (old->second == node) return ok();
    bool onto_directory = old->second->attributes.type == FileType::kDirectory;
    if (onto_directory && !is_directory) return errno_error(EISDIR, "rename", to);
    if (!onto_directory && is_directory) return errno_error(ENOTDIR, "rename", to);
    if (!old->second->entries.empty()) return errno_error(ENOTEMPTY, "rename", to);
    unlink(directory, to);
  }
  directory.entries.erase(seek(directory, from));
  directory.entries.emplace(to, node);
  node->attributes.change = ++last_change_;
  touch(directory);
  return ok();
}

Status MemoryVolume::move(MemoryNode& directory, std::string_view from,
                          const MemoryNodePtr& to_directory, std::string_view to) {
  std::lock_guard guard(mutex_);
  auto source = seek(directory, from);
  if (source == directory.entries.end()) return errno_error(ENOENT, "move", from);
  if (to_directory->attributes.link_count == 0) return errno_error(ENOENT, "move", to);
  if (seek(*to_directory, to) != to_directory->entries.end()) {
    return errno_error(EEXIST, "move", to);
  }
  MemoryNodePtr node = source->second;
  if (holds(*node, to_directory.get())) return errno_error(EINVAL, "move", from);
  directory.entries.erase(source);
  to_directory->entries.emplace(to, node);
  if (node->attributes.type == FileType::kDirectory) {
    --directory.attributes.link_count;
    ++to_directory->attributes.link_count;
  }
  node->attributes.change = ++last_change_;
  touch(directory);
  touch(*to_directory);
  return ok();
}

// Whether the node is this one or below it.
bool MemoryVolume::holds(const MemoryNode& node, const MemoryNode* wanted) {
  if (&node == wanted) return true;
  return std::any_of(node.entries.begin(), node.entries.end(),
                     [wanted](const auto& entry) { return holds(*entry.second, wanted); });
}

Status MemoryVolume::remove(MemoryNode& directory, std::string_view name, bool is_directory) {
  std::lock_guard guard(mutex_);
  auto found = seek(directory, name);
  if (found == directory.entries.end()) return errno_error(ENOENT, "remove", name);
  bool found_directory = found->second->attributes.type == FileType::kDirectory;
  if (found_directory != is_directory) {
    return errno_error(found_directory ? EISDIR : ENOTDIR, "remove", name);
  }
  if (!found->second->entries.empty()) return errno_error(ENOTEMPTY, "remove", name);
  unlink(directory, name);
  return ok();
}

Result<std::string> MemoryVolume::lock_root(const std::string& run_id) {
  std::lock_guard guard(mutex_);
  if (lock_count_ > 0 && lock_holder_ != run_id) {
    Error error = own_error(Own::kLocked, "lock", "run '" + lock_holder_ + "' holds the target");
    error.path = std::string(kLockName);
    return error;
  }
  if (lock_count_++ == 0) lock_mark_ = LockHolder::this_process(run_id).mark;
  lock_holder_ = run_id;
  return lock_mark_;
}

void MemoryVolume::unlock_root() {
  std::lock_guard guard(mutex_);
  check(lock_count_ > 0, "the root is unlocked more often than locked");
  --lock_count_;
}

MemoryVolume::Entries::const_iterator MemoryVolume::seek(const MemoryNode& directory,
                                                         std::string_view name) const {
  auto found = directory.entries.find(name);
  if (found != directory.entries.end() || !ignores_case_) return found;
  return std::find_if(directory.entries.begin(), directory.entries.end(),
                      [name](const auto& entry) { return equal_but_for_case(entry.first, name); });
}

void MemoryVolume::touch(MemoryNode& node) {
  measure(node);
  node.attributes.mtime = now();
  node.attributes.change = ++last_change_;
}

void MemoryVolume::unlink(MemoryNode& directory, std::string_view name) {
  auto found = seek(directory, name);
  MemoryNodePtr node = found->second;
  directory.entries.erase(found);
  if (node->attributes.type == FileType::kDirectory) {
    node->attributes.link_count = 0;  // gone: takes no entries any more, whoever still holds it
    --directory.attributes.link_count;
  } else {
    --node->attributes.link_count;
  }
  node->attributes.change = ++last_change_;
  touch(directory);
}

void MemoryVolume::measure(MemoryNode& node) {
  Attributes& own = node.attributes;
  switch (own.type) {
    case FileType::kRegular: own.size_bytes = node.content.size_bytes(); break;
    case FileType::kSymlink: own.size_bytes = node.text.size(); break;
    case FileType::kDirectory: own.size_bytes = node.entries.size(); break;
    default: own.size_bytes = 0;
  }
}

}  // namespace nfsferry
