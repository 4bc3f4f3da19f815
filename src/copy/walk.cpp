// Directories: listed by several coroutines at once, made in batches, written into as soon as
// they exist, finished deepest first when all that is in them is done.
#include "base/escape.hpp"
#include "base/log.hpp"
#include "copy/refusals.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kFinishMost = 256;

}  // namespace

Task<std::optional<NodePtr>> Worker::next_directory() {
  for (;;) {
    if (shared_.stopping()) co_return std::nullopt;
    if (auto node = shared_.directories.try_pop()) co_return node;
    if (shared_.directories.finished()) co_return std::nullopt;
    co_await news_->wait();
  }
}

Task<void> Worker::walker() {
  for (;;) {
    auto node = co_await next_directory();
    if (!node) co_return;
    co_await list_directory(*std::move(node));
    shared_.directories.done();
  }
}

Task<void> Worker::list_directory(NodePtr node) {
  auto failed = [&](const Error& error) {
    shared_.entry_failed(Phase::kPrepare, node->path(), error, 1);
  };
  if (!node->source) {
    auto opened = co_await source_.open_directory(node->parent->source, node->entry);
    if (opened)
      node->source = *std::move(opened);
    else
      failed(opened.error());
  }
  if (node->source) {
    auto listing = source_.list(node->source);
    if (!listing) failed(listing.error());
    for (bool more = listing.has_value(); more && !shared_.stopping();) {
      auto page = co_await (*listing)->next();
      if (!page) {
        failed(page.error());
        break;
      }
      more = !page->eof;
      co_await take_page(node, *std::move(page));
    }
  }
  release(std::move(node));
}

Task<void> Worker::take_page(NodePtr node, ListingPage page) {
  for (const Error& error : page.refused) {
    shared_.entry_failed(Phase::kPrepare, node->path_of(error.path), error, 1);
  }
  std::vector<Entry> subdirectories;
  for (Entry& entry : page.entries) {
    if (is_skipped(node, entry)) continue;
    if (entry.attributes.type == FileType::kDirectory) {
      subdirectories.push_back(std::move(entry));
    } else {
      co_await take_entry(node, std::move(entry));
    }
  }
  page.entries.clear();
  page.entries.shrink_to_fit();
  if (!subdirectories.empty()) co_await take_subdirectories(node, std::move(subdirectories));
}

// Left-overs of NFS clients and of our own runs; other file systems; devices nobody can hold.
bool Worker::is_skipped(const NodePtr& node, const Entry& entry) {
  bool leftover = entry.name.starts_with(".nfs");  // ".nfs0000...", ".nfsferry-..."
  if (leftover && entry.attributes.type != FileType::kDirectory) {
    ++shared_.counters.leftovers_skipped;
    return true;
  }
  if (entry.attributes.fsid != node->entry.attributes.fsid) {
    log(LogLevel::kWarning,
        "not entered, another file system: " + escape_for_terminal(node->path_of(entry.name)));
    return true;
  }
  bool device = entry.attributes.type == FileType::kBlockDevice ||
                entry.attributes.type == FileType::kCharacterDevice;
  bool other = entry.attributes.type == FileType::kOther;
  if (other || (device && !target_.capabilities().devices)) {
    ++shared_.counters.special_skipped;
    log(LogLevel::kWarning, "skipped, the target holds no " +
                                std::string(file_type_name(entry.attributes.type)) + ": " +
                                escape_for_terminal(node->path_of(entry.name)));
    return true;
  }
  return false;
}

Task<void> Worker::take_entry(const NodePtr& node, Entry entry) {
  ++shared_.counters.files_found;
  const Attributes& attributes = entry.attributes;
  bool regular = attributes.type == FileType::kRegular;
  ++node->pending;
  bool linked = regular && attributes.link_count > 1 && target_.capabilities().hard_links;
  if (linked && !shared_.hard_links.first(node, entry)) co_return;  // linked when files are done
  if (regular) shared_.counters.bytes_found += attributes.size_bytes;
  WorkItem item{node, std::move(entry)};
  co_await queue_.add(std::move(item));
}

// A source that holds the target would be copied into itself for ever: ends the run.
Task<bool> Worker::is_target(NodePtr node, const Entry& entry) {
  const Attributes& root = target_.root_entry().attributes;
  const Attributes& here = entry.attributes;
  if (here.fileid != root.fileid || here.fsid != root.fsid) co_return false;
  auto opened = co_await source_.open_directory(node->source, entry);
  if (!opened) co_return false;  // listing it will say why
  auto same =
      co_await is_target_root(source_, *std::move(opened), here, target_, shared_.options.run_id);
  if (!same || !*same) co_return false;
  shared_.abort(own_error(
      Own::kSameDirectory, "copy",
      "the target lies inside the source, at " + escape_for_terminal(node->path_of(entry.name))));
  co_return true;
}

Task<void> Worker::take_subdirectories(NodePtr node, std::vector<Entry> entries) {
  std::vector<MakeDirectory> requests;
  std::vector<Entry> wanted;
  for (Entry& entry : entries) {
    bool inside_itself = co_await is_target(node, entry);
    if (inside_itself) co_return;
    auto attributes = shared_.ownership.of(entry.attributes);
    if (!attributes) {
      shared_.entry_failed(Phase::kPrepare, node->path_of(entry.name), attributes.error(), 1);
      continue;
    }
    requests.push_back(MakeDirectory{node->target, entry.name, *std::move(attributes)});
    wanted.push_back(std::move(entry));
  }
  auto made = co_await target_.make_directories(requests);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!made[i]) {
      shared_.entry_failed(Phase::kTransfer, node->path_of(wanted[i].name), made[i].error(), 1);
      continue;
    }
    if (made[i]->created)
      ++shared_.counters.folders_created;
    else
      ++shared_.counters.folders_found_there;
    auto child = std::make_shared<DirectoryNode>();
    child->parent = node;
    child->entry = std::move(wanted[i]);
    const Attributes& now = made[i]->entry.attributes;
    child->owned = now.owner.is_numeric() && now.owner.id == requests[i].attributes.owner &&
                   now.group.is_numeric() && now.group.id == requests[i].attributes.group;
    child->target = std::move(made[i]->directory);
    ++node->pending;
    ++shared_.directories_left;
    if (shared_.directories.try_push(child)) continue;
    if (shared_.stopping())
      release(std::move(child));
    else
      co_await list_directory(std::move(child));  // full: go deeper here, memory stays bounded
  }
}

// One of the things a directory waits for is done; the last one sends it to be finished.
void Worker::release(NodePtr node) {
  if (--node->pending > 0) return;
  to_finish_.push_back(std::move(node));
  news_->pulse();
}

// Attributes of directories whose contents are complete, many per request. A finished directory
// releases its parent, so depth needs no second walk.
Task<void> Worker::finisher() {
  while (shared_.directories_left > 0) {
    if (to_finish_.empty()) {
      if (shared_.stopping() && shared_.links_made) co_return;
      co_await news_->wait();
      continue;
    }
    std::vector<NodePtr> nodes;
    std::vector<SetAttributes> requests;
    while (!to_finish_.empty() && nodes.size() < kFinishMost) {
      nodes.push_back(std::move(to_finish_.back()));
      to_finish_.pop_back();
    }
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!nodes[i]->parent) continue;  // the root keeps its own attributes
      auto attributes = shared_.ownership.of(nodes[i]->entry.attributes);
      if (!attributes) continue;  // said when it was found
      if (nodes[i]->owned) attributes->owner = attributes->group = std::nullopt;
      requests.push_back(SetAttributes{nodes[i]->target, {}, *std::move(attributes)});
      asked.push_back(i);
    }
    auto results = co_await target_.set_attributes(requests);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i]) continue;
      shared_.entry_failed(Phase::kTransfer, nodes[asked[i]]->path(), results[i].error(), 1);
    }
    for (NodePtr& node : nodes) {
      NodePtr parent = node->parent;
      node.reset();
      if (--shared_.directories_left == 0) shared_.directories.wake();
      if (parent) release(std::move(parent));
    }
  }
}

}  // namespace nfsferry::copy
