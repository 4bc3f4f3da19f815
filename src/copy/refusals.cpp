#include "copy/refusals.hpp"

namespace nfsferry::copy {

Task<Result<Result<Entry>>> look_for_marker(Target& target, DirectoryPtr place, std::string marker,
                                            Tree& tree, DirectoryPtr directory, std::string name) {
  PutFile file;
  file.parent = place.get();
  file.name = marker;
  file.attributes.mode = 0600;
  std::span<const PutFile> one(&file, 1);
  auto made = co_await target.put_files(one, ReadBack::kNo);
  if (!made[0]) co_return std::move(made[0]).error();
  auto found = co_await tree.lookup(std::move(directory), std::move(name));
  RemoveEntry entry{place.get(), marker, false};
  std::span<const RemoveEntry> gone(&entry, 1);
  auto removed = co_await target.remove(gone);
  if (!removed[0]) co_return std::move(removed[0]).error();
  co_return Result<Result<Entry>>(std::move(found));
}

// Not the file system's number: a server has one for NFSv4, another for NFSv3, and it may have one
// for each export of a directory; locally it is yet another.
bool may_be_target_root(const Attributes& attributes, const Target& target) {
  return attributes.fileid == target.root_entry().attributes.fileid;
}

Task<Result<bool>> is_target_root(Source& source, DirectoryPtr directory, Target& target) {
  std::string name = temporary_name(target.capabilities().lock_mark);
  DirectoryPtr root = target.root();
  auto asked = co_await look_for_marker(target, root, name, source, std::move(directory), name);
  if (!asked) co_return std::move(asked).error();
  co_return asked->has_value();
}

Task<Result<bool>> is_source_root(Target& target, DirectoryPtr directory, Source& source) {
  std::string name = temporary_name(target.capabilities().lock_mark);
  DirectoryPtr root = source.root();
  auto asked = co_await look_for_marker(target, std::move(directory), name, source, root, name);
  if (!asked) co_return std::move(asked).error();
  co_return asked->has_value();
}

Task<Status> refuse_same_directory(Source& source, Target& target) {
  if (!may_be_target_root(source.root_entry().attributes, target)) co_return ok();
  auto same = co_await is_target_root(source, source.root(), target);
  if (!same) co_return std::move(same).error();
  if (!*same) co_return ok();
  co_return own_error(Own::kSameDirectory, "start",
                      "source and target are the same directory; nothing was copied");
}

}  // namespace nfsferry::copy
