// The life of a large file: made under a temporary name, written by ranges, synced, owned and
// dated, renamed.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "local/copy_range.hpp"
#include "local/local_tree.hpp"

namespace nfsferry {

// The descriptor is the TargetFile's own.
struct LocalFileOnItsWay final : FileOnItsWay {
  LocalFileOnItsWay(int of, std::string its_name) : fd(of), name(std::move(its_name)) {}
  const int fd;
  const std::string name;
};

Task<Status> LocalTree::write_range(int fd, const std::string& name, std::uint64_t offset_bytes,
                                    std::span<const std::byte> bytes) {
  co_await keep_pace();
  Clock::time_point begin = Clock::now();
  while (!bytes.empty()) {
    Result<std::size_t> size = co_await loop_.write_at(fd, bytes, offset_bytes);
    if (size && *size == 0) size = errno_error(EIO, "write");  // no progress: never loop
    if (!size) {
      size.error().path = name;
      co_return std::move(size).error();
    }
    offset_bytes += *size;
    bytes = bytes.subspan(*size);
  }
  count("write", begin);
  co_return ok();
}

// Leaves the sync to the file's commit: to the kernel it is one file, whoever wrote.
class LocalTargetPart final : public TargetPart {
 public:
  LocalTargetPart(LocalTree& tree, UniqueFd fd, std::string name)
      : tree_(tree), fd_(std::move(fd)), name_(std::move(name)) {}

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return tree_.write_range(fd_.get(), name_, offset_bytes, bytes);
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return tree_.read_range("read_back", fd_.get(), name_, offset_bytes, count);
  }

  Task<Status> leave() override {
    auto work = [this] { return close_checked(std::move(fd_), name_); };
    co_return co_await tree_.job("leave", std::move(work));
  }

 private:
  LocalTree& tree_;
  UniqueFd fd_;
  const std::string name_;
};

class LocalTargetFile final : public TargetFile {
 public:
  LocalTargetFile(LocalTree& tree, DirectoryFd directory, UniqueFd fd, std::string temporary,
                  std::string name)
      : tree_(tree),
        directory_(std::move(directory)),
        fd_(std::move(fd)),
        temporary_(std::move(temporary)),
        name_(std::move(name)) {}
  ~LocalTargetFile() override { undo(); }

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return tree_.write_range(fd_.get(), name_, offset_bytes, bytes);
  }

  Task<Result<CopiedRange>> copy_from(const SourceFile& source, std::uint64_t offset_bytes,
                                      std::uint64_t count) override {
    std::optional<int> from = local_descriptor(source);
    if (!from) co_return own_error(Own::kUnsupported, "copy_from");
    auto work = [this, from, offset_bytes, count] {
      return range_copy_.copy(*from, fd_.get(), offset_bytes, count, name_);
    };
    co_return co_await tree_.job("copy_range", std::move(work));
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return tree_.read_range("read_back", fd_.get(), name_, offset_bytes, count);
  }

  FileOnItsWayPtr on_its_way() const override {
    return std::make_shared<LocalFileOnItsWay>(fd_.get(), name_);
  }

  Task<Status> commit(std::uint64_t size_bytes) override {
    auto work = [this, size_bytes]() -> Status {
      if (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) {
        return errno_error(errno, "ftruncate", name_);
      }
      return ok();
    };
    NFSFERRY_TRY(Ok sized, co_await tree_.job("truncate", std::move(work)), co_return);
    co_await tree_.keep_pace();
    Clock::time_point begin = Clock::now();
    Status synced = co_await tree_.loop_.sync_data(fd_.get());
    if (!synced) synced.error().path = name_;
    tree_.count("commit", begin);
    co_return synced;
  }

  Task<Status> finish(NewAttributes attributes) override {
    auto work = [this, attributes] {
      Status status = place(attributes);
      if (!status) undo();
      return status;
    };
    co_return co_await tree_.job("finish", std::move(work));
  }

  Task<void> abandon() override {
    auto work = [this] {
      undo();
      return ok();
    };
    static_cast<void>(co_await tree_.job("abandon", std::move(work)));
  }

 private:
  Status place(NewAttributes attributes) {
    if (!attributes.mode) attributes.mode = 0600;  // whatever the umask is
    NFSFERRY_TRY(Ok applied, apply_attributes(fd_.get(), attributes, name_), return);
    NFSFERRY_TRY(Ok closed, close_checked(std::move(fd_), name_), return);
    NFSFERRY_TRY(Ok renamed, rename_within((*directory_).get(), temporary_, name_), return);
    directory_.reset();
    return ok();
  }

  void undo() {
    fd_.reset();
    if (directory_) remove_quietly((*directory_).get(), temporary_);
    directory_.reset();
  }

  LocalTree& tree_;
  DirectoryFd directory_;  // empty once nothing is left to undo
  UniqueFd fd_;
  RangeCopy range_copy_;
  const std::string temporary_;
  const std::string name_;
};

Task<Result<std::unique_ptr<TargetFile>>> LocalTree::create_file(DirectoryPtr parent,
                                                                 std::string name,
                                                                 NewAttributes attributes) {
  NFSFERRY_TRY(Ok usable, check_name("create_file", name), co_return);
  auto work = [&]() -> Result<std::unique_ptr<TargetFile>> {
    NFSFERRY_TRY(DirectoryFd directory, local(parent.get()).descriptor(), return);
    std::string temporary = temporary_name(mark());
    Result<UniqueFd> fd = open_at((*directory).get(), temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!fd) {
      fd.error().path = name;
      return std::move(fd).error();
    }
    int raw = fd->get();
    auto file = std::make_unique<LocalTargetFile>(*this, std::move(directory), *std::move(fd),
                                                  std::move(temporary), name);
    // Owners now: who may not give files away hears it before the data has been sent.
    NewAttributes owners{0600, attributes.owner, attributes.group, {}, {}};
    NFSFERRY_TRY(Ok applied, apply_attributes(raw, owners, name), return);
    return std::unique_ptr<TargetFile>(std::move(file));
  };
  co_return co_await job("create_file", std::move(work));
}

Task<Result<std::unique_ptr<TargetPart>>> LocalTree::join_file(FileOnItsWayPtr file) {
  auto work = [&]() -> Result<std::unique_ptr<TargetPart>> {
    const auto& joined = static_cast<const LocalFileOnItsWay&>(*file);
    UniqueFd fd(::fcntl(joined.fd, F_DUPFD_CLOEXEC, 0));
    if (!fd) return errno_error(errno, "fcntl", joined.name);
    return std::unique_ptr<TargetPart>(
        std::make_unique<LocalTargetPart>(*this, std::move(fd), joined.name));
  };
  co_return co_await job("join_file", std::move(work));
}

}  // namespace nfsferry
