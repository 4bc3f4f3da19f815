// The life of a file, top to bottom. A small one: read whole, many in one request; hashed; put
// whole, many in one request, read back and in place when that returns. A large one: a window of
// reads feeds a window of writes to a temporary, each read back, hashed in file order, by several
// threads where others have nothing to do; committed; checked for change; finished and renamed.
// Where nobody has to see the bytes, the trees are asked to copy a large file without us first. A
// small file that was cut short, changed or came back wrong goes the way of the large ones, and so
// does one with long runs of zeros, which are not sent.
#include <algorithm>

#include "base/log.hpp"
#include "base/treatment.hpp"
#include "copy/ranges.hpp"
#include "copy/worker_parts.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::copy {
namespace {

bool must_start_over(const Error& error) {
  Treatment treat = treatment(error);
  return treat == Treatment::kReopen || treat == Treatment::kRedo || error.is(Own::kVerifyMismatch);
}

// What is on its way ends with a server that is started again, however often that happens. A bound
// all the same: a server may say so each time.
constexpr std::uint32_t kServerLossesMost = 30;  // of one file

bool lost_with_server(const Error& error) {
  return treatment(error) == Treatment::kReopen || error.is(Own::kWriteVerifierChanged);
}

bool goes_by_ranges(const Error& error) {
  return error.is(Own::kShortWrite) || error.is(Own::kVerifyMismatch);
}

}  // namespace

std::vector<SourceItem> in_source(const std::vector<WorkItem>& items) {
  std::vector<SourceItem> out;
  out.reserve(items.size());
  for (const WorkItem& item : items) {
    out.push_back(SourceItem{item.node->source.get(), &item.entry});
  }
  return out;
}

std::vector<SourceItem> in_target(const std::vector<WorkItem>& items) {
  std::vector<SourceItem> out;
  out.reserve(items.size());
  for (const WorkItem& item : items) {
    out.push_back(SourceItem{item.node->target.get(), item.there.get()});
  }
  return out;
}

// Until the limit lets the content of small files be read. False when the run has come to its end
// by then: the files are done with.
Task<bool> Worker::await_content(const std::vector<WorkItem>& items) {
  std::uint64_t bytes = 0;
  for (const WorkItem& item : items) bytes += item.entry.attributes.size_bytes;
  co_await shared_.pace.await_bytes(loop_, bytes);
  if (!shared_.stopping()) co_return true;
  for (const WorkItem& item : items) entry_done(item);
  co_return false;
}

Task<void> Worker::copy_small_files(std::vector<WorkItem> items) {
  bool go_on = co_await await_content(items);
  if (!go_on) co_return;
  std::vector<SourceItem> asked = in_source(items);
  auto read = co_await source_.read_files(asked);

  std::vector<WorkItem> to_put;
  std::vector<SmallFile> contents;
  std::vector<WorkItem> by_ranges;
  to_put.reserve(items.size());
  contents.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!read[i]) {
      co_await source_failed(std::move(items[i]), read[i].error(), 1);
    } else if (read[i]->complete && is_unchanged(items[i].entry.attributes, read[i]->after) &&
               !has_zero_run(read[i]->data.bytes, kZerosNotSent)) {
      to_put.push_back(std::move(items[i]));
      contents.push_back(*std::move(read[i]));
    } else {
      by_ranges.push_back(std::move(items[i]));
    }
  }
  auto cut_short = co_await put_small_files(std::move(to_put), std::move(contents));
  for (WorkItem& item : by_ranges) co_await copy_large_file(std::move(item), 1);
  for (WorkItem& item : cut_short) {
    ++shared_.counters.retries;
    co_await copy_large_file(std::move(item), 2);
  }
}

// Returns the files that are to be tried again, by ranges.
Task<std::vector<WorkItem>> Worker::put_small_files(std::vector<WorkItem> items,
                                                    std::vector<SmallFile> contents) {
  std::vector<PutFile> requests;
  std::vector<std::size_t> asked;
  requests.reserve(items.size());
  asked.reserve(items.size());
  std::vector<Status> kept = co_await keep_replaced(items);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!kept[i]) {
      target_failed(items[i], kept[i].error(), 1);
      continue;
    }
    auto attributes = wanted(items[i].entry);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    requests.push_back(PutFile{items[i].node->target.get(), items[i].entry.name,
                               contents[i].data.bytes, *std::move(attributes)});
    asked.push_back(i);
  }
  ReadBack read_back = shared_.verifies() ? ReadBack::kCompare : ReadBack::kNo;
  auto put = co_await target_.put_files(requests, read_back);
  std::vector<WorkItem> again;
  for (std::size_t j = 0; j < asked.size(); ++j) {
    std::size_t i = asked[j];
    std::span<const std::byte> bytes = contents[i].data.bytes;
    if (put[j]) {
      shared_.counters.bytes_sent += bytes.size();
      bool sparse = items[i].entry.attributes.used_bytes < bytes.size();
      if (sparse) co_await note_holes(items[i], zeros_left_out(bytes, kZeroStep));
      file_in_place(items[i], bytes.size(), hash_content(bytes, shared_.hashing()), false);
    } else if (goes_by_ranges(put[j].error())) {
      again.push_back(std::move(items[i]));
    } else {
      target_failed(items[i], put[j].error(), 1);
    }
  }
  co_return again;
}

Task<void> Worker::copy_large_file(WorkItem item, std::uint32_t attempts) {
  Attributes expected = item.entry.attributes;
  std::uint32_t losses = 0;
  for (;; ++attempts) {
    Transfer transfer(item, expected, range_size_, shared_.hashing());
    bool last = attempts >= kAttemptsMost;
    Status copied = co_await copy_once(transfer);
    const FileRanges& ranges = transfer.file->ranges;
    bool same = copied && is_unchanged(transfer.expected, transfer.after);
    // A server whose attributes do not tell that it ended earlier would have the loss hidden.
    bool cut_short = same && ranges.hashed_bytes() != transfer.after.size_bytes;
    bool changed = copied && !same;
    if (cut_short || (changed && !last)) {
      copied = own_error(Own::kChangedDuringCopy, "READ");
      expected = transfer.after;
    }
    WorkItem in_place = item;
    if (copied) {
      // The times are those of the content that was read. What changed until the end keeps an
      // earlier time, so that the next run copies it again.
      in_place.entry.attributes = transfer.after;
      Time& mtime = in_place.entry.attributes.mtime;
      if (changed) mtime = shared_.target_can.told_from_later(transfer.expected.mtime);
      auto attributes = wanted(in_place.entry);
      if (!attributes) copied = attributes.error();
      if (copied) copied = co_await keep_replaced(item);
      if (copied) {
        copied = co_await transfer.target->finish(*std::move(attributes));
        transfer.target.reset();  // in place, or removed
      }
      transfer.target_at_fault = !copied;
    }
    if (copied) {
      if (changed) ++shared_.counters.changed;
      co_await note_holes(in_place, ranges.zero_bytes());
      file_in_place(in_place, ranges.hashed_bytes(), ranges.hash(), changed);
      co_return;
    }
    Error error = std::move(copied).error();
    if (transfer.target) co_await transfer.target->abandon();
    bool again = error.is(Own::kChangedDuringCopy) || must_start_over(error);
    bool lost = lost_with_server(error) && ++losses <= kServerLossesMost;
    if (again && (lost || !last) && !shared_.stopping()) {
      ++shared_.counters.retries;
      if (lost) --attempts;
      continue;
    }
    if (transfer.target_at_fault)
      target_failed(item, error, attempts);
    else
      co_await source_failed(std::move(item), std::move(error), attempts);
    co_return;
  }
}

Task<Status> Worker::copy_once(Transfer& transfer) {
  const WorkItem& item = transfer.item();
  auto attributes = wanted(item.entry);
  if (!attributes) co_return std::move(attributes).error();
  NFSFERRY_TRY(Ok opened, co_await open_source(item, transfer.ends), co_return);
  auto target = co_await target_.create_file(item.node->target, item.entry.name, *attributes);
  Status copied = ok();
  if (target) {
    transfer.target = *std::move(target);
    transfer.ends.target = transfer.target.get();
    transfer.file->target = transfer.target->on_its_way();
    if (!shared_.hashes() && !shared_.verifies()) co_await copy_unseen(transfer);
    copied = co_await pump(transfer);
  } else {
    transfer.target_at_fault = true;
    copied = std::move(target).error();
  }
  if (copied) {
    copied = co_await transfer.target->commit(transfer.file->ranges.hashed_bytes());
    transfer.target_at_fault = !copied;
  }
  co_return co_await close_source(transfer, std::move(copied));
}

Task<Status> Worker::open_source(const WorkItem& item, Ends& ends) {
  SourceItem asked{item.node->source.get(), &item.entry};
  auto source = co_await source_.open_file(asked);
  if (!source) co_return std::move(source).error();
  ends.source = *std::move(source);
  co_return ok();
}

// What the source's file is like now, and its close.
Task<Status> Worker::close_source(Transfer& transfer, Status so_far) {
  SourceFile& source = *transfer.ends.source;
  if (so_far) {
    auto after = co_await source.attributes();
    if (after)
      transfer.after = *std::move(after);
    else
      so_far = std::move(after).error();
  }
  Status closed = co_await source.close();
  if (so_far && !closed) co_return closed;
  co_return so_far;
}

// As far as the trees can, from the beginning on; the rest is pumped. A first small piece shows
// whether they can at all.
Task<void> Worker::copy_unseen(Transfer& transfer) {
  FileRanges& ranges = transfer.file->ranges;
  std::uint64_t end = transfer.expected.size_bytes;
  std::uint64_t offset = 0;
  while (offset < end && !shared_.stopping()) {
    std::uint64_t most = offset == 0 ? range_size_ : kUnseenBytes;
    std::uint64_t length = std::min(most, end - offset);
    co_await shared_.pace.await_bytes(loop_, length);
    auto copied = co_await transfer.target->copy_from(*transfer.ends.source, offset, length);
    CopiedRange done = copied ? *copied : CopiedRange{};
    if (done.size_bytes < length) shared_.pace.give_back_bytes(length - done.size_bytes);
    if (!copied) break;
    if (done.size_bytes == 0) {
      ranges.end_at(offset);
      break;
    }
    offset = std::min(end, offset + done.size_bytes);
    shared_.counters.sparse_bytes_saved += done.hole_bytes;
  }
  ranges.begin_at(offset);
}

// The ranges, by this thread and by others that have nothing else to do.
Task<Status> Worker::pump(Transfer& transfer) {
  FileRanges& ranges = transfer.file->ranges;
  ranges.enter(this, waker(range_news_));
  if (shared_.large_files.offer(transfer.file)) shared_.work.wake();
  transfer.ends.takes_turns = transfer.item().takes_turns;
  co_await carry_ranges(transfer.ends, ranges);
  shared_.large_files.withdraw(*transfer.file);
  while (!ranges.is_alone(this)) co_await range_news_->wait();
  if (auto error = ranges.error()) {
    transfer.target_at_fault = ranges.failed_at() == FailedAt::kTarget;
    co_return *std::move(error);
  }
  if (shared_.stopping()) co_return own_error(Own::kCancelled, "copy", "interrupted");
  if (!ranges.is_whole())
    co_return own_error(Own::kChangedDuringCopy, "READ", "it has holes in its listing");
  co_return ok();
}

// Ranges of a file that is another thread's work. Who cannot open it is no failure of the file: the
// others carry it.
Task<void> Worker::take_part(std::shared_ptr<LargeFile> file) {
  Ends ends;
  ends.takes_turns = ends.part = true;
  std::unique_ptr<TargetPart> part;
  Status opened = co_await open_source(file->item, ends);
  if (opened) {
    auto first = co_await ends.source->read(0, 1);  // some trees open a file only now
    if (!first) opened = std::move(first).error();
  }
  if (opened && file->target) {
    auto joined = co_await target_.join_file(file->target);
    if (joined)
      part = *std::move(joined);
    else
      opened = std::move(joined).error();
    ends.target = part.get();
  } else if (opened) {
    opened = co_await open_there(file->item, ends);
  }
  bool may_come_again = opened.has_value();  // where it was dismissed
  if (opened)
    co_await carry_ranges(ends, file->ranges);
  else
    log(LogLevel::kDebug, "a thread takes no part in a large file: " + opened.error().message());
  Status left = ok();
  if (part) left = co_await part->leave();
  if (left && ends.there) left = co_await ends.there->close();
  if (!left) file->ranges.fail(std::move(left).error(), FailedAt::kTarget);
  Status closed = ok();
  if (ends.source) closed = co_await ends.source->close();
  if (!closed) file->ranges.fail(std::move(closed).error(), FailedAt::kSource);
  file->ranges.leave(this, may_come_again);
}

// This thread's lanes: more than may have a range at once, so that one waits and the window learns.
Task<void> Worker::carry_ranges(Ends& ends, FileRanges& ranges) {
  std::uint64_t left = ranges.left_bytes();  // any number, of a server that lies
  std::uint64_t count = left / ranges.range_bytes() + (left % ranges.range_bytes() != 0 ? 1 : 0);
  std::uint64_t lanes = std::min<std::uint64_t>(count, ranges_most() + 1);
  if (ends.takes_turns) shared_.large_crew.start_reading(this);
  TaskGroup group;
  for (std::uint64_t i = 0; i < lanes; ++i) group.spawn(lane(ends, ranges));
  co_await group.join();
  if (ends.takes_turns) shared_.large_crew.stop_reading(this);
}

// A range is taken by who has room for it: it waits for no range after it.
Task<void> Worker::lane(Ends& ends, FileRanges& ranges) {
  for (bool more = true; more;) {
    while (is_resting(ends, ranges)) co_await range_news_->wait();
    co_await ranges_.acquire();
    if (is_resting(ends, ranges)) {  // by now
      ranges_.release();
      continue;
    }
    if (ranges_.free() + 1 == ranges_.limit()) range_window_.idle();
    std::optional<FileRanges::Range> range;
    if (!shared_.stopping() && !is_leaving(ends)) range = ranges.take();
    if (range) {
      co_await carry_range(ends, ranges, *range);
      range_window_.replied(ranges_.has_waiters(), Clock::now());
      ranges_.set_limit(range_window_.limit());
    }
    ranges_.release();
    more = range.has_value();
  }
}

// Whether this thread's lanes are to take nothing for now.
bool Worker::is_resting(Ends& ends, FileRanges& ranges) {
  return ends.takes_turns && shared_.large_crew.is_resting(this) && !is_leaving(ends) &&
         !ranges.is_over(this);
}

// Whether this thread is to leave another one's file, as a whole once some of it has left.
bool Worker::is_leaving(Ends& ends) const {
  if (ends.part && shared_.large_crew.is_dismissed(this)) ends.leaves = true;
  return ends.leaves;
}

// One range: read, in pieces where the server cuts.
Task<void> Worker::carry_range(Ends& ends, FileRanges& ranges, FileRanges::Range range) {
  co_await shared_.pace.await_bytes(loop_, range.size_bytes);
  if (ranges.has_failed() || shared_.stopping()) {
    shared_.pace.give_back_bytes(range.size_bytes);
    ranges.fail(own_error(Own::kCancelled, "copy", "interrupted"), FailedAt::kSource);
    co_return;
  }
  while (range.size_bytes > 0 && !ranges.has_failed()) {
    std::uint64_t count = std::min<std::uint64_t>(range.size_bytes, range_size_);
    auto read = co_await ends.source->read(range.offset_bytes, static_cast<std::uint32_t>(count));
    if (!read) co_return ranges.fail(std::move(read).error(), FailedAt::kSource);
    std::uint64_t size = read->data.bytes.size();
    if (size > 0) co_await carry_piece(ends, ranges, range.offset_bytes, read->data.bytes);
    range.offset_bytes += size;
    range.size_bytes -= size;
    if (read->eof && range.size_bytes > 0) co_return ranges.end_at(range.offset_bytes);
    if (size == 0) {
      Error error = own_error(Own::kBadReply, "READ", "no data and no end of file");
      co_return ranges.fail(std::move(error), FailedAt::kSource);
    }
  }
}

// Hashed while it is in the processor's cache, if its turn has come; written, or compared.
Task<void> Worker::carry_piece(Ends& ends, FileRanges& ranges, std::uint64_t offset,
                               std::span<const std::byte> bytes) {
  bool limited = shared_.pace.rates().bytes_per_second != 0;
  if (ends.takes_turns) shared_.large_crew.note(bytes.size(), !limited);
  ranges.add(offset, bytes);
  Status done = ok();
  if (!ends.there) ranges.note_zeros(zeros_left_out(bytes, kZeroStep));
  if (ends.there)
    done = co_await compare_bytes(*ends.there, offset, bytes);
  else
    done = co_await write_range(*ends.target, offset, bytes);
  if (!done) ranges.fail(std::move(done).error(), FailedAt::kTarget);
  while (!ranges.may_free(this, offset)) co_await range_news_->wait();
}

// Long runs of zeros are left out: the file is new, and what was never written reads as zeros.
Task<Status> Worker::write_range(RangeWriter& target, std::uint64_t offset,
                                 std::span<const std::byte> bytes) {
  std::size_t left_out = bytes.size();
  for (const Extent& extent : extents_to_write(bytes, kZerosNotSent)) {
    left_out -= extent.size;
    std::span<const std::byte> part = bytes.subspan(extent.begin, extent.size);
    std::uint64_t at = offset + extent.begin;
    NFSFERRY_TRY(Ok written, co_await target.write(at, part), co_return);
    shared_.counters.bytes_sent += part.size();
    if (!shared_.verifies()) continue;
    NFSFERRY_TRY(Ok same, co_await read_back(target, at, part), co_return);
  }
  shared_.counters.sparse_bytes_saved += left_out;
  co_return ok();
}

}  // namespace nfsferry::copy
