#include "contract_suite.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/nfsstat4.hpp"

namespace nfsferry::test {

Bytes pattern(std::size_t size_bytes, std::uint32_t seed) {
  Bytes bytes(size_bytes);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

Bytes bytes_of(std::string_view text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

bool means(const Error& error, int number) {
  if (error.domain == Domain::kErrno) return error.is_errno(number);
  if (error.domain != Domain::kNfs4 && error.domain != Domain::kNfs3) return false;
  auto status = static_cast<Nfsstat4>(error.code);  // nfsstat3 has the same numbers for these
  switch (number) {
    case ENOENT: return status == Nfsstat4::kNoent;
    case EEXIST: return status == Nfsstat4::kExist;
    case ENOTDIR: return status == Nfsstat4::kNotdir;
    case EISDIR: return status == Nfsstat4::kIsdir;
    case ENOTEMPTY: return status == Nfsstat4::kNotempty;
    case ENAMETOOLONG: return status == Nfsstat4::kNametoolong;
    case ESTALE: return status == Nfsstat4::kStale || status == Nfsstat4::kFhexpired;
    default: return false;
  }
}

void TreeContract::SetUp() {
  std::string missing;
  place_ = GetParam().make(missing);
  if (!place_ && HasFailure()) FAIL() << missing;  // a test that failed is not skipped, but run
  if (!place_) GTEST_SKIP() << missing;
  tree_ = &second_client();
  Status probed = run(tree_->probe(kOwner, kGroup));
  ASSERT_TRUE(probed) << probed.error().message();
}

void TreeContract::TearDown() {
  if (!place_) return;
  expect_no_temporaries();
  for (auto& client : clients_) run(client->close());
  clients_.clear();
}

FullTree& TreeContract::second_client() {
  clients_.push_back(place_->make_client());
  FullTree& client = *clients_.back();
  Status opened = run(client.open());
  EXPECT_TRUE(opened) << opened.error().message();
  return client;
}

void TreeContract::close_client(FullTree& client) {
  run(client.close());
  std::erase_if(clients_, [&](const auto& one) { return one.get() == &client; });
}

void TreeContract::expect_no_temporaries() {
  std::vector<DirectoryPtr> pending{tree().root()};
  while (!pending.empty()) {
    DirectoryPtr directory = std::move(pending.back());
    pending.pop_back();
    for (const Entry& found : list(tree(), directory)) {
      bool temporary = found.name.starts_with(kTemporaryPrefix) && found.name != kLockName;
      EXPECT_FALSE(temporary) << "left behind: " << found.name;
      if (found.attributes.type != FileType::kDirectory) continue;
      Result<DirectoryPtr> child = run(tree().open_directory(directory, found));
      EXPECT_TRUE(child) << child.error().message();
      if (child) pending.push_back(*std::move(child));
    }
  }
}

NewAttributes TreeContract::attributes(std::uint32_t mode, Time mtime) {
  NewAttributes wanted;
  wanted.mode = mode;
  wanted.mtime = mtime;
  if (can().change_owner) {
    wanted.owner = kOwner;
    wanted.group = kGroup;
  }
  return wanted;
}

Time TreeContract::kept(Time time) { return can().kept(time); }

void TreeContract::expect_owner(const Entry& entry, std::uint32_t owner, std::uint32_t group) {
  if (!can().change_owner) return;
  EXPECT_EQ(entry.attributes.owner, (Owner{owner, {}})) << entry.name;
  EXPECT_EQ(entry.attributes.group, (Owner{group, {}})) << entry.name;
}

Entry TreeContract::entry(const DirectoryPtr& directory, std::string_view name) {
  Result<Entry> found = run(tree().lookup(directory, std::string(name)));
  EXPECT_TRUE(found) << found.error().message();
  return found ? *std::move(found) : Entry{};
}

bool TreeContract::exists(const DirectoryPtr& directory, std::string_view name) {
  Result<Entry> found = run(tree().lookup(directory, std::string(name)));
  EXPECT_TRUE(found || means(found.error(), ENOENT)) << found.error().message();
  return found.has_value();
}

std::vector<Entry> TreeContract::list(FullTree& from, const DirectoryPtr& directory) {
  std::vector<Entry> entries;
  Result<std::unique_ptr<Listing>> listing = from.list(directory);
  EXPECT_TRUE(listing) << listing.error().message();
  for (bool eof = !listing; !eof;) {
    Result<ListingPage> page = run((*listing)->next());
    EXPECT_TRUE(page) << page.error().message();
    if (!page) break;
    EXPECT_TRUE(page->refused.empty()) << page->refused.front().message();
    for (Entry& found : page->entries) entries.push_back(std::move(found));
    eof = page->eof;
  }
  return entries;
}

std::vector<std::string> TreeContract::names(const DirectoryPtr& directory) {
  std::vector<std::string> found;
  for (Entry& one : list(tree(), directory)) found.push_back(std::move(one.name));
  std::sort(found.begin(), found.end());
  return found;
}

DirectoryPtr TreeContract::make_directory(const DirectoryPtr& parent, std::string_view name) {
  std::vector<MakeDirectory> items{{parent, std::string(name), {}}};
  auto made = run(tree().make_directories(items));
  EXPECT_EQ(made.size(), 1u);
  EXPECT_TRUE(made.at(0)) << made.at(0).error().message();
  return made.at(0) ? made.at(0)->directory : nullptr;
}

DirectoryPtr TreeContract::open_directory(FullTree& from, const DirectoryPtr& parent,
                                          std::string_view name) {
  Result<Entry> found = run(from.lookup(parent, std::string(name)));
  EXPECT_TRUE(found) << found.error().message();
  if (!found) return nullptr;
  Result<DirectoryPtr> directory = run(from.open_directory(parent, *found));
  EXPECT_TRUE(directory) << directory.error().message();
  return directory ? *directory : nullptr;
}

void TreeContract::put(const DirectoryPtr& directory, std::string_view name,
                       std::span<const std::byte> data, NewAttributes attributes) {
  auto results = put_files({PutFile{directory.get(), name, data, attributes}});
  EXPECT_TRUE(results.at(0)) << results.at(0).error().message();
}

void TreeContract::symlink(const DirectoryPtr& directory, std::string_view name,
                           std::string_view text) {
  std::vector<MakeSymlink> items{{directory.get(), name, text, {}}};
  auto results = run(tree().make_symlinks(items));
  EXPECT_EQ(results.size(), 1u);
  EXPECT_TRUE(results.at(0)) << results.at(0).error().message();
}

Bytes TreeContract::content(const DirectoryPtr& directory, std::string_view name) {
  return content(tree(), directory, name);
}

Bytes TreeContract::content(FullTree& from, const DirectoryPtr& directory, std::string_view name) {
  Result<Entry> found = run(from.lookup(directory, std::string(name)));
  EXPECT_TRUE(found) << found.error().message();
  if (!found) return {};
  std::vector<SourceItem> items{{directory.get(), &*found}};
  auto files = run(from.read_files(items));
  EXPECT_EQ(files.size(), 1u);
  EXPECT_TRUE(files.at(0)) << files.at(0).error().message();
  if (!files.at(0)) return {};
  EXPECT_TRUE(files.at(0)->complete);
  return Bytes(files.at(0)->data.bytes.begin(), files.at(0)->data.bytes.end());
}

std::string TreeContract::link_text(const DirectoryPtr& directory, std::string_view name) {
  Entry found = entry(directory, name);
  std::vector<SourceItem> items{{directory.get(), &found}};
  auto texts = run(tree().read_links(items));
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_TRUE(texts.at(0)) << texts.at(0).error().message();
  return texts.at(0) ? *texts.at(0) : std::string();
}

std::vector<Result<PutResult>> TreeContract::put_files(const std::vector<PutFile>& items,
                                                       ReadBack read_back) {
  auto results = run(tree().put_files(items, read_back));
  EXPECT_EQ(results.size(), items.size());
  return results;
}

}  // namespace nfsferry::test
