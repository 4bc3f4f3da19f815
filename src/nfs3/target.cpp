// Putting files, making links and special files, setting attributes, removing. NFSv3 has a request
// for each step; many entries are on their way at once, as far as the client's window lets them.
#include <algorithm>

#include "base/treatment.hpp"
#include "nfs3/listing.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "tree/new_directory.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::nfs3 {
namespace {

NewAttributes with_mode(NewAttributes attributes, std::uint32_t mode) {
  attributes.mode = mode;
  return attributes;
}

Error about(Error error, std::string_view name) {
  if (error.path.empty()) error.path = std::string(name);
  return error;
}

NewAttributes owner_of(const NewAttributes& attributes) {
  NewAttributes out;
  out.owner = attributes.owner;
  out.group = attributes.group;
  return out;
}

Task<Result<ReadRange>> read_range(Client& client, const FileHandle& file,
                                   std::uint64_t offset_bytes, std::uint32_t count) {
  auto got = co_await read(client, file, offset_bytes, count);
  if (!got) co_return std::move(got).error();
  co_return ReadRange{std::move(got->data), got->eof};
}

}  // namespace

bool begins_again(const Error& error) {
  Treatment treat = treatment(error);
  return treat == Treatment::kRedo || treat == Treatment::kReopen || treat == Treatment::kSendLess;
}

Task<void> remove_quietly(Client& client, const FileHandle& directory, std::string name) {
  for (unsigned attempts = 0; attempts < Nfs3Tree::kAttemptsMost; ++attempts) {
    Status removed = co_await remove(client, directory, name);
    if (removed || !begins_again(removed.error())) co_return;
  }
}

Task<Result<Found>> found_of(Client& client, const FileHandle& directory, std::string name,
                             Made made) {
  Found found{std::move(made.handle), std::move(made.attributes)};
  if (found.handle.empty() || found.handle.size() > kFileHandleMost) {
    auto looked_up = co_await lookup(client, directory, std::move(name));
    if (!looked_up) co_return std::move(looked_up).error();
    found = *std::move(looked_up);
  }
  if (!found.attributes) {
    auto attributes = co_await getattr(client, found.handle);
    if (!attributes) co_return std::move(attributes).error();
    found.attributes = *std::move(attributes);
  }
  co_return std::move(found);
}

Task<Status> set_in_order(Client& client, const FileHandle& file, const NewAttributes& attributes,
                          bool owner) {
  if (owner && (attributes.owner || attributes.group)) {
    NFSFERRY_TRY(Ok owned, co_await setattr(client, file, attributes, kChooseOwner), co_return);
  }
  if (attributes.mode || attributes.mtime || attributes.atime) {
    NFSFERRY_TRY(Ok dated, co_await setattr(client, file, attributes, kChooseModeAndTimes),
                 co_return);
  }
  co_return ok();
}

Task<Status> rename_into_place(Client& client, const FileHandle& directory, std::string temporary,
                               std::string name, std::uint64_t fileid) {
  bool unknown = false;
  for (unsigned attempts = 0;;) {
    Status renamed = co_await rename(client, directory, temporary, directory, name);
    if (renamed) co_return ok();
    Error error = std::move(renamed).error();
    unknown = unknown || error.is(Own::kOutcomeUnknown);
    if (!unknown) co_return error;
    auto found = co_await entry_of(client, directory, name);
    if (found && fileid != 0 && found->attributes.fileid == fileid) co_return ok();
    if (!begins_again(error) || ++attempts >= Nfs3Tree::kAttemptsMost) co_return error;
  }
}

Task<Status> write_durably(Client& client, const FileHandle& file, std::span<const std::byte> bytes,
                           std::size_t write_most) {
  for (std::uint64_t offset = 0; !bytes.empty();) {
    auto part = bytes.first(std::min(bytes.size(), write_most));
    auto written = co_await write(client, file, offset, part, Stable::kFileSync);
    if (!written) co_return std::move(written).error();
    if (!written->committed) {
      co_return own_error(Own::kBadReply, "WRITE", "not durable, as was asked for");
    }
    offset += written->count;
    bytes = bytes.subspan(written->count);
  }
  co_return ok();
}

// ---- small files

Task<Status> Nfs3Tree::fill(const FileHandle& file, const PutFile& item, ReadBack read_back) {
  auto write_most = preferences().write_bytes;
  NFSFERRY_TRY(Ok written, co_await write_durably(client_, file, item.data, write_most), co_return);
  if (read_back == ReadBack::kCompare && !item.data.empty()) {
    auto read = [this, &file](std::uint64_t at, std::uint32_t count) {
      return read_range(client_, file, at, count);
    };
    Error otherwise =
        own_error(Own::kVerifyMismatch, "READ", "read back differs from what was sent");
    NFSFERRY_TRY(Ok same, co_await expect_bytes(read, 0, item.data, std::move(otherwise)),
                 co_return);
  }
  co_return co_await set_in_order(client_, file, item.attributes, !owner_at_create());
}

Task<Result<PutResult>> Nfs3Tree::put_once(const PutFile& item, ReadBack read_back) {
  const FileHandle& directory = handle_of(item.parent);
  std::string temporary = temporary_name(mark());
  AttrChoice choice{owner_at_create(), true, false};
  NewAttributes first = with_mode(item.attributes, 0600);
  auto made = co_await create(client_, directory, temporary, first, choice);
  Status put = ok();
  std::uint64_t fileid = 0;
  if (made) {
    auto file = co_await found_of(client_, directory, temporary, *std::move(made));
    if (file) {
      fileid = file->attributes->fileid;
      put = co_await fill(file->handle, item, read_back);
    } else {
      put = std::move(file).error();
    }
    std::string name(item.name);
    if (put)
      put = co_await rename_into_place(client_, directory, temporary, std::move(name), fileid);
  } else {
    put = std::move(made).error();
  }
  if (put) co_return PutResult{fileid};
  co_await remove_quietly(client_, directory, std::move(temporary));
  co_return std::move(put).error();
}

Task<void> Nfs3Tree::put_one(const PutFile& item, ReadBack read_back, Result<PutResult>& result) {
  Status named = check_name("CREATE", item.name);
  if (!named) {
    result = std::move(named).error();
    co_return;
  }
  for (unsigned attempts = 1;; ++attempts) {
    result = co_await put_once(item, read_back);
    if (result) co_return;
    if (!begins_again(result.error()) || attempts >= kAttemptsMost) break;
    client_.count_retry();
  }
  result = about(std::move(result).error(), item.name);
}

Task<std::vector<Result<PutResult>>> Nfs3Tree::put_files(std::span<const PutFile> items,
                                                         ReadBack read_back) {
  std::vector<Result<PutResult>> results;
  results.reserve(items.size());
  TaskGroup group;
  for (const PutFile& item : items) {
    results.push_back(PutResult{});
    group.spawn(put_one(item, read_back, results.back()));
  }
  co_await group.join();
  co_return results;
}

// ---- directories

// One that is there already is taken for what was asked for; after a lost reply, for made by it
// where it looks so.
Task<void> Nfs3Tree::make_directory(const MakeDirectory& item, Result<MadeDirectory>& result) {
  const FileHandle& parent = handle_of(item.parent.get());
  Status named = check_name("MKDIR", item.name);
  if (!named) {
    result = std::move(named).error();
    co_return;
  }
  NewAttributes first = with_mode(item.attributes, 0700);
  AttrChoice choice{owner_at_create(), true, false};
  Result<Made> made = own_error(Own::kOutcomeUnknown, "MKDIR");
  bool unknown = false;
  for (unsigned attempts = 0; attempts < kAttemptsMost; ++attempts) {
    made = co_await mkdir(client_, parent, item.name, first, choice);
    if (made || !begins_again(made.error())) break;
    unknown = unknown || made.error().is(Own::kOutcomeUnknown);
  }
  bool there = !made && is_status(made.error(), Nfsstat3::kExist);
  if (!made && !there) {
    result = about(std::move(made).error(), item.name);
    co_return;
  }
  Made known = made ? *std::move(made) : Made{};
  auto found = co_await found_of(client_, parent, item.name, std::move(known));
  if (!found) {
    result = about(std::move(found).error(), item.name);
    co_return;
  }
  if (found->attributes->type != FileType::kDirectory) {
    std::string type(file_type_name(found->attributes->type));
    result =
        own_error(Own::kTypeConflict, "mkdir", "a " + type + " stands where a directory should be");
    co_return;
  }
  MadeDirectory out;
  out.directory = std::make_shared<Nfs3Directory>(found->handle);
  out.entry = Entry{item.name, *std::move(found->attributes), std::move(found->handle)};
  out.created = !there;
  if (there && unknown) {
    auto judged = co_await judged_by_its_looks(*this, std::move(out));
    if (!judged) {
      result = about(std::move(judged).error(), item.name);
      co_return;
    }
    out = *std::move(judged);
  }
  if (out.created && !owner_at_create()) {
    NewAttributes owner = owner_of(item.attributes);
    Status owned = co_await set_in_order(client_, handle_of(out.directory.get()), owner, true);
    if (!owned) {
      result = about(std::move(owned).error(), item.name);
      co_return;
    }
  }
  result = std::move(out);
}

Task<std::vector<Result<MadeDirectory>>> Nfs3Tree::make_directories(
    std::span<const MakeDirectory> items) {
  std::vector<Result<MadeDirectory>> results;
  results.reserve(items.size());
  TaskGroup group;
  for (const MakeDirectory& item : items) {
    results.push_back(own_error(Own::kCancelled, "MKDIR"));
    group.spawn(make_directory(item, results.back()));
  }
  co_await group.join();
  co_return results;
}

}  // namespace nfsferry::nfs3
