#include "copy/survey.hpp"

#include <algorithm>

#include "copy/scope.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr unsigned kLanesMost = 16;

}  // namespace

Task<void> Survey::go() {
  stack_.push_back({source_.root(), source_.root_entry().attributes.fsid, {}});
  unsigned lanes = std::min(kLanesMost, source_.preferences().requests_in_flight);
  TaskGroup group;
  for (unsigned i = 0; i < std::max(lanes, 1u); ++i) group.spawn(lane());
  co_await group.join();
  auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  report_.duration_ms = static_cast<std::uint64_t>(taken.count());
  report_.complete = !over();
  shared_.walk_finished = report_.complete;
}

bool Survey::over() const { return shared_.stopping() || Clock::now() - started_ > kDurationMost; }

Task<void> Survey::lane() {
  while (!over()) {
    if (stack_.empty()) {
      if (listing_ == 0) break;
      co_await news_.wait();
      continue;
    }
    Place place = std::move(stack_.back());
    stack_.pop_back();
    ++listing_;
    co_await list(std::move(place));
    --listing_;
    news_.pulse();
  }
  news_.pulse();
}

Task<void> Survey::list(Place place) {
  Status listed = co_await list_pages(place);
  bool vanished = !listed && means_vanished(listed.error()) && !place.path.empty();
  if (!listed && !vanished) {
    shared_.entry_failed(Phase::kPrepare, std::move(place.path), listed.error(), 1);
  }
}

Task<Status> Survey::list_pages(const Place& place) {
  auto listing = source_.list(place.directory);
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more && !over();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    more = !page->eof;
    for (const Error& error : page->refused) {
      shared_.entry_failed(Phase::kPrepare, place.path + error.path, error, 1);
    }
    for (Entry& entry : page->entries) {
      bool inside = !is_beyond(entry, place.fsid, shared_.options);
      if (!inside || is_leftover(entry, shared_.options)) continue;
      if (entry.attributes.type == FileType::kDirectory) {
        ++report_.directories;
        co_await enter(place, entry);
      } else {
        count(place, std::move(entry));
      }
    }
  }
  co_return ok();
}

Task<void> Survey::enter(const Place& place, const Entry& entry) {
  auto opened = co_await source_.open_directory(place.directory, entry);
  if (!opened) {
    shared_.entry_failed(Phase::kPrepare, place.path + entry.name, opened.error(), 1);
    co_return;
  }
  Place child{*std::move(opened), entry.attributes.fsid, place.path + entry.name + "/"};
  if (stack_.size() < kDirectoriesWaiting) {
    stack_.push_back(std::move(child));
    news_.pulse();
  } else {
    co_await list(std::move(child));  // full: go deeper here, memory stays bounded
  }
}

void Survey::count(const Place& place, Entry entry) {
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
    sample(large_, kLargeSample, report_.large_files, place, std::move(entry));
  } else {
    std::uint64_t seen = report_.files - report_.large_files;
    sample(small_, kSmallSample, seen, place, std::move(entry));
  }
}

void Survey::sample(std::vector<SampledFile>& kept, std::size_t most, std::uint64_t seen,
                    const Place& place, Entry entry) {
  std::size_t at = kept.size();
  if (at == most) {
    at = static_cast<std::size_t>(
        std::uniform_int_distribution<std::uint64_t>(0, seen - 1)(random_));
  } else {
    kept.emplace_back();
  }
  if (at >= most) return;
  std::string path = place.path + entry.name;
  kept[at] = SampledFile{place.directory, std::move(entry), std::move(path)};
}

}  // namespace nfsferry::copy
