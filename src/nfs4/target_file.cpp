// A large file on its way: guarded temporary, UNSTABLE ranges, COMMIT with the verifier checked,
// attributes, CLOSE, RENAME.
#include <algorithm>

#include "nfs4/nfs4_tree.hpp"
#include "nfs4/put_batch.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr unsigned kFileAttemptsMost = 3;

// A file that one client has open for writing: UNSTABLE ranges, and what became of them.
struct WrittenFile {
  Client& client;
  FileHandle handle{};
  Stateid stateid{};
  std::uint64_t size = 0;  // highest byte written
  std::optional<Verifier> verifier{};
  bool verifier_changed = false;

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) {
    std::size_t most = bytes.size();
    while (!bytes.empty()) {
      Write write;
      write.stateid = stateid;
      write.offset_bytes = offset_bytes;
      write.data = bytes.first(std::min(most, bytes.size()));
      Compound request("WRITE", Repeat::kIdempotent);
      request.add(Putfh{{}, handle});
      request.add(write);
      auto reply = co_await client.call(request);
      auto written = take_at_file<Write>(reply);
      if (!written) {
        if (!Client::wants_less(request, written.error())) co_return std::move(written).error();
        most = write.data.size() / 2;
        continue;
      }
      if (written->count == 0 || written->count > write.data.size()) {
        co_return own_error(Own::kShortWrite, "WRITE", "the server took nothing");
      }
      note_verifier(written->verifier, written->committed);
      offset_bytes += written->count;
      bytes = bytes.subspan(written->count);
      size = std::max(size, offset_bytes);
    }
    co_return ok();
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) {
    Compound request("READ", Repeat::kIdempotent);
    request.add(Putfh{{}, handle});
    request.add(Read{stateid, offset_bytes, count});
    request.expect_reply_payload(count);
    auto reply = co_await client.call(request);
    auto read = take_at_file<Read>(reply);
    if (!read && Client::wants_less(request, read.error())) {
      co_return co_await read_back(offset_bytes, count / 2);  // the caller asks again
    }
    if (!read) co_return std::move(read).error();
    if (read->data.size() > count) co_return own_error(Own::kBadReply, "READ", "more data");
    ReadRange range;
    range.data = Chunk{reply->buffer(), read->data};
    range.eof = read->eof;
    co_return range;
  }

  Task<Status> commit(std::optional<std::uint64_t> new_size) {
    Compound request("COMMIT", Repeat::kIdempotent);
    request.add(Putfh{{}, handle});
    if (new_size) request.add(Setattr{{}, stateid, {}, {}, *new_size});
    request.add(Commit{});
    if (new_size) request.add(Getattr{kSizeMask});  // OK alone is no proof that it was set
    auto reply = co_await client.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
    if (new_size) {
      NFSFERRY_TRY(NoReply sized, reply->take<Setattr>(), co_return);
    }
    NFSFERRY_TRY(Commit::Reply committed, reply->take<Commit>(), co_return);
    bool lost = verifier_changed || (verifier && *verifier != committed.verifier);
    verifier.reset();
    verifier_changed = false;
    if (lost) {
      co_return own_error(Own::kWriteVerifierChanged, "COMMIT", "the server restarted meanwhile");
    }
    if (!new_size) co_return ok();
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    co_return check_size(got.fattr.attributes.size_bytes, *new_size);
  }

 private:
  // The result that follows a PUTFH.
  template <typename Operation>
  static Result<typename Operation::Reply> take_at_file(Result<CompoundReply>& reply) {
    if (!reply) return reply.error();
    NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), return);
    return reply->template take<Operation>();
  }

  void note_verifier(const Verifier& now, Stable committed) {
    if (committed == Stable::kFileSync) return;
    if (verifier && *verifier != now) verifier_changed = true;
    verifier = now;
  }
};

struct Nfs4FileOnItsWay : FileOnItsWay {
  DirectoryPtr parent;
  std::string temporary;
  FileHandle handle;
};

// What another client writes of such a file, with an OPEN of its own.
class Nfs4TargetPart : public TargetPart {
 public:
  explicit Nfs4TargetPart(Client& client) : file_{client} {}

  // 4.0 opens by name alone; the name is unguessable, and the handle tells that it is the file.
  Task<Status> open(const Nfs4FileOnItsWay& joined) {
    bool by_name = !file_.client.has_current_stateid();
    Compound request("OPEN", Repeat::kIdempotent);
    request.add(Putfh{{}, by_name ? handle_of(joined.parent.get()) : joined.handle});
    std::string_view name = by_name ? joined.temporary : std::string_view();
    request.add(OpenExisting{name, true});
    request.add(Getfh{});
    auto reply = co_await file_.client.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_start, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(OpenExisting::Reply opened, reply->take<OpenExisting>(), co_return);
    file_.stateid = opened.stateid;
    file_.handle = joined.handle;
    auto got = reply->take<Getfh>();
    if (got && got->handle == joined.handle) co_return ok();
    if (got) file_.handle = std::move(got->handle);
    co_await close();
    if (!got) co_return std::move(got).error();
    co_return nfs4_error(Nfsstat4::kStale, Op::kOpen);
  }

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return file_.write(offset_bytes, bytes);
  }
  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return file_.read_back(offset_bytes, count);
  }
  // This client's writes by its own COMMIT: where a server's name stands for several machines, the
  // file's may reach another one.
  Task<Status> leave() override {
    Status committed = ok();
    if (file_.verifier) committed = co_await file_.commit(std::nullopt);
    co_await close();
    co_return committed;
  }

 private:
  Task<void> close() {
    Compound request("CLOSE", Repeat::kIdempotent);
    request.add(Putfh{{}, file_.handle});
    request.add(Close{{}, file_.stateid});
    (void)co_await file_.client.call(request);  // a lost stateid is closed already
  }

  WrittenFile file_;
};

class Nfs4TargetFile : public TargetFile {
 public:
  Nfs4TargetFile(Nfs4Tree& tree, DirectoryPtr parent, std::string name)
      : tree_(tree),
        client_(tree.client()),
        file_{client_},
        parent_(std::move(parent)),
        name_(std::move(name)) {}

  Task<Status> create(NewAttributes attributes) {
    owner_ = attributes;
    Patience patience;
    for (unsigned attempts = 0;;) {
      temporary_ = temporary_name(tree_.mark());
      Status made = co_await create_once(attributes);
      if (made) co_return ok();
      Error error = std::move(made).error();
      note_refusal(error, patience);
      if (open_)
        co_await abandon();
      else
        co_await remove_quietly(client_, parent_.get(), temporary_);
      if (co_await wait_and_retry(client_, error, patience)) continue;
      Treatment treat = treatment(error);
      bool again = treat == Treatment::kRedo || treat == Treatment::kSendLess ||
                   treat == Treatment::kReopen || treat == Treatment::kRebuildClient;
      if (!again || ++attempts >= kFileAttemptsMost) co_return error;
    }
  }

  std::uint64_t fileid() const { return fileid_; }

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return file_.write(offset_bytes, bytes);
  }
  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return file_.read_back(offset_bytes, count);
  }

  FileOnItsWayPtr on_its_way() const override {
    auto file = std::make_shared<Nfs4FileOnItsWay>();
    file->parent = parent_;
    file->temporary = temporary_;
    file->handle = file_.handle;
    return file;
  }

  // The size is always set: what other clients have written is not known here.
  Task<Status> commit(std::uint64_t size_bytes) override { return file_.commit(size_bytes); }

  Task<Status> finish(NewAttributes attributes) override {
    bool other_owner = attributes.owner && attributes.owner != owner_.owner;
    bool other_group = attributes.group && attributes.group != owner_.group;
    owner_late_ = !tree_.owner_at_create() || other_owner || other_group;
    if (attributes.owner) owner_.owner = attributes.owner;
    if (attributes.group) owner_.group = attributes.group;
    Status finished = co_await put_in_place(std::move(attributes));
    if (!finished) co_await abandon();
    co_return finished;
  }

  Task<void> abandon() override {
    if (open_)
      co_await close_and_remove(client_, parent_.get(), temporary_, file_.stateid);
    else
      co_await remove_quietly(client_, parent_.get(), temporary_);
    open_ = false;
  }

 private:
  Task<Status> put_in_place(NewAttributes attributes) {
    NFSFERRY_TRY(Ok dated, co_await set_attributes(std::move(attributes)), co_return);
    Patience patience;
    for (unsigned attempts = 0;;) {
      Status renamed = co_await close_and_rename();
      if (renamed) co_return ok();
      Error error = std::move(renamed).error();
      if (co_await wait_and_retry(client_, error, patience)) continue;
      Treatment treat = treatment(error);
      // One whose outcome was unknown may have been carried out after it was looked for.
      bool gone = attempts > 0 && means_no_entry(error);
      bool look = gone || treat == Treatment::kRedo || treat == Treatment::kSendLess ||
                  treat == Treatment::kReopen;
      if (!look) co_return error;
      open_ = false;  // executed, or gone with its client id
      bool done =
          co_await is_renamed(client_, handle_of(parent_.get()), temporary_, name_, fileid_);
      if (done) co_return ok();
      if (gone || ++attempts >= kFileAttemptsMost) co_return error;
    }
  }

  Task<Status> create_once(NewAttributes attributes) {
    Compound request("OPEN", Repeat::kOnce);
    request.add(Putfh{{}, handle_of(parent_.get())});
    OpenCreate open;
    open.name = temporary_;
    open.attributes = attributes;
    open.choice.owner = tree_.owner_at_create();
    open.read_access = true;
    request.add(open);
    request.add(Getfh{});
    request.add(Getattr{kFileidMask});
    auto reply = co_await client_.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_parent, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(OpenCreate::Reply opened, reply->take<OpenCreate>(), co_return);
    file_.stateid = opened.stateid;
    open_ = true;
    NFSFERRY_TRY(Getfh::Reply handle, reply->take<Getfh>(), co_return);
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    file_.handle = std::move(handle.handle);
    fileid_ = got.fattr.attributes.fileid;
    co_return ok();
  }

  // Owner by itself where creation did not keep it or it has changed since, then mode and times,
  // then made durable.
  Task<Status> set_attributes(NewAttributes attributes) {
    bool owner = owner_late_ && (owner_.owner || owner_.group);
    Compound request("SETATTR", Repeat::kIdempotent);
    request.add(Putfh{{}, file_.handle});
    if (owner) request.add(Setattr{{}, file_.stateid, owner_, kChooseOwner, {}});
    request.add(Setattr{{}, file_.stateid, attributes, kChooseModeAndTimes, {}});
    request.add(Commit{});
    auto reply = co_await client_.call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
    if (owner) {
      NFSFERRY_TRY(NoReply owned, reply->take<Setattr>(), co_return);
    }
    NFSFERRY_TRY(NoReply dated, reply->take<Setattr>(), co_return);
    NFSFERRY_TRY(Commit::Reply committed, reply->take<Commit>(), co_return);
    co_return ok();
  }

  Task<Status> close_and_rename() {
    Compound request("RENAME", Repeat::kOnce);
    bool closes = open_;
    if (closes) {
      request.add(Putfh{{}, file_.handle});
      request.add(Close{{}, file_.stateid});
    }
    request.add(Putfh{{}, handle_of(parent_.get())});
    request.add(Savefh{});
    request.add(Rename{{}, temporary_, name_});
    auto reply = co_await client_.call(request);
    if (!reply) co_return std::move(reply).error();
    if (closes) {
      NFSFERRY_TRY(NoReply at_file, reply->take<Putfh>(), co_return);
      NFSFERRY_TRY(NoReply closed, reply->take<Close>(), co_return);
      open_ = false;
    }
    NFSFERRY_TRY(NoReply at_parent, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(NoReply saved, reply->take<Savefh>(), co_return);
    NFSFERRY_TRY(NoReply renamed, reply->take<Rename>(), co_return);
    co_return ok();
  }

  Nfs4Tree& tree_;
  Client& client_;
  WrittenFile file_;
  DirectoryPtr parent_;
  std::string name_;
  std::string temporary_;
  NewAttributes owner_;
  bool owner_late_ = false;
  std::uint64_t fileid_ = 0;
  bool open_ = false;
};

Task<Status> fill(TargetFile& file, std::span<const std::byte> data, ReadBack compare) {
  NFSFERRY_TRY(Ok written, co_await file.write(0, data), co_return);
  NFSFERRY_TRY(Ok committed, co_await file.commit(data.size()), co_return);
  if (compare == ReadBack::kNo) co_return ok();
  co_return co_await read_back(file, 0, data);
}

}  // namespace

Task<void> Nfs4Tree::put_opened(const PutFile& item, ReadBack read_back,
                                Result<PutResult>& result) {
  auto parent = std::make_shared<Nfs4Directory>(handle_of(item.parent));
  Status put = ok();
  for (unsigned attempts = 1; attempts <= kFileAttemptsMost; ++attempts) {
    Nfs4TargetFile file(*this, parent, std::string(item.name));
    put = co_await file.create(item.attributes);
    if (!put) break;
    put = co_await fill(file, item.data, read_back);
    if (put)
      put = co_await file.finish(item.attributes);
    else
      co_await file.abandon();
    result = PutResult{file.fileid()};
    if (put || treatment(put.error()) != Treatment::kReopen) break;
  }
  if (put) co_return;
  Error error = std::move(put).error();
  if (error.path.empty()) error.path = std::string(item.name);
  result = std::move(error);
}

Task<Result<std::unique_ptr<TargetFile>>> Nfs4Tree::create_file(DirectoryPtr parent,
                                                                std::string name,
                                                                NewAttributes attributes) {
  if (!is_usable_name(name)) co_return own_error(Own::kBadName, "OPEN");
  auto file = std::make_unique<Nfs4TargetFile>(*this, std::move(parent), std::move(name));
  NFSFERRY_TRY(Ok made, co_await file->create(std::move(attributes)), co_return);
  std::unique_ptr<TargetFile> out = std::move(file);
  co_return std::move(out);
}

Task<Result<std::unique_ptr<TargetPart>>> Nfs4Tree::join_file(FileOnItsWayPtr file) {
  auto part = std::make_unique<Nfs4TargetPart>(*client_);
  const auto& joined = static_cast<const Nfs4FileOnItsWay&>(*file);
  NFSFERRY_TRY(Ok opened, co_await part->open(joined), co_return);
  std::unique_ptr<TargetPart> out = std::move(part);
  co_return std::move(out);
}

}  // namespace nfsferry::nfs4
