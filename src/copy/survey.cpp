#include "copy/survey.hpp"

#include <algorithm>

#include "copy/scope.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr unsigned kLanesMost = 16;

}  // namespace

Task<void> Survey::go() {
  auto root = std::make_shared<DirectoryNode>();
  root->entry = source_.root_entry();
  root->source = source_.root();
  shared_.directories.try_push(std::move(root));
  unsigned lanes = std::min(kLanesMost, source_.preferences().requests_in_flight);
  TaskGroup group;
  for (unsigned i = 0; i < std::max(lanes, 1u); ++i) group.spawn(lane());
  co_await group.join();
  auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  report_.duration_ms = static_cast<std::uint64_t>(taken.count());
  report_.files_filtered = shared_.counters.files_filtered;
  report_.folders_filtered = shared_.counters.folders_filtered;
  report_.complete = !over();
  shared_.walk_finished = report_.complete;
}

bool Survey::over() const { return shared_.stopping() || Clock::now() - started_ > kDurationMost; }

Task<void> Survey::lane() {
  while (!over() && !shared_.directories.finished()) {
    auto node = shared_.directories.try_pop();
    if (node) {
      co_await list(*std::move(node));
      shared_.directories.done();
      news_.pulse();
    } else {
      co_await news_.wait();
    }
  }
  news_.pulse();
}

Task<void> Survey::list(NodePtr node) {
  Status listed = co_await list_pages(node);
  bool vanished = !listed && means_vanished(listed.error()) && node->parent;
  if (!listed && !vanished) {
    shared_.entry_failed(Phase::kPrepare, node->path(), listed.error(), 1);
  }
}

Task<Status> Survey::list_pages(NodePtr node) {
  if (!node->source) {
    auto opened = co_await source_.open_directory(node->parent->source, node->entry);
    if (!opened) co_return std::move(opened).error();
    node->source = *std::move(opened);
  }
  auto listing = source_.list(node->source);
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more && !over();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    more = !page->eof;
    for (const Error& error : page->refused) {
      shared_.entry_failed(Phase::kPrepare, node->path_of(error.path), error, 1);
    }
    for (Entry& entry : page->entries) {
      if (shared_.filters_out(*node, entry)) continue;
      bool inside = !is_beyond(entry, node->entry.attributes.fsid, shared_.options);
      if (!inside || is_leftover(entry, shared_.options)) continue;
      if (entry.attributes.type == FileType::kDirectory)
        co_await enter(node, std::move(entry));
      else
        count(node, std::move(entry));
    }
  }
  co_return ok();
}

Task<void> Survey::enter(NodePtr node, Entry entry) {
  Status ends = node->refuse_endless(entry);
  if (!ends) {
    shared_.entry_failed(Phase::kPrepare, node->path_of(entry.name), ends.error(), 1);
    co_return;
  }
  ++report_.directories;
  NodePtr child = DirectoryNode::child_of(std::move(node), std::move(entry));
  if (shared_.directories.try_push(child))
    news_.pulse();
  else
    co_await list(std::move(child));  // full: go deeper here, memory stays bounded
}

void Survey::count(const NodePtr& node, Entry entry) {
  const Attributes& attributes = entry.attributes;
  ++shared_.counters.entries_found;
  if (is_device(attributes.type)) ++report_.devices;
  if (attributes.type == FileType::kSymlink) ++report_.symlinks;
  if (attributes.type == FileType::kFifo || attributes.type == FileType::kSocket) {
    ++report_.specials;
  }
  if (attributes.type != FileType::kRegular) return;
  bool first =
      attributes.link_count < 2 ||
      linked_.emplace(attributes.fsid.major, attributes.fsid.minor, attributes.fileid).second;
  if (!first) {
    ++report_.hard_links;
    return;
  }
  ++report_.files;
  report_.bytes += attributes.size_bytes;
  shared_.counters.bytes_found += attributes.size_bytes;
  if (attributes.size_bytes > small_most_) {
    ++report_.large_files;
    report_.large_bytes += attributes.size_bytes;
    sample(large_, kLargeSample, report_.large_files, WorkItem{node, std::move(entry)});
  } else {
    std::uint64_t seen = report_.files - report_.large_files;
    sample(small_, kSmallSample, seen, WorkItem{node, std::move(entry)});
  }
}

void Survey::sample(std::vector<WorkItem>& kept, std::size_t most, std::uint64_t seen,
                    WorkItem item) {
  if (kept.size() < most) return kept.push_back(std::move(item));
  std::uniform_int_distribution<std::uint64_t> any(0, seen - 1);
  std::uint64_t at = any(random_);
  if (at < most) kept[at] = std::move(item);
}

}  // namespace nfsferry::copy
