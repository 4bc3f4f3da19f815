// The life of a file, top to bottom. A small one: read whole, many in one request; hashed; put
// whole, many in one request, in place when that returns. A large one: a window of reads feeds a
// window of writes to a temporary, hashed in file order; committed; checked for change; finished
// and renamed. A small file that was cut short or changed goes the way of the large ones.
#include <algorithm>
#include <map>

#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

bool same_content(const Attributes& listed, const Attributes& after) {
  return listed.size_bytes == after.size_bytes && listed.mtime == after.mtime;
}

bool must_start_over(const Error& error) {
  Treatment treat = treatment(error);
  return treat == Treatment::kReopen || treat == Treatment::kRedo;
}

}  // namespace

bool means_vanished(const Error& error) {
  if (error.domain == Domain::kNfs4 || error.domain == Domain::kNfs3) {
    return error.code == static_cast<std::uint32_t>(Nfsstat4::kNoent) ||
           error.code == static_cast<std::uint32_t>(Nfsstat4::kStale);
  }
  return error.is_errno(ENOENT) || error.is_errno(ESTALE);
}

Task<void> Worker::carrier() {
  for (;;) {
    Work work = co_await queue_.take();
    if (work.kind == WorkKind::kNothing) co_return;
    if (shared_.stopping()) {
      for (const WorkItem& item : work.items) entry_done(item);
    } else if (work.kind == WorkKind::kSmallFiles) {
      co_await copy_small_files(std::move(work.items));
    } else if (work.kind == WorkKind::kSymlinks) {
      co_await copy_symlinks(std::move(work.items));
    } else if (work.kind == WorkKind::kSpecials) {
      co_await copy_specials(std::move(work.items));
    } else {
      co_await copy_large_file(std::move(work.items.front()), 1);
    }
    if (work.kind == WorkKind::kLargeFile) queue_.large_file_done();
  }
}

Task<void> Worker::copy_small_files(std::vector<WorkItem> items) {
  std::vector<SourceItem> wanted;
  wanted.reserve(items.size());
  for (const WorkItem& item : items) {
    wanted.push_back(SourceItem{item.node->source.get(), &item.entry});
  }
  auto read = co_await source_.read_files(wanted);

  std::vector<WorkItem> to_put;
  std::vector<SmallFile> contents;
  std::vector<WorkItem> by_ranges;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!read[i]) {
      source_failed(items[i], read[i].error(), 1);
    } else if (read[i]->complete && same_content(items[i].entry.attributes, read[i]->after)) {
      to_put.push_back(std::move(items[i]));
      contents.push_back(*std::move(read[i]));
    } else {
      by_ranges.push_back(std::move(items[i]));
    }
  }
  auto cut_short = co_await put_small_files(std::move(to_put), std::move(contents));
  std::move(cut_short.begin(), cut_short.end(), std::back_inserter(by_ranges));
  for (WorkItem& item : by_ranges) {
    ++shared_.counters.retries;
    co_await copy_large_file(std::move(item), 2);
  }
}

// Returns the files whose content the target would not take whole.
Task<std::vector<WorkItem>> Worker::put_small_files(std::vector<WorkItem> items,
                                                    std::vector<SmallFile> contents) {
  std::vector<PutFile> requests;
  std::vector<std::size_t> asked;
  requests.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto attributes = shared_.ownership.of(items[i].entry.attributes);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    requests.push_back(PutFile{items[i].node->target.get(), items[i].entry.name,
                               contents[i].data.bytes, *std::move(attributes)});
    asked.push_back(i);
  }
  auto put = co_await target_.put_files(requests, ReadBack::kNo);
  std::vector<WorkItem> cut_short;
  for (std::size_t j = 0; j < asked.size(); ++j) {
    std::size_t i = asked[j];
    if (put[j]) {
      shared_.counters.bytes_sent += contents[i].data.bytes.size();
      file_in_place(items[i], contents[i].data.bytes.size(), hash_of(contents[i].data.bytes));
    } else if (put[j].error().is(Own::kShortWrite)) {
      cut_short.push_back(std::move(items[i]));
    } else {
      target_failed(items[i], put[j].error(), 1);
    }
  }
  co_return cut_short;
}

// One attempt at a file that goes by ranges.
struct Worker::LargeCopy {
  WorkItem item;
  Attributes expected;  // as listed, or as they were before this attempt
  Attributes after;
  std::unique_ptr<SourceFile> source;
  std::unique_ptr<TargetFile> target;
  bool target_at_fault = false;

  std::uint64_t next_offset = 0;     // of the next range to be read
  std::optional<std::uint64_t> eof;  // found before the expected end
  std::optional<Error> failed;
  ContentHash hash;
  std::uint64_t hashed = 0;                // bytes, in file order
  std::map<std::uint64_t, Chunk> waiting;  // written, not yet hashed

  void add_to_hash(std::uint64_t offset, Chunk chunk) {
    waiting.emplace(offset, std::move(chunk));
    for (auto next = waiting.begin(); next != waiting.end() && next->first == hashed;
         next = waiting.erase(next)) {
      hash.update(next->second.bytes);
      hashed += next->second.bytes.size();
    }
  }
};

Task<void> Worker::copy_large_file(WorkItem item, std::uint32_t attempts) {
  Attributes expected = item.entry.attributes;
  for (;; ++attempts) {
    LargeCopy copy;
    copy.item = item;
    copy.expected = expected;
    bool last = attempts >= kAttemptsMost;
    Status copied = co_await copy_large_once(copy);
    bool changed = copied && !same_content(copy.expected, copy.after);
    if (copied && changed && !last) {
      copied = own_error(Own::kChangedDuringCopy, "READ");
      expected = copy.after;
    }
    if (copied) {
      // The times are those of the content that was read.
      copy.item.entry.attributes = copy.after;
      auto attributes = shared_.ownership.of(copy.after);
      if (attributes) {
        copied = co_await copy.target->finish(*std::move(attributes));
        copy.target.reset();  // in place, or removed
      } else {
        copied = std::move(attributes).error();
      }
      copy.target_at_fault = !copied;
    }
    if (copied) {
      if (changed) ++shared_.counters.changed;
      file_in_place(copy.item, copy.hashed, copy.hash.value());
      co_return;
    }
    Error error = std::move(copied).error();
    if (copy.target) co_await copy.target->abandon();
    bool again = error.is(Own::kChangedDuringCopy) || must_start_over(error);
    if (again && !last && !shared_.stopping()) {
      ++shared_.counters.retries;
      continue;
    }
    if (copy.target_at_fault)
      target_failed(item, error, attempts);
    else
      source_failed(item, error, attempts);
    co_return;
  }
}

Task<Status> Worker::copy_large_once(LargeCopy& copy) {
  const WorkItem& item = copy.item;
  auto attributes = shared_.ownership.of(item.entry.attributes);
  if (!attributes) co_return std::move(attributes).error();
  SourceItem wanted{item.node->source.get(), &item.entry};
  auto source = co_await source_.open_file(wanted);
  if (!source) co_return std::move(source).error();
  copy.source = *std::move(source);

  auto target = co_await target_.create_file(item.node->target, item.entry.name, *attributes);
  Status copied = ok();
  if (target) {
    copy.target = *std::move(target);
    copied = co_await pump(copy);
  } else {
    copy.target_at_fault = true;
    copied = std::move(target).error();
  }
  if (copied) {
    copied = co_await copy.target->commit(copy.hashed);
    copy.target_at_fault = !copied;
  }
  if (copied) {
    auto after = co_await copy.source->attributes();
    if (after)
      copy.after = *std::move(after);
    else
      copied = std::move(after).error();
  }
  Status closed = co_await copy.source->close();
  if (copied && !closed) co_return closed;
  co_return copied;
}

// Ranges in parallel, bounded per file and over all files.
Task<Status> Worker::pump(LargeCopy& copy) {
  std::uint64_t ranges = (copy.expected.size_bytes + range_size_ - 1) / range_size_;
  std::size_t lanes = static_cast<std::size_t>(std::min<std::uint64_t>(ranges, kRangesPerFile));
  TaskGroup group;
  for (std::size_t i = 0; i < lanes; ++i) group.spawn(pump_lane(copy));
  co_await group.join();
  if (copy.failed) co_return *std::move(copy.failed);
  if (shared_.stopping()) co_return own_error(Own::kCancelled, "copy", "interrupted");
  bool whole = copy.hashed == copy.expected.size_bytes || copy.eof == copy.hashed;
  if (!whole) co_return own_error(Own::kChangedDuringCopy, "READ", "it has holes in its listing");
  co_return ok();
}

Task<void> Worker::pump_lane(LargeCopy& copy) {
  while (!copy.failed && !copy.eof && copy.next_offset < copy.expected.size_bytes &&
         !shared_.stopping()) {
    std::uint64_t offset = copy.next_offset;
    std::uint64_t length = std::min<std::uint64_t>(range_size_, copy.expected.size_bytes - offset);
    copy.next_offset += length;
    co_await range_bytes_.acquire(range_size_);
    Status done = co_await pump_range(copy, offset, length);
    range_bytes_.release(range_size_);
    if (!done && !copy.failed) copy.failed = std::move(done).error();
  }
}

// One range: read, in pieces where the server cuts, each written and hashed.
Task<Status> Worker::pump_range(LargeCopy& copy, std::uint64_t offset, std::uint64_t length) {
  while (length > 0 && !copy.failed) {
    auto range = co_await copy.source->read(offset, static_cast<std::uint32_t>(length));
    if (!range) co_return std::move(range).error();
    std::uint64_t size = range->data.bytes.size();
    if (size > 0) {
      Status written = co_await copy.target->write(offset, range->data.bytes);
      if (!written) {
        copy.target_at_fault = true;
        co_return written;
      }
      shared_.counters.bytes_sent += size;
      copy.add_to_hash(offset, std::move(range->data));
    }
    offset += size;
    length -= size;
    if (range->eof && length > 0) {
      copy.eof = std::min(copy.eof.value_or(offset), offset);
      break;
    }
    if (size == 0) co_return own_error(Own::kBadReply, "READ", "no data and no end of file");
  }
  co_return ok();
}

void Worker::file_in_place(const WorkItem& item, std::uint64_t size_bytes, const Hash128& hash) {
  ++shared_.counters.files_done;
  shared_.counters.bytes_written += size_bytes;
  shared_.add_digest(item.node->path_of(item.entry.name), hash);
  if (item.entry.attributes.link_count > 1) shared_.hard_links.copied(item.entry);
  entry_done(item);
}

void Worker::source_failed(const WorkItem& item, const Error& error, std::uint32_t attempts) {
  if (means_vanished(error)) {
    ++shared_.counters.vanished;
    return entry_done(item);
  }
  target_failed(item, error, attempts);
}

void Worker::target_failed(const WorkItem& item, const Error& error, std::uint32_t attempts) {
  shared_.entry_failed(Phase::kTransfer, item.node->path_of(item.entry.name), error, attempts);
  entry_done(item);
}

void Worker::entry_done(const WorkItem& item) { release(item.node); }

}  // namespace nfsferry::copy
