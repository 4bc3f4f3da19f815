#include "copy/trial.hpp"

#include <algorithm>

#include "base/wall_clock.hpp"
#include "copy/worker.hpp"
#include "copy/worker_parts.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::copy {
namespace {

constexpr unsigned kLanes = 8;
constexpr std::uint64_t kBatchBytesMost = 4u << 20;

std::uint64_t per_second(std::uint64_t amount, Clock::duration taken) {
  auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
  return amount * 1'000'000 / static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 1));
}

}  // namespace

Task<Status> Trial::go() {
  Status tried = co_await look_at_clock();
  if (tried) tried = co_await put_small_files();
  for (const WorkItem& file : survey_.large_files()) {
    if (tried && !shared_.stopping()) tried = co_await put_large_file(file);
  }
  co_await remove_all();
  co_return tried;
}

std::string Trial::new_name() {
  names_.push_back(temporary_name(shared_.target_can.lock_mark));
  return names_.back();
}

// Where owners cannot be told, the file is tried without one.
NewAttributes Trial::attributes_of(const Entry& entry) const {
  auto attributes = shared_.ownership.of(entry.attributes);
  return attributes ? *std::move(attributes) : NewAttributes{};
}

void Trial::unreadable(const WorkItem& file, const Error& error) {
  if (means_vanished(error)) return;
  shared_.entry_failed(Phase::kTransfer, file.node->path_of(file.entry.name), error, 1,
                       FailedAt::kSource);
}

// A file that is given no time has the server's.
Task<Status> Trial::look_at_clock() {
  std::string name = new_name();
  PutFile request{target_.root().get(), name, {}, {}};
  std::span<const PutFile> one(&request, 1);
  auto before_ms = static_cast<std::int64_t>(wall_clock_ms());
  auto put = co_await target_.put_files(one, ReadBack::kNo);
  auto after_ms = static_cast<std::int64_t>(wall_clock_ms());
  if (!put[0]) co_return put[0].error();
  auto made = co_await target_.lookup(target_.root(), name);
  if (!made) co_return std::move(made).error();
  const Time& time = made->attributes.mtime;
  std::int64_t there_ms = time.seconds * 1000 + time.nanoseconds / 1'000'000;
  if (there_ms > after_ms) clock_ahead_ms_ = there_ms - after_ms;
  if (there_ms < before_ms) clock_ahead_ms_ = there_ms - before_ms;
  if (!clock_ahead_ms_) clock_ahead_ms_ = 0;
  co_return ok();
}

Task<Status> Trial::put_small_files() {
  auto started = Clock::now();
  part_ends_ = started + kPartMost;
  TaskGroup group;
  for (unsigned i = 0; i < kLanes; ++i) group.spawn(small_lane());
  co_await group.join();
  if (report_.files > 0)
    report_.files_per_second = per_second(report_.files, Clock::now() - started);
  if (failed_) co_return *std::move(failed_);
  co_return ok();
}

Task<void> Trial::small_lane() {
  while (!over()) {
    auto batch = next_batch();
    if (batch.empty()) co_return;
    Status put = co_await put_batch(std::move(batch));
    if (!put && !failed_) failed_ = std::move(put).error();
  }
}

std::vector<WorkItem> Trial::next_batch() {
  const std::vector<WorkItem>& files = survey_.small_files();
  std::size_t most =
      std::min(source_.preferences().files_per_batch, target_.preferences().files_per_batch);
  std::vector<WorkItem> batch;
  std::uint64_t bytes = 0;
  while (next_small_ < files.size() && batch.size() < most && bytes < kBatchBytesMost) {
    batch.push_back(files[next_small_++]);
    bytes += batch.back().entry.attributes.size_bytes;
  }
  return batch;
}

Task<Status> Trial::put_batch(std::vector<WorkItem> batch) {
  std::vector<SourceItem> asked = in_source(batch);
  auto read = co_await source_.read_files(asked);
  std::vector<std::string> names;
  std::vector<std::size_t> got;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!read[i]) {
      unreadable(batch[i], read[i].error());
    } else {
      names.push_back(new_name());
      got.push_back(i);
    }
  }
  std::vector<PutFile> requests;
  for (std::size_t j = 0; j < got.size(); ++j) {
    requests.push_back({target_.root().get(), names[j], read[got[j]]->data.bytes,
                        attributes_of(batch[got[j]].entry)});
  }
  auto put =
      co_await target_.put_files(requests, shared_.verifies() ? ReadBack::kCompare : ReadBack::kNo);
  for (const auto& result : put) {
    if (!result) co_return result.error();
    ++report_.files;
  }
  co_return ok();
}

Task<Status> Trial::put_large_file(const WorkItem& file) {
  SourceItem asked{file.node->source.get(), &file.entry};
  auto from = co_await source_.open_file(asked);
  if (!from) {
    unreadable(file, from.error());
    co_return ok();
  }
  auto to = co_await target_.create_file(target_.root(), new_name(), attributes_of(file.entry));
  Status done = ok();
  if (to) {
    auto started = Clock::now();
    std::uint64_t end = std::min(file.entry.attributes.size_bytes, kLargeBytesMost);
    done = co_await pump(**from, **to, end);
    if (done) done = co_await (*to)->commit(report_.bytes);
    if (report_.bytes > 0) {
      report_.bytes_per_second = per_second(report_.bytes, Clock::now() - started);
    }
    co_await (*to)->abandon();
  } else {
    done = std::move(to).error();
  }
  Status closed = co_await (*from)->close();
  if (!done && !source_at_fault_) co_return done;
  const Status& read = done ? closed : done;
  if (!read) unreadable(file, read.error());
  co_return ok();
}

Task<Status> Trial::pump(SourceFile& from, TargetFile& to, std::uint64_t end) {
  part_ends_ = Clock::now() + kPartMost;
  TaskGroup group;
  for (unsigned i = 0; i < kLanes; ++i) group.spawn(large_lane(from, to, end));
  co_await group.join();
  if (failed_) co_return *std::move(failed_);
  co_return ok();
}

Task<void> Trial::large_lane(SourceFile& from, TargetFile& to, std::uint64_t end) {
  std::uint32_t most =
      std::min(source_.preferences().read_bytes, target_.preferences().write_bytes);
  while (!over() && next_offset_ < end) {
    std::uint64_t offset = next_offset_;
    auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, end - offset));
    next_offset_ += count;
    Status moved = co_await move_range(from, to, offset, count);
    if (!moved && !failed_) failed_ = std::move(moved).error();
  }
}

Task<Status> Trial::move_range(SourceFile& from, TargetFile& to, std::uint64_t offset,
                               std::uint32_t count) {
  auto range = co_await from.read(offset, count);
  if (!range) {
    source_at_fault_ = true;
    co_return std::move(range).error();
  }
  NFSFERRY_TRY(Ok written, co_await to.write(offset, range->data.bytes), co_return);
  report_.bytes += range->data.bytes.size();
  if (!shared_.verifies()) co_return ok();
  co_return co_await read_back(to, offset, range->data.bytes);
}

Task<void> Trial::remove_all() {
  std::vector<RemoveEntry> requests;
  for (const std::string& name : names_) requests.push_back({target_.root().get(), name, false});
  auto removed = co_await target_.remove(requests);
  for (const Status& status : removed) {
    bool gone = status || means_vanished(status.error());
    if (!gone) shared_.entry_failed(Phase::kTransfer, {}, status.error(), 1);
  }
}

}  // namespace nfsferry::copy
