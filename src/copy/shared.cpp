#include "copy/shared.hpp"

#include <algorithm>
#include <random>

#include "base/treatment.hpp"

namespace nfsferry::copy {

void LeftOut::add(const Hash128& key) {
  std::lock_guard lock(mutex_);
  if (!closed_ && keys_.size() < kMost) keys_.insert(key);
}

bool LeftOut::has(const Hash128& key) const {
  std::lock_guard lock(mutex_);
  return keys_.contains(key);
}

void LeftOut::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  keys_.clear();
}

std::string DirectoryNode::path() const {
  if (!parent) return {};
  return parent->path_of(entry.name);
}

std::string DirectoryNode::path_of(std::string_view name) const {
  std::string out;
  write_path_of(name, out);
  return out;
}

// From its end, in one piece of memory: a path is made for each file.
void DirectoryNode::write_path_of(std::string_view name, std::string& out) const {
  std::size_t size = name.size();
  for (const DirectoryNode* node = this; node->parent; node = node->parent.get())
    size += node->entry.name.size() + 1;
  out.assign(size, '/');
  out.replace(size -= name.size(), name.size(), name);
  for (const DirectoryNode* node = this; node->parent; node = node->parent.get()) {
    const std::string& above = node->entry.name;
    out.replace(size -= above.size() + 1, above.size(), above);
  }
}

void SerialObserver::on_progress(const Progress& progress) {
  std::lock_guard lock(mutex_);
  observer_.on_progress(progress);
}

void SerialObserver::on_failure(const Failure& failure) {
  std::lock_guard lock(mutex_);
  observer_.on_failure(failure);
}

void SerialObserver::on_entry(const EntryRecord& record) {
  std::lock_guard lock(mutex_);
  observer_.on_entry(record);
}

void Failures::add(Phase phase, std::string path, const Error& error, std::uint32_t attempts,
                   bool say) {
  Failure failure{std::move(path), error.operation, error.name(), error.message(), attempts};
  std::lock_guard lock(mutex_);
  ++count_;
  ++by_phase_[static_cast<std::size_t>(phase)];
  if (say) observer_.on_failure(failure);
  bool difference = error.is(Own::kDiffers) || error.is(Own::kMissing);
  if (kept_.size() < kFailuresKept)
    kept_.push_back(std::move(failure));
  else if (difference && !difference_kept_)
    kept_.back() = std::move(failure);
  difference_kept_ = difference_kept_ || difference;
}

void Failures::give_to(CopyReport& report) {
  std::lock_guard lock(mutex_);
  report.failed_prepare = by_phase_[0];
  report.failed_transfer = by_phase_[1];
  report.failed_verify = by_phase_[2];
  report.failed_delete = by_phase_[3];
  report.failures_truncated = count_ > kept_.size();
  report.failures = std::move(kept_);
}

bool DirectoryQueue::try_push(NodePtr node) {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || stack_.size() >= kMost) return false;
    stack_.push_back(std::move(node));
  }
  wake();
  return true;
}

std::optional<NodePtr> DirectoryQueue::try_pop() {
  std::lock_guard lock(mutex_);
  if (closed_ || stack_.empty()) return {};
  NodePtr node = std::move(stack_.back());
  stack_.pop_back();
  ++listing_;
  return node;
}

std::size_t DirectoryQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return stack_.size();
}

void DirectoryQueue::done() {
  {
    std::lock_guard lock(mutex_);
    --listing_;
  }
  if (finished()) wake();
}

bool DirectoryQueue::finished() const {
  std::lock_guard lock(mutex_);
  return closed_ || (stack_.empty() && listing_ == 0);
}

void DirectoryQueue::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake();
}

void DirectoryQueue::add_waker(const void* owner, std::function<void()> waker) {
  std::lock_guard lock(wakers_mutex_);
  wakers_.emplace(owner, std::move(waker));
}

void DirectoryQueue::remove_waker(const void* owner) {
  std::lock_guard lock(wakers_mutex_);
  wakers_.erase(owner);
}

void DirectoryQueue::wake() {
  std::lock_guard lock(wakers_mutex_);
  for (const auto& [owner, waker] : wakers_) waker();
}

NodePtr DirectoryNode::child_of(NodePtr parent, Entry entry) {
  auto child = std::make_shared<DirectoryNode>();
  child->depth = parent->depth + 1;
  child->parent = std::move(parent);
  child->entry = std::move(entry);
  return child;
}

bool DirectoryNode::is_overtaken() const {
  const DirectoryNode* node = this;
  while (node != nullptr && !node->replaced) node = node->parent.get();
  return node != nullptr;
}

// Whether this directory or one that holds it is the entry, or the depth is no real tree's.
Status DirectoryNode::refuse_endless(const Entry& directory) const {
  const Attributes& here = directory.attributes;
  auto is_same = [&](const Entry& other) {
    if (here.fileid == 0) return !other.handle.empty() && other.handle == directory.handle;
    return other.attributes.number() == here.number();
  };
  const DirectoryNode* node = this;
  while (node != nullptr && !is_same(node->entry)) node = node->parent.get();
  if (node == nullptr && depth < kDepthMost) return ok();
  return own_error(Own::kListingLoops, "list",
                   "the directory holds itself, or the tree is too deep to be one");
}

HardLinks::Place HardLinks::add(LinkedName name) {
  std::lock_guard lock(mutex_);
  auto [found, inserted] = groups_.try_emplace(name.entry.attributes.number());
  Group& group = found->second;
  if (inserted) {
    group.node = name.node;
    group.name = name.entry.name;
    group.size_bytes = name.entry.attributes.size_bytes;
    group.mtime = name.entry.attributes.mtime;
    return Place::kFirst;
  }
  const Attributes& here = name.entry.attributes;
  bool believed = here.size_bytes == group.size_bytes && here.mtime == group.mtime &&
                  group.others.size() + 1 < here.link_count;
  if (!believed) return Place::kFirst;
  group.others.push_back(std::move(name));
  return Place::kLater;
}

void HardLinks::in_place(const NodePtr& node, const Entry& entry, FileNumber target,
                         std::optional<FileHash> hash) {
  std::lock_guard lock(mutex_);
  auto found = groups_.find(entry.attributes.number());
  bool first =
      found != groups_.end() && found->second.node == node && found->second.name == entry.name;
  if (!first) return;
  found->second.in_place = true;
  found->second.target = target;
  found->second.hash = hash;
}

bool HardLinks::claim(const FileNumber& target) {
  std::lock_guard lock(mutex_);
  return claimed_.insert(target).second;
}

std::vector<HardLinks::Group> HardLinks::take() {
  std::lock_guard lock(mutex_);
  std::vector<Group> out;
  for (auto& [key, group] : groups_) {
    if (!group.others.empty()) out.push_back(std::move(group));
  }
  groups_.clear();
  return out;
}

HardLinks::Group HardLinks::take_group(const Entry& entry) {
  std::lock_guard lock(mutex_);
  auto node = groups_.extract(entry.attributes.number());
  return node.empty() ? Group{} : std::move(node.mapped());
}

std::uint64_t Shared::random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

void Shared::walker_left() {
  if (--walkers_left > 0) return;
  walk_finished = true;
  work.close();
}

void Shared::abort(Error error) {
  {
    std::lock_guard lock(mutex_);
    if (!abort_error_) abort_error_ = std::move(error);
  }
  stopping_ = true;
  pace.end();
  directories.close();
  large_crew.dissolve();
}

std::optional<Error> Shared::abort_error() {
  std::lock_guard lock(mutex_);
  return abort_error_;
}

void Shared::entry_failed(Phase phase, std::string path, const Error& error, std::uint32_t attempts,
                          FailedAt at) {
  if (stopping() && error.is(Own::kCancelled)) return;  // not tried, or undone, because we stop
  Treatment treat = treatment(error);
  failures.add(phase, std::move(path), error, attempts, !stopping());
  bool full = treat == Treatment::kNoSpace && at == FailedAt::kTarget;
  if (treat == Treatment::kFatal || full) abort(error);
}

bool Shared::filters_out(const DirectoryNode& node, const Entry& entry) {
  if (filter.empty()) return false;
  bool directory = entry.attributes.type == FileType::kDirectory;
  if (!filter.leaves_out(node.path_of(entry.name), directory)) return false;
  ++(directory ? counters.folders_filtered : counters.files_filtered);
  return true;
}

void Shared::add_digest(std::string_view path, const Hash128& hash) {
  std::lock_guard lock(mutex_);
  digest_.add(path, hash);
}

std::string Shared::digest() {
  std::lock_guard lock(mutex_);
  return digest_.hex();
}

}  // namespace nfsferry::copy
