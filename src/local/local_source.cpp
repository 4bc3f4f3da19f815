// The source half of LocalTree, but for listings.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "local/local_tree.hpp"

namespace nfsferry {
namespace {

// Several small files share a buffer of about this size, which lives as long as any of them.
constexpr std::size_t kSharedBufferBytes = 1 << 20;
constexpr std::size_t kLinkTextMax = 16 << 10;  // Linux's own limit is 4,095 bytes

struct SmallRead {
  BufferRef owner;
  std::span<std::byte> into;  // as long as the listed size
};

std::vector<SmallRead> plan_reads(BufferPool& buffers, std::span<const SourceItem> items,
                                  std::size_t small_max) {
  auto size_of = [&](std::size_t i) {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(items[i].entry->attributes.size_bytes, small_max));
  };
  std::vector<SmallRead> reads(items.size());
  for (std::size_t first = 0; first < items.size();) {
    std::size_t total = size_of(first);
    std::size_t last = first + 1;
    for (; last < items.size() && total + size_of(last) <= kSharedBufferBytes; ++last) {
      total += size_of(last);
    }
    if (total > 0) {
      BufferRef shared = buffers.get(total);
      for (std::size_t offset = 0; first < last; ++first) {
        reads[first] = SmallRead{shared, shared.bytes().subspan(offset, size_of(first))};
        offset += size_of(first);
      }
    }
    first = last;
  }
  return reads;
}

struct SmallReadDone {
  std::size_t size_bytes = 0;
  Attributes after;
};

Result<SmallReadDone> read_small(const Result<DirectoryFd>& directory, const Entry& entry,
                                 std::span<std::byte> into) {
  if (!directory) return directory.error();
  NFSFERRY_TRY(UniqueFd fd, open_listed_file((**directory).get(), entry), return);
  SmallReadDone done;
  NFSFERRY_TRY(std::size_t size, read_up_to(fd.get(), 0, into, entry.name), return);
  done.size_bytes = size;
  NFSFERRY_TRY(Attributes after, attributes_of(fd.get(), entry.name), return);
  done.after = after;
  return done;
}

Result<std::string> read_link(const Result<DirectoryFd>& directory, const Entry& entry) {
  if (!directory) return directory.error();
  NFSFERRY_TRY(UniqueFd link, pin_at((**directory).get(), entry.name), return);
  NFSFERRY_TRY(Attributes found, attributes_of(link.get(), entry.name), return);
  if (found.type != FileType::kSymlink || !is_same_file(found, entry.attributes)) {
    Error error = errno_error(ESTALE, "readlinkat", entry.name);
    error.detail = "it is not the symlink any more that was listed";
    return error;
  }
  std::string text(kLinkTextMax, '\0');
  ssize_t size = ::readlinkat(link.get(), "", text.data(), text.size());
  if (size < 0) return errno_error(errno, "readlinkat", entry.name);
  if (static_cast<std::size_t>(size) == text.size()) {
    return errno_error(ENAMETOOLONG, "readlinkat", entry.name);
  }
  text.resize(static_cast<std::size_t>(size));
  text.shrink_to_fit();
  return text;
}

}  // namespace

Task<std::vector<Result<SmallFile>>> LocalTree::read_files(std::span<const SourceItem> items) {
  std::vector<SmallRead> reads = plan_reads(loop_.buffers(), items, preferences().small_file_bytes);
  auto work = [&] {
    BatchDirectories directories;
    std::vector<Result<SmallReadDone>> done;
    done.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      done.push_back(read_small(directories.of(items[i].parent), *items[i].entry, reads[i].into));
    }
    return done;
  };
  std::vector<Result<SmallReadDone>> done = co_await job("read_files", std::move(work));
  std::vector<Result<SmallFile>> results;
  results.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!done[i]) {
      results.push_back(std::move(done[i]).error());
      continue;
    }
    SmallFile file;
    file.data.owner = std::move(reads[i].owner);
    file.data.bytes = reads[i].into.first(done[i]->size_bytes);
    file.after = done[i]->after;
    std::uint64_t listed = items[i].entry->attributes.size_bytes;
    file.complete = file.data.bytes.size() == listed && file.after.size_bytes == listed;
    results.push_back(std::move(file));
  }
  co_return results;
}

Task<Result<ReadRange>> LocalTree::read_range(const char* kind, int fd, const std::string& name,
                                              std::uint64_t offset_bytes, std::uint32_t count) {
  co_await keep_pace();
  Clock::time_point begin = Clock::now();
  ReadRange range;
  range.data.owner = loop_.buffers().get(std::max<std::uint32_t>(count, 1));
  std::span<std::byte> into = range.data.owner.bytes().first(count);
  std::size_t size = 0;
  while (size < into.size()) {
    Result<std::size_t> got = co_await loop_.read_at(fd, into.subspan(size), offset_bytes + size);
    if (!got) {
      got.error().path = name;
      co_return std::move(got).error();
    }
    if (*got == 0) break;
    size += *got;
  }
  range.data.bytes = into.first(size);
  range.eof = size < into.size();
  this->count(kind, begin);
  co_return range;
}

class LocalSourceFile final : public SourceFile {
 public:
  LocalSourceFile(LocalTree& tree, UniqueFd fd, std::string name)
      : tree_(tree), fd_(std::move(fd)), name_(std::move(name)) {}

  Task<Result<ReadRange>> read(std::uint64_t offset_bytes, std::uint32_t count) override {
    return tree_.read_range("read", fd_.get(), name_, offset_bytes, count);
  }

  Task<Result<Attributes>> attributes() override {
    auto work = [this] { return attributes_now(fd_.get(), name_); };
    co_return co_await tree_.job("attributes", std::move(work));
  }

  Task<Status> close() override { co_return co_await tree_.loop_.close_file(std::move(fd_)); }

  int descriptor() const { return fd_.get(); }

 private:
  LocalTree& tree_;
  UniqueFd fd_;
  const std::string name_;
};

std::optional<int> local_descriptor(const SourceFile& file) {
  const auto* local_file = dynamic_cast<const LocalSourceFile*>(&file);
  if (!local_file) return {};
  return local_file->descriptor();
}

Task<Result<std::unique_ptr<SourceFile>>> LocalTree::open_file(SourceItem item) {
  auto work = [&]() -> Result<UniqueFd> {
    NFSFERRY_TRY(DirectoryFd directory, local(item.parent).descriptor(), return);
    return open_listed_file((*directory).get(), *item.entry);
  };
  Result<UniqueFd> fd = co_await job("open_file", std::move(work));
  if (!fd) co_return std::move(fd).error();
  co_return std::unique_ptr<SourceFile>(
      std::make_unique<LocalSourceFile>(*this, *std::move(fd), item.entry->name));
}

Task<std::vector<Result<std::string>>> LocalTree::read_links(std::span<const SourceItem> items) {
  auto one = [](BatchDirectories& directories, const SourceItem& item) {
    return read_link(directories.of(item.parent), *item.entry);
  };
  return batch<Result<std::string>>("read_links", items, one);
}

}  // namespace nfsferry
