// Reading: one READ for a whole small file, which also tells its attributes; ranges of large ones;
// texts of links. Many requests are in flight at once, as far as the client's window lets them.
#include "nfs3/nfs3_tree.hpp"

namespace nfsferry::nfs3 {
namespace {

class Nfs3SourceFile : public SourceFile {
 public:
  Nfs3SourceFile(Client& client, FileHandle handle) : client_(client), handle_(std::move(handle)) {}

  Task<Result<ReadRange>> read(std::uint64_t offset_bytes, std::uint32_t count) override {
    auto got = co_await nfs3::read(client_, handle_, offset_bytes, count);
    if (!got) co_return std::move(got).error();
    co_return ReadRange{std::move(got->data), got->eof};
  }
  Task<Result<Attributes>> attributes() override { return getattr(client_, handle_); }
  Task<Status> close() override { co_return ok(); }

 private:
  Client& client_;
  FileHandle handle_;
};

}  // namespace

Task<void> Nfs3Tree::read_one(SourceItem item, Result<SmallFile>& result) {
  const Entry& entry = *item.entry;
  auto count = static_cast<std::uint32_t>(entry.attributes.size_bytes);
  SmallFile file;
  std::optional<Attributes> after;
  if (count > 0) {
    auto got = co_await nfs3::read(client_, entry.handle, 0, count);
    if (!got) {
      result = std::move(got).error();
      co_return;
    }
    file.data = std::move(got->data);
    after = std::move(got->after);
  }
  if (!after) {
    auto attributes = co_await getattr(client_, entry.handle);
    if (!attributes) {
      result = std::move(attributes).error();
      co_return;
    }
    after = *std::move(attributes);
  }
  file.after = *std::move(after);
  file.complete = file.data.bytes.size() == count && file.after.size_bytes == count;
  result = std::move(file);
}

Task<std::vector<Result<SmallFile>>> Nfs3Tree::read_files(std::span<const SourceItem> items) {
  std::vector<Result<SmallFile>> results;
  results.reserve(items.size());
  TaskGroup group;
  for (const SourceItem& item : items) {
    results.push_back(own_error(Own::kCancelled, "READ"));
    group.spawn(read_one(item, results.back()));
  }
  co_await group.join();
  co_return results;
}

Task<Result<std::unique_ptr<SourceFile>>> Nfs3Tree::open_file(SourceItem item) {
  std::unique_ptr<SourceFile> file = std::make_unique<Nfs3SourceFile>(client_, item.entry->handle);
  co_return std::move(file);
}

Task<void> Nfs3Tree::read_link(SourceItem item, Result<std::string>& result) {
  result = co_await readlink(client_, item.entry->handle);
}

Task<std::vector<Result<std::string>>> Nfs3Tree::read_links(std::span<const SourceItem> items) {
  std::vector<Result<std::string>> results;
  results.reserve(items.size());
  TaskGroup group;
  for (const SourceItem& item : items) {
    results.push_back(own_error(Own::kCancelled, "READLINK"));
    group.spawn(read_link(item, results.back()));
  }
  co_await group.join();
  co_return results;
}

}  // namespace nfsferry::nfs3
