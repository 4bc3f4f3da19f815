#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "local/local_tree.hpp"

namespace nfsferry {
namespace {

// A directory's record takes at least 24 bytes: a page holds at most 400 + 16,384 / 24 entries.
constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kPageEntriesWanted = 400;

}  // namespace

// Reads through a description of its own, so that listings of one directory do not move each
// other. Entries that vanish before their attributes are read are left out.
class LocalListing final : public Listing {
 public:
  LocalListing(LocalTree& tree, std::shared_ptr<const LocalDirectory> directory)
      : tree_(tree), directory_(std::move(directory)) {}

  Task<Result<ListingPage>> next() override {
    auto work = [this] { return read_page(); };
    co_return co_await tree_.job("list", std::move(work));
  }

 private:
  Status start() {
    NFSFERRY_TRY(DirectoryFd directory, directory_->descriptor(), return);
    NFSFERRY_TRY(UniqueFd own, open_at((*directory).get(), ".", O_RDONLY | O_DIRECTORY), return);
    fd_ = std::move(own);
    buffer_.resize(kReadBytes);
    return ok();
  }

  Result<ListingPage> read_page() {
    if (!fd_) {
      Status started = start();
      if (!started) {
        Error error = std::move(started).error();
        if (error.path == ".") error.path = directory_->name();
        return error;
      }
    }
    ListingPage page;
    while (!page.eof && page.entries.size() + page.refused.size() < kPageEntriesWanted) {
      ssize_t size = ::getdents64(fd_.get(), buffer_.data(), buffer_.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return errno_error(errno, "getdents64", directory_->name());
      page.eof = size == 0;
      take_records(static_cast<std::size_t>(size), page);
    }
    return page;
  }

  void take_records(std::size_t size_bytes, ListingPage& page) {
    for (std::size_t at = 0; at < size_bytes;) {
      const auto* record = reinterpret_cast<const dirent64*>(buffer_.data() + at);
      at += record->d_reclen;
      std::string name(record->d_name);
      if (name == "." || name == "..") continue;
      Status usable = check_name("getdents64", name);
      if (!usable) {
        page.refused.push_back(std::move(usable).error());
        continue;
      }
      Result<Attributes> attributes = attributes_at(fd_.get(), name);
      if (attributes) {
        std::vector<Loss> losses;
        if (tree_.tells_losses_) losses = extended_attributes_at(fd_.get(), name);
        page.entries.push_back(
            Entry{std::move(name), *std::move(attributes), {}, std::move(losses)});
      } else if (!attributes.error().is_errno(ENOENT)) {
        page.refused.push_back(std::move(attributes).error());
      }
    }
  }

  LocalTree& tree_;
  const std::shared_ptr<const LocalDirectory> directory_;
  UniqueFd fd_;
  std::vector<std::byte> buffer_;  // from operator new: aligned for dirent64
};

Result<std::unique_ptr<Listing>> LocalTree::list(DirectoryPtr directory) {
  return std::unique_ptr<Listing>(std::make_unique<LocalListing>(*this, local(directory)));
}

}  // namespace nfsferry
