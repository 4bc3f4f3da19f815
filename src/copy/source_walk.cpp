#include "copy/source_walk.hpp"

#include <algorithm>

#include "copy/scope.hpp"
#include "copy/start_over.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr unsigned kLanesMost = 16;

}  // namespace

Task<void> SourceWalk::go() {
  auto root = std::make_shared<DirectoryNode>();
  root->entry = source_.root_entry();
  root->source = source_.root();
  shared_.directories.try_push(std::move(root));
  unsigned lanes = std::min(kLanesMost, source_.preferences().requests_in_flight);
  TaskGroup group;
  for (unsigned i = 0; i < std::max(lanes, 1u); ++i) group.spawn(lane());
  co_await group.join();
}

bool SourceWalk::over() const { return shared_.stopping() || (end_ && Clock::now() > *end_); }

Task<void> SourceWalk::lane() {
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

Task<void> SourceWalk::list(NodePtr node) {
  Status listed = co_await list_pages(node);
  bool vanished = !listed && means_vanished(listed.error()) && node->parent;
  if (!listed && !vanished) {
    shared_.entry_failed(Phase::kPrepare, node->path(), listed.error(), 1, FailedAt::kSource);
  }
}

Task<Status> SourceWalk::list_pages(NodePtr node) {
  if (!node->source) {
    auto opened = co_await source_.open_directory(node->parent->source, node->entry);
    if (!opened) co_return std::move(opened).error();
    node->source = *std::move(opened);
  }
  std::vector<Hash128> met;  // what a listing that is started over shows again
  for (unsigned restarts = 0;; ++restarts) {
    Status listed = co_await list_once(node, met);
    bool again = !listed && means_start_over(listed.error()) && restarts < kRestartsMost;
    if (!again) co_return listed;
    ++shared_.counters.retries;
    std::sort(met.begin(), met.end());
  }
}

Task<Status> SourceWalk::list_once(NodePtr node, std::vector<Hash128>& met) {
  const std::size_t before = met.size();
  auto listing = source_.list(node->source);
  if (!listing) co_return std::move(listing).error();
  auto is_new = [&](const std::string& name) {
    Hash128 key = name_key(name, shared_.name_seed);
    auto known = met.begin() + static_cast<std::ptrdiff_t>(before);
    if (std::binary_search(met.begin(), known, key)) return false;
    met.push_back(key);
    return true;
  };
  for (bool more = true; more && !over();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    more = !page->eof;
    for (const Error& error : page->refused) {
      if (!is_new(error.path)) continue;
      std::string path = node->path_of(error.path);
      shared_.entry_failed(Phase::kPrepare, std::move(path), error, 1, FailedAt::kSource);
    }
    for (Entry& entry : page->entries) {
      if (!is_new(entry.name) || shared_.filters_out(*node, entry)) continue;
      bool inside = !is_beyond(entry, node->entry.attributes.fsid, shared_.options);
      if (!inside || is_leftover(entry, shared_.options)) continue;
      if (entry.attributes.type == FileType::kDirectory)
        co_await enter(node, std::move(entry));
      else
        visit_(node, entry);
    }
  }
  co_return ok();
}

Task<void> SourceWalk::enter(NodePtr node, Entry entry) {
  Status ends = node->refuse_endless(entry);
  if (!ends) {
    shared_.entry_failed(Phase::kPrepare, node->path_of(entry.name), ends.error(), 1);
    co_return;
  }
  visit_(node, entry);
  NodePtr child = DirectoryNode::child_of(std::move(node), std::move(entry));
  if (shared_.directories.try_push(child))
    news_.pulse();
  else
    co_await list(std::move(child));  // full: go deeper here, memory stays bounded
}

bool FirstNames::is_first(const Attributes& attributes) {
  if (attributes.link_count < 2) return true;
  return met_.insert(attributes.number()).second;
}

}  // namespace nfsferry::copy
