// A large file on its way: a guarded temporary, UNSTABLE ranges, COMMIT with the verifier checked,
// attributes, RENAME.
#include <algorithm>

#include "nfs3/nfs3_tree.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::nfs3 {
namespace {

// What one client writes of a file, and what became of it.
struct WrittenFile {
  Client& client;
  std::uint32_t write_most = 0;
  FileHandle handle{};
  std::optional<Verifier> verifier{};
  bool verifier_changed = false;
  std::optional<Attributes> told{};  // by the last COMMIT

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      auto part = bytes.first(std::min<std::size_t>(bytes.size(), write_most));
      auto written = co_await nfs3::write(client, handle, offset_bytes, part, Stable::kUnstable);
      if (!written) co_return std::move(written).error();
      note(*written);
      offset_bytes += written->count;
      bytes = bytes.subspan(written->count);
    }
    co_return ok();
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) {
    auto got = co_await nfs3::read(client, handle, offset_bytes, count);
    if (!got) co_return std::move(got).error();
    co_return ReadRange{std::move(got->data), got->eof};
  }

  Task<Status> commit() {
    auto committed = co_await nfs3::commit(client, handle);
    if (!committed) co_return std::move(committed).error();
    bool lost = verifier_changed || (verifier && *verifier != committed->verifier);
    told = std::move(committed->attributes);
    verifier.reset();
    verifier_changed = false;
    if (!lost) co_return ok();
    co_return own_error(Own::kWriteVerifierChanged, "COMMIT", "the server restarted meanwhile");
  }

 private:
  void note(const Written& written) {
    if (written.committed) return;
    if (verifier && *verifier != written.verifier) verifier_changed = true;
    verifier = written.verifier;
  }
};

struct Nfs3FileOnItsWay : FileOnItsWay {
  FileHandle handle;
};

class Nfs3TargetPart : public TargetPart {
 public:
  Nfs3TargetPart(Client& client, std::uint32_t write_most, FileHandle handle)
      : file_{client, write_most, std::move(handle)} {}

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return file_.write(offset_bytes, bytes);
  }
  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return file_.read_back(offset_bytes, count);
  }
  // This client's writes by its own COMMIT: where a server's name stands for several machines, the
  // file's may reach another one.
  Task<Status> leave() override {
    if (!file_.verifier) co_return ok();
    co_return co_await file_.commit();
  }

 private:
  WrittenFile file_;
};

class Nfs3TargetFile : public TargetFile {
 public:
  Nfs3TargetFile(Nfs3Tree& tree, DirectoryPtr parent, std::string name)
      : tree_(tree),
        file_{tree.client(), tree.preferences().write_bytes},
        parent_(std::move(parent)),
        name_(std::move(name)) {}

  Task<Status> create(NewAttributes attributes) {
    owner_.owner = attributes.owner;
    owner_.group = attributes.group;
    for (unsigned attempts = 1;; ++attempts) {
      Status made = co_await create_once();
      if (made) co_return ok();
      co_await abandon();
      if (!begins_again(made.error()) || attempts >= Nfs3Tree::kAttemptsMost) co_return made;
    }
  }

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return file_.write(offset_bytes, bytes);
  }
  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return file_.read_back(offset_bytes, count);
  }
  FileOnItsWayPtr on_its_way() const override {
    auto file = std::make_shared<Nfs3FileOnItsWay>();
    file->handle = file_.handle;
    return file;
  }

  // The size is always set: what other clients have written is not known here.
  Task<Status> commit(std::uint64_t size_bytes) override {
    NFSFERRY_TRY(Ok sized, co_await set_size(tree_.client(), file_.handle, size_bytes), co_return);
    NFSFERRY_TRY(Ok durable, co_await file_.commit(), co_return);
    if (!file_.told) {
      NFSFERRY_TRY(Attributes now, co_await getattr(tree_.client(), file_.handle), co_return);
      file_.told = std::move(now);
    }
    co_return check_size(file_.told->size_bytes, size_bytes);
  }

  Task<Status> finish(NewAttributes attributes) override {
    bool other_owner = attributes.owner && attributes.owner != owner_.owner;
    bool other_group = attributes.group && attributes.group != owner_.group;
    bool owner = !tree_.owner_at_create() || other_owner || other_group;
    if (!attributes.owner) attributes.owner = owner_.owner;
    if (!attributes.group) attributes.group = owner_.group;
    Status done = co_await set_in_order(tree_.client(), file_.handle, attributes, owner);
    if (done) {
      done = co_await rename_into_place(tree_.client(), directory(), temporary_, name_, fileid_);
    }
    if (!done) co_await abandon();
    co_return done;
  }

  Task<void> abandon() override {
    co_await remove_quietly(tree_.client(), directory(), temporary_);
  }

 private:
  const FileHandle& directory() const { return handle_of(parent_.get()); }

  Task<Status> create_once() {
    temporary_ = temporary_name(tree_.mark());
    NewAttributes first = owner_;
    first.mode = 0600;
    AttrChoice choice{tree_.owner_at_create(), true, false};
    auto made = co_await nfs3::create(tree_.client(), directory(), temporary_, first, choice);
    if (!made) co_return std::move(made).error();
    auto found = co_await found_of(tree_.client(), directory(), temporary_, *std::move(made));
    if (!found) co_return std::move(found).error();
    file_.handle = std::move(found->handle);
    fileid_ = found->attributes->fileid;
    co_return ok();
  }

  Nfs3Tree& tree_;
  WrittenFile file_;
  DirectoryPtr parent_;
  std::string name_;
  std::string temporary_;
  NewAttributes owner_;  // and nothing else
  std::uint64_t fileid_ = 0;
};

}  // namespace

Task<Result<std::unique_ptr<TargetFile>>> Nfs3Tree::create_file(DirectoryPtr parent,
                                                                std::string name,
                                                                NewAttributes attributes) {
  NFSFERRY_TRY(Ok named, check_name("CREATE", name), co_return);
  auto file = std::make_unique<Nfs3TargetFile>(*this, std::move(parent), std::move(name));
  NFSFERRY_TRY(Ok made, co_await file->create(std::move(attributes)), co_return);
  std::unique_ptr<TargetFile> out = std::move(file);
  co_return std::move(out);
}

Task<Result<std::unique_ptr<TargetPart>>> Nfs3Tree::join_file(FileOnItsWayPtr file) {
  const auto& joined = static_cast<const Nfs3FileOnItsWay&>(*file);
  std::unique_ptr<TargetPart> part =
      std::make_unique<Nfs3TargetPart>(client_, preferences().write_bytes, joined.handle);
  co_return std::move(part);
}

}  // namespace nfsferry::nfs3
