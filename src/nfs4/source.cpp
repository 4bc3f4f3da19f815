// Reading: whole small files several per request, links, and large files by ranges. READ with the
// anonymous stateid needs no OPEN. A server that refuses gets OPEN, READ and CLOSE of a small file
// in one request, on 4.0 in one each, and one OPEN for all ranges of a large one: an owner's OPENs
// of a file are one to the server, so that the CLOSE of one range would end another's.
#include <algorithm>
#include <iterator>

#include "nfs4/batch.hpp"
#include "nfs4/nfs4_tree.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr AttrMask kAfterRead{Attr::kChange, Attr::kSize, Attr::kTimeModify};

enum class ReadWay : std::uint8_t { kAnonymous, kBypass, kOpen };

// LOCKED: somebody denies reading, once more with the bypass stateid. Everything that says the
// stateid will not do: with an OPEN.
std::optional<ReadWay> next_way(ReadWay way, const Error& error) {
  if (error.domain != Domain::kNfs4) return {};
  switch (static_cast<Nfsstat4>(error.code)) {
    case Nfsstat4::kLocked:
      if (way == ReadWay::kAnonymous) return ReadWay::kBypass;
      if (way == ReadWay::kBypass) return ReadWay::kOpen;
      return {};
    default:
      if (way != ReadWay::kOpen && wants_open(error)) return ReadWay::kOpen;
      return {};
  }
}

// What one file says of all: the server wants an OPEN before each READ.
bool refuses_anonymous(ReadWay way, const Error& error) {
  return way == ReadWay::kAnonymous && is_status(error, Nfsstat4::kBadStateid);
}

void add_read(Compound& request, const FileHandle& handle, ReadWay way, std::uint64_t offset,
              std::uint32_t count) {
  request.add(Putfh{{}, handle});
  Read read;
  read.offset_bytes = offset;
  read.count = count;
  switch (way) {
    case ReadWay::kAnonymous: read.stateid = Stateid::anonymous(); break;
    case ReadWay::kBypass: read.stateid = Stateid::bypass(); break;
    case ReadWay::kOpen:
      request.add(OpenExisting{});
      read.stateid = Stateid::current();
      break;
  }
  request.add(read);
  request.expect_reply_payload(count);
}

Result<Read::Reply> take_read(CompoundReply& reply, ReadWay way) {
  NFSFERRY_TRY(NoReply at_file, reply.take<Putfh>(), return);
  if (way == ReadWay::kOpen) {
    NFSFERRY_TRY(OpenExisting::Reply opened, reply.take<OpenExisting>(), return);
  }
  return reply.take<Read>();
}

class ReadFilesBatch : public Batch {
 public:
  // `can_open`: OPEN, READ and CLOSE may share a request.
  ReadFilesBatch(std::span<const SourceItem> items, std::optional<bool>& needs_open, bool can_open)
      : items_(items), needs_open_(needs_open), can_open_(can_open) {
    bool opens = can_open && needs_open.value_or(false);
    ways_.assign(items.size(), opens ? ReadWay::kOpen : ReadWay::kAnonymous);
    results_.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) results_.emplace_back(std::in_place);
  }

  std::string_view kind() const override { return "READ"; }
  Repeat repeat() const override { return Repeat::kIdempotent; }
  std::size_t size() const override { return items_.size(); }
  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    std::size_t payload = xdr_padded(count(item));
    std::uint32_t operations = ways_[item] == ReadWay::kOpen ? 5 : 3;
    return Cost{operations, 256 + kFileHandleMost, payload + 256};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    // The count is the listed size: some servers judge the reply by it.
    if (count(item) > 0) {
      add_read(request, entry(item).handle, ways_[item], 0, count(item));
    } else {
      request.add(Putfh{{}, entry(item).handle});
    }
    request.add(Getattr{kAfterRead});
    if (count(item) > 0 && ways_[item] == ReadWay::kOpen) {
      request.add(Close{{}, Stateid::current()});
    }
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    SmallFile file;
    if (count(item) > 0) {
      auto taken = take_read(reply, ways_[item]);
      if (!taken) {
        if (refuses_anonymous(ways_[item], taken.error())) {
          needs_open_ = true;
          if (can_open_) ways_[item] = ReadWay::kOpen;
        }
        return std::move(taken).error();
      }
      if (!needs_open_) needs_open_ = false;
      const Read::Reply& read = *taken;
      if (read.data.size() > count(item)) return own_error(Own::kBadReply, "READ", "more data");
      file.data = Chunk{reply.buffer(), read.data};
    } else {
      NFSFERRY_TRY(NoReply at_file, reply.take<Putfh>(), return);
    }
    auto after = reply.take<Getattr>();
    if (!after) return std::move(after).error();
    if (count(item) > 0 && ways_[item] == ReadWay::kOpen) {
      NFSFERRY_TRY(NoReply closed, reply.take<Close>(), return);
    }
    file.after = std::move(after->fattr.attributes);
    bool as_listed = file.data.bytes.size() == count(item);
    file.complete = as_listed && file.after.size_bytes == count(item);
    results_[item] = std::move(file);
    return ok();
  }
  Task<void> undo(std::size_t) override { co_return; }
  void fail(std::size_t item, Error error) override {
    if (auto way = next_way(ways_[item], error)) {
      ways_[item] = *way;
      refused_.push_back(item);
    }
    results_[item] = std::move(error);
  }

  std::vector<Result<SmallFile>> take_results() { return std::move(results_); }
  // Items to be tried once more in another way.
  std::vector<std::size_t> take_refused() { return std::exchange(refused_, {}); }
  const SourceItem& source_item(std::size_t item) const { return items_[item]; }
  void set_way(std::size_t item, ReadWay way) { ways_[item] = way; }
  ReadWay way(std::size_t item) const { return ways_[item]; }
  void set_result(std::size_t item, Result<SmallFile> result) {
    results_[item] = std::move(result);
  }

 private:
  const Entry& entry(std::size_t item) const { return *items_[item].entry; }
  std::uint32_t count(std::size_t item) const {
    return static_cast<std::uint32_t>(entry(item).attributes.size_bytes);
  }

  std::span<const SourceItem> items_;
  std::optional<bool>& needs_open_;  // the tree's
  const bool can_open_;
  std::vector<ReadWay> ways_;
  std::vector<std::size_t> refused_;
  std::vector<Result<SmallFile>> results_;  // incomplete until decoded
};

class ReadLinksBatch : public Batch {
 public:
  explicit ReadLinksBatch(std::span<const SourceItem> items) : items_(items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      results_.push_back(own_error(Own::kCancelled, "READLINK"));
    }
  }
  std::string_view kind() const override { return "READLINK"; }
  Repeat repeat() const override { return Repeat::kIdempotent; }
  std::size_t size() const override { return items_.size(); }
  Cost cost(std::size_t, std::optional<std::size_t>) const override {
    return Cost{2, 64 + kFileHandleMost, 64 + 4096};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    request.add(Putfh{{}, items_[item].entry->handle});
    request.add(Readlink{});
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    NFSFERRY_TRY(NoReply at_link, reply.take<Putfh>(), return);
    NFSFERRY_TRY(Readlink::Reply link, reply.take<Readlink>(), return);
    results_[item] = std::string(link.text);
    return ok();
  }
  Task<void> undo(std::size_t) override { co_return; }
  void fail(std::size_t item, Error error) override { results_[item] = std::move(error); }
  std::vector<Result<std::string>> take_results() { return std::move(results_); }

 private:
  std::span<const SourceItem> items_;
  std::vector<Result<std::string>> results_;
};

class Nfs4SourceFile : public SourceFile {
 public:
  Nfs4SourceFile(Client& client, AttrMask mask, const SourceItem& item,
                 std::optional<bool>& needs_open, ReadWay way)
      : client_(client),
        mask_(mask),
        parent_(handle_of(item.parent)),
        name_(item.entry->name),
        handle_(item.entry->handle),
        needs_open_(needs_open),
        way_(way) {}

  Task<Result<ReadRange>> read(std::uint64_t offset_bytes, std::uint32_t count) override {
    unsigned reopened = 0;
    for (ReadWay way = way_;;) {
      std::optional<Stateid> used;
      auto range = co_await read_by(way, offset_bytes, count, used);
      if (range) co_return range;
      Treatment treat = treatment(range.error());
      bool gone = treat == Treatment::kReopen || treat == Treatment::kRebuildClient;
      if (way == ReadWay::kOpen && gone && ++reopened < BatchRunner::kAttemptsMost) {
        if (stateid_ == used) stateid_.reset();  // else another range has opened it again
        continue;
      }
      auto next = next_way(way, range.error());
      if (!next) co_return range;
      if (refuses_anonymous(way, range.error())) needs_open_ = true;
      way = *next;
      way_ = way;
    }
  }

  Task<Result<Attributes>> attributes() override {
    Compound request("GETATTR", Repeat::kIdempotent);
    request.add(Putfh{{}, handle_});
    request.add(Getattr{mask_});
    auto reply = co_await client_.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    co_return std::move(got.fattr.attributes);
  }

  Task<Status> close() override {
    if (stateid_) co_await close_open(handle_, *std::exchange(stateid_, std::nullopt));
    co_return ok();
  }

 private:
  Task<void> close_open(FileHandle handle, Stateid open) {
    Compound request("CLOSE", Repeat::kIdempotent);
    request.add(Putfh{{}, std::move(handle)});
    request.add(Close{{}, open});
    (void)co_await client_.call(request);  // nothing was written
  }
  Task<Result<Stateid>> open() {
    co_await opening_.acquire();
    Result<Stateid> opened = Stateid::anonymous();
    if (stateid_)
      opened = *stateid_;
    else
      opened = co_await open_now();
    opening_.release();
    co_return opened;
  }
  // 4.0 opens by name alone, and what stands under the name by now may be another file.
  Task<Result<Stateid>> open_now() {
    bool by_name = !client_.has_current_stateid();
    Compound request("OPEN", Repeat::kIdempotent);
    request.add(Putfh{{}, by_name ? parent_ : handle_});
    request.add(OpenExisting{by_name ? name_ : std::string_view()});
    request.add(Getfh{});
    auto reply = co_await client_.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_start, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(OpenExisting::Reply opened, reply->take<OpenExisting>(), co_return);
    NFSFERRY_TRY(Getfh::Reply got, reply->take<Getfh>(), co_return);
    if (!by_name || got.handle == handle_) {
      stateid_ = opened.stateid;
      co_return opened.stateid;
    }
    co_await close_open(std::move(got.handle), opened.stateid);
    co_return nfs4_error(Nfsstat4::kStale, Op::kOpen);
  }
  // `used`: the OPEN's stateid.
  Task<Result<ReadRange>> read_by(ReadWay way, std::uint64_t offset_bytes, std::uint32_t count,
                                  std::optional<Stateid>& used) {
    Stateid stateid = way == ReadWay::kBypass ? Stateid::bypass() : Stateid::anonymous();
    if (way == ReadWay::kOpen) {
      NFSFERRY_TRY(Stateid opened, co_await open(), co_return);
      stateid = opened;
      used = opened;
    }
    Compound request("READ", Repeat::kIdempotent);
    request.add(Putfh{{}, handle_});
    request.add(Read{stateid, offset_bytes, count});
    request.expect_reply_payload(count);
    auto reply = co_await client_.call(request);
    if (!reply && Client::wants_less(request, reply.error())) {
      co_return co_await read_by(way, offset_bytes, count / 2, used);  // the caller asks again
    }
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
    auto read = reply->take<Read>();
    if (!read) {
      if (Client::wants_less(request, read.error())) {
        (void)client_.learn_smaller(request, read.error(), reply->result_count());
        co_return co_await read_by(way, offset_bytes, count / 2, used);
      }
      co_return std::move(read).error();
    }
    if (read->data.size() > count) co_return own_error(Own::kBadReply, "READ", "more data");
    ReadRange range;
    range.data = Chunk{reply->buffer(), read->data};
    range.eof = read->eof;
    co_return range;
  }

  Client& client_;
  AttrMask mask_;
  FileHandle parent_;
  std::string name_;
  FileHandle handle_;
  std::optional<bool>& needs_open_;  // the tree's
  ReadWay way_;
  Semaphore opening_{1};
  std::optional<Stateid> stateid_;  // of the OPEN
};

// One small file of a server that wants it opened, without a request that could do all of it.
Task<Result<SmallFile>> read_opened(Client& client, SourceItem item,
                                    std::optional<bool>& needs_open) {
  Nfs4SourceFile source(client, kAfterRead, item, needs_open, ReadWay::kOpen);
  std::uint64_t size = item.entry->attributes.size_bytes;
  Result<ReadRange> range = ReadRange{};
  if (size > 0) range = co_await source.read(0, static_cast<std::uint32_t>(size));
  auto after = co_await source.attributes();
  (void)co_await source.close();
  if (!range) co_return std::move(range).error();
  if (!after) co_return std::move(after).error();
  SmallFile file;
  file.data = std::move(range->data);
  file.after = *std::move(after);
  file.complete = file.data.bytes.size() == size && file.after.size_bytes == size;
  co_return file;
}

Task<void> read_opened_into(Client& client, SourceItem item, std::optional<bool>& needs_open,
                            Result<SmallFile>& result) {
  result = co_await read_opened(client, item, needs_open);
}

Task<std::vector<Result<SmallFile>>> read_all_opened(Client& client,
                                                     std::span<const SourceItem> items,
                                                     std::optional<bool>& needs_open) {
  std::vector<Result<SmallFile>> results;
  results.reserve(items.size());
  TaskGroup group;
  for (const SourceItem& item : items) {
    results.push_back(own_error(Own::kCancelled, "READ"));
    group.spawn(read_opened_into(client, item, needs_open, results.back()));
  }
  co_await group.join();
  co_return results;
}

}  // namespace

// How the server wants to be read is found out with one file, before many share a request.
Task<std::vector<Result<SmallFile>>> Nfs4Tree::read_files(std::span<const SourceItem> items) {
  std::size_t scouts = reading_needs_open_ ? 0 : std::min<std::size_t>(1, items.size());
  auto first = items.first(scouts);
  auto rest = items.subspan(scouts);
  auto results = co_await read_batch(first);
  auto others = co_await read_batch(rest);
  std::move(others.begin(), others.end(), std::back_inserter(results));
  co_return results;
}

Task<std::vector<Result<SmallFile>>> Nfs4Tree::read_batch(std::span<const SourceItem> items) {
  bool opens_in_batch = client_->has_current_stateid();
  if (!opens_in_batch && reading_needs_open_.value_or(false)) {
    co_return co_await read_all_opened(*client_, items, reading_needs_open_);
  }
  ReadFilesBatch batch(items, reading_needs_open_, opens_in_batch);
  co_await run_batch(*client_, batch);
  for (auto refused = batch.take_refused(); !refused.empty(); refused = batch.take_refused()) {
    std::vector<SourceItem> again;
    std::vector<std::size_t> origin;
    for (std::size_t item : refused) {
      if (batch.way(item) == ReadWay::kOpen && !opens_in_batch) {
        auto file = co_await read_opened(*client_, batch.source_item(item), reading_needs_open_);
        batch.set_result(item, std::move(file));
        continue;
      }
      again.push_back(batch.source_item(item));
      origin.push_back(item);
    }
    ReadFilesBatch second(again, reading_needs_open_, opens_in_batch);
    for (std::size_t i = 0; i < origin.size(); ++i) second.set_way(i, batch.way(origin[i]));
    co_await run_batch(*client_, second);
    auto results = second.take_results();
    for (std::size_t i = 0; i < origin.size(); ++i) {
      if (results[i])
        batch.set_result(origin[i], std::move(results[i]));
      else
        batch.fail(origin[i], std::move(results[i]).error());
    }
  }
  co_return batch.take_results();
}

Task<Result<std::unique_ptr<SourceFile>>> Nfs4Tree::open_file(SourceItem item) {
  ReadWay way = reading_needs_open_.value_or(false) ? ReadWay::kOpen : ReadWay::kAnonymous;
  std::unique_ptr<SourceFile> file =
      std::make_unique<Nfs4SourceFile>(*client_, entry_mask_, item, reading_needs_open_, way);
  co_return std::move(file);
}

Task<std::vector<Result<std::string>>> Nfs4Tree::read_links(std::span<const SourceItem> items) {
  ReadLinksBatch batch(items);
  co_await run_batch(*client_, batch);
  co_return batch.take_results();
}

}  // namespace nfsferry::nfs4
