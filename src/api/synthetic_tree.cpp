#include "api/synthetic_tree.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "base/nfsstat4.hpp"
#include "loop/sync.hpp"

namespace nfsferry::api {
namespace {

constexpr unsigned kLanes = 8;
constexpr std::uint64_t kBatchBytesMost = 4u << 20;

std::vector<std::byte> random_bytes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; i += 8) {
    std::uint64_t word = random();
    for (std::size_t j = i; j < std::min(i + 8, count); ++j, word >>= 8) {
      bytes[j] = static_cast<std::byte>(word);
    }
  }
  return bytes;
}

// Fills one tree: directories first, then files side by side.
class Maker {
 public:
  Maker(FullTree& tree, const std::vector<PlannedDirectory>& plan, std::uint64_t seed,
        const StopFlag& stop)
      : tree_(tree), plan_(plan), seed_(seed), stop_(stop) {}

  Task<Status> go(std::string name) {
    for (const PlannedDirectory& directory : plan_) {
      if (stop_.load() != 0) co_return ok();
      std::string path = directory.path.empty() ? name : name + "/" + directory.path;
      NFSFERRY_TRY(DirectoryPtr made, co_await make_directory(path), co_return);
      NFSFERRY_TRY(Ok linked, co_await make_symlinks(made, directory), co_return);
      directories_.push_back(std::move(made));
    }
    TaskGroup group;
    for (unsigned i = 0; i < kLanes; ++i) group.spawn(lane());
    co_await group.join();
    if (failed_) co_return *std::move(failed_);
    co_return ok();
  }

 private:
  struct Batch {
    DirectoryPtr directory;
    std::vector<const PlannedFile*> files;
    std::uint64_t first = 0;  // its number in the tree, which seeds its bytes
  };

  Task<Result<DirectoryPtr>> make_directory(std::string path) {
    std::size_t slash = path.rfind('/');
    bool below_root = slash == std::string::npos;
    MakeDirectory request;
    request.parent = below_root ? tree_.root() : by_path_.at(path.substr(0, slash));
    request.name = below_root ? path : path.substr(slash + 1);
    std::span<const MakeDirectory> one(&request, 1);
    auto made = co_await tree_.make_directories(one);
    if (!made[0]) co_return made[0].error();
    by_path_[path] = made[0]->directory;
    co_return made[0]->directory;
  }

  Task<Status> make_symlinks(DirectoryPtr parent, const PlannedDirectory& planned) {
    std::vector<MakeSymlink> requests;
    for (const PlannedLink& link : planned.symlinks) {
      requests.push_back({parent.get(), link.name, link.text, {}});
    }
    if (requests.empty()) co_return ok();
    auto made = co_await tree_.make_symlinks(requests);
    for (const Status& status : made) {
      if (!status) co_return status;
    }
    co_return ok();
  }

  Task<void> lane() {
    for (;;) {
      Batch batch = next_batch();
      if (batch.files.empty()) co_return;
      bool large = batch.files[0]->size_bytes > tree_.preferences().small_file_bytes;
      Status done = ok();
      if (large)
        done = co_await put_large(std::move(batch));
      else
        done = co_await put_small(std::move(batch));
      if (!done && !failed_) failed_ = std::move(done).error();
    }
  }

  // Some small files of one directory, or one large one; empty at the end.
  Batch next_batch() {
    Batch batch;
    if (failed_ || stop_.load() != 0) return batch;
    Preferences prefers = tree_.preferences();
    std::uint64_t bytes = 0;
    while (at_directory_ < plan_.size()) {
      const std::vector<PlannedFile>& files = plan_[at_directory_].files;
      while (at_file_ < files.size() && batch.files.size() < prefers.files_per_batch &&
             bytes < kBatchBytesMost) {
        const PlannedFile& file = files[at_file_];
        bool large = file.size_bytes > prefers.small_file_bytes;
        if (large && !batch.files.empty()) return batch;
        if (batch.files.empty()) batch.first = taken_;
        batch.directory = directories_[at_directory_];
        batch.files.push_back(&file);
        bytes += file.size_bytes;
        ++at_file_;
        ++taken_;
        if (large) return batch;
      }
      if (!batch.files.empty()) return batch;
      ++at_directory_;
      at_file_ = 0;
    }
    return batch;
  }

  Task<Status> put_small(Batch batch) {
    std::vector<std::vector<std::byte>> contents;
    std::vector<PutFile> requests;
    for (const PlannedFile* file : batch.files) {
      contents.push_back(random_bytes(file->size_bytes, seed_ + batch.first + contents.size()));
      NewAttributes attributes;
      attributes.mode = 0644;
      requests.push_back({batch.directory.get(), file->name, contents.back(), attributes});
    }
    auto put = co_await tree_.put_files(requests, ReadBack::kNo);
    for (const auto& result : put) {
      if (!result) co_return result.error();
    }
    co_return ok();
  }

  Task<Status> put_large(Batch batch) {
    const PlannedFile& planned = *batch.files[0];
    NewAttributes attributes;
    attributes.mode = 0644;
    auto file = co_await tree_.create_file(batch.directory, planned.name, attributes);
    if (!file) co_return std::move(file).error();
    std::uint32_t step = tree_.preferences().write_bytes;
    Status done = ok();
    for (std::uint64_t offset = 0; done && offset < planned.size_bytes && stop_.load() == 0;) {
      std::uint64_t count = std::min<std::uint64_t>(step, planned.size_bytes - offset);
      std::vector<std::byte> bytes =
          random_bytes(count, (seed_ + batch.first) * 1'000'003 + offset);
      done = co_await (*file)->write(offset, bytes);
      offset += count;
    }
    if (done) done = co_await (*file)->commit(planned.size_bytes);
    if (done) co_return co_await (*file)->finish(attributes);
    co_await (*file)->abandon();
    co_return done;
  }

  FullTree& tree_;
  const std::vector<PlannedDirectory>& plan_;
  const std::uint64_t seed_;
  const StopFlag& stop_;
  std::map<std::string, DirectoryPtr> by_path_;
  std::vector<DirectoryPtr> directories_;  // of the plan, in its order
  std::size_t at_directory_ = 0;
  std::size_t at_file_ = 0;
  std::uint64_t taken_ = 0;
  std::optional<Error> failed_;
};

class Remover {
 public:
  explicit Remover(FullTree& tree) : tree_(tree) {}

  Task<void> remove_directory(DirectoryPtr parent, Entry entry) {
    auto opened = co_await tree_.open_directory(parent, entry);
    if (!opened) {
      note(opened.error());
      co_return;
    }
    std::vector<Entry> entries = co_await list(*opened);
    std::vector<RemoveEntry> requests;
    for (Entry& child : entries) {
      if (child.attributes.type == FileType::kDirectory)
        co_await remove_directory(*opened, std::move(child));
      else
        requests.push_back({opened->get(), child.name, false});
    }
    if (!requests.empty()) co_await remove(std::move(requests));
    std::vector<RemoveEntry> itself{{parent.get(), entry.name, true}};
    co_await remove(std::move(itself));
  }

  Status status() const { return failed_ ? Status(*failed_) : ok(); }

 private:
  // All of them before the first is removed: removing may move what a cookie stands for.
  Task<std::vector<Entry>> list(DirectoryPtr directory) {
    std::vector<Entry> entries;
    auto listing = tree_.list(directory);
    if (!listing) note(listing.error());
    for (bool more = listing.has_value(); more;) {
      auto page = co_await (*listing)->next();
      if (!page) {
        note(page.error());
        break;
      }
      std::move(page->entries.begin(), page->entries.end(), std::back_inserter(entries));
      more = !page->eof;
    }
    co_return entries;
  }

  Task<void> remove(std::vector<RemoveEntry> requests) {
    auto removed = co_await tree_.remove(requests);
    for (const Status& status : removed) {
      if (!status && !means_no_entry(status.error())) note(status.error());
    }
  }

  void note(const Error& error) {
    if (!failed_) failed_ = error;
  }

  FullTree& tree_;
  std::optional<Error> failed_;
};

}  // namespace

Task<Status> make_tree_of(FullTree& tree, std::string name,
                          const std::vector<PlannedDirectory>& plan, std::uint64_t seed,
                          const StopFlag& stop) {
  Maker maker(tree, plan, seed, stop);
  co_return co_await maker.go(std::move(name));
}

Task<Status> remove_tree(FullTree& tree, std::string name) {
  auto entry = co_await tree.lookup(tree.root(), name);
  if (!entry && means_no_entry(entry.error())) co_return ok();
  if (!entry) co_return std::move(entry).error();
  Remover remover(tree);
  co_await remover.remove_directory(tree.root(), *std::move(entry));
  co_return remover.status();
}

}  // namespace nfsferry::api
