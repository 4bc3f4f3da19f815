#include "copy/survey.hpp"

#include "copy/scope.hpp"

namespace nfsferry::copy {

Survey::Survey(Shared& shared, Source& source, std::uint64_t small_most)
    : shared_(shared),
      small_most_(small_most),
      walk_(
          shared, source, [this](const NodePtr& node, Entry& entry) { visit(node, entry); },
          started_ + kDurationMost) {}

Task<void> Survey::go() {
  co_await walk_.go();
  auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  report_.duration_ms = static_cast<std::uint64_t>(taken.count());
  report_.files_filtered = shared_.counters.files_filtered;
  report_.folders_filtered = shared_.counters.folders_filtered;
  report_.complete = !walk_.over();
  shared_.walk_finished = report_.complete;
}

void Survey::visit(const NodePtr& node, Entry& entry) {
  if (entry.attributes.type == FileType::kDirectory)
    ++report_.directories;
  else
    count(node, std::move(entry));
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
  if (!first_names_.is_first(attributes)) {
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
