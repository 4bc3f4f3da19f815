// The end of directories: attributes once all that is in them is done, deepest first.
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kFinishMost = 256;

}  // namespace

// One of the things a directory waits for is done; the last one sends it to be finished.
void Worker::release(NodePtr node) {
  if (--node->pending > 0) return;
  to_finish_.push_back(std::move(node));
  news_->pulse();
}

// Many directories per request. A finished one releases its parent, so depth needs no second walk.
Task<void> Worker::finisher() {
  while (shared_.directories_left > 0) {
    if (to_finish_.empty()) {
      if (shared_.stopping() && shared_.all_but_directories_done) co_return;
      co_await news_->wait();
      continue;
    }
    std::vector<NodePtr> nodes;
    while (!to_finish_.empty() && nodes.size() < kFinishMost) {
      nodes.push_back(std::move(to_finish_.back()));
      to_finish_.pop_back();
    }
    co_await finish(std::move(nodes));
  }
}

// Whether attributes that were wrong are set, and nothing else was done in the directory. The
// root's time is always wrong: the lock's file comes and goes in it.
bool Worker::is_repaired(const DirectoryNode& node) const {
  if (!node.existed || node.touched) return false;
  if (node.parent) return !node.attributes_right;
  auto target = wanted(node.entry);
  TargetTable table(shared_.name_seed, false);
  table.add(target_.root_entry());
  return target &&
         (compare(node.entry.attributes, *target, table.rows().front(), shared_.target_can) &
          ~kTime) != 0;
}

// Whether nobody but root can make something in the target's directory; who is root is not known.
bool Worker::locks_out(const DirectoryNode& node) const {
  bool finished_later = node.parent || shared_.options.root_attributes;
  return writing() && node.existed && (node.target_mode & 0300) != 0300 && finished_later &&
         !node.opened_up;
}

// Until it is finished. Where that fails it is tried once, and what is made in it says why.
Task<void> Worker::open_up(NodePtr node) {
  std::vector<SetAttributes> one(1);
  one[0].parent = node->target;
  one[0].attributes.mode = node->target_mode | 0700;
  node->touched = true;
  (void)co_await target_.set_attributes(one);
  node->opened_up = true;
}

Task<void> Worker::finish(std::vector<NodePtr> nodes) {
  std::vector<SetAttributes> requests;
  std::vector<std::size_t> asked;
  std::optional<std::size_t> synced_alone;  // of the requests: the root's, without attributes
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const DirectoryNode& node = *nodes[i];
    bool root = !node.parent;
    if (node.replaced_by || node.removed) continue;
    if (verifying()) continue;
    bool left_alone = root && !shared_.options.root_attributes;
    if (root && !left_alone) {
      auto given = wanted(node.entry);
      left_alone = !given;
      if (!given) failed_directory(Phase::kTransfer, node, given.error());
    }
    if (left_alone) {
      bool sync = writing() && node.touched && shared_.target_can.names_need_sync;
      if (!sync) continue;
      synced_alone = requests.size();
      requests.push_back(SetAttributes{node.target, {}, {}});
      asked.push_back(i);
      continue;
    }
    bool right = node.attributes_right && !node.touched;
    if (right) {
      tell_directory(node, EntryAction::kSkipped);
      continue;
    }
    if (!writing()) {
      would_finish(node);
      continue;
    }
    auto attributes = wanted(node.entry);
    if (!attributes) continue;  // said when it was found
    if (node.owned) attributes->owner = attributes->group = std::nullopt;
    requests.push_back(SetAttributes{node.target, {}, *std::move(attributes)});
    asked.push_back(i);
  }
  std::vector<Status> results;
  if (!requests.empty()) results = co_await target_.set_attributes(requests);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const DirectoryNode& node = *nodes[asked[i]];
    if (results[i] && synced_alone != i) {
      if (is_repaired(node)) ++shared_.counters.metadata_repaired;
      if (!node.existed) count_owner(node.entry);
      tell_directory(node, node.existed ? EntryAction::kMetadata : EntryAction::kCopied);
    } else if (!results[i]) {
      failed_directory(Phase::kTransfer, node, results[i].error());
    }
  }
  for (NodePtr& node : nodes) {
    NodePtr parent = node->parent;
    NodePtr replacement = std::move(node->replaced_by);
    node.reset();
    if (--shared_.directories_left == 0) shared_.directories.wake();
    if (replacement) release(std::move(replacement));
    if (parent) release(std::move(parent));
  }
}

}  // namespace nfsferry::copy
