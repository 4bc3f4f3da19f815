#include "copy/refusals.hpp"

namespace nfsferry::copy {

Task<Status> refuse_same_directory(Source& source, Target& target, std::string run_id) {
  const Attributes& from = source.root_entry().attributes;
  const Attributes& to = target.root_entry().attributes;
  if (from.fileid != to.fileid || from.fsid != to.fsid) co_return ok();

  std::string name = temporary_name(run_id);
  PutFile marker;
  marker.parent = target.root().get();
  marker.name = name;
  marker.attributes.mode = 0600;
  std::span<const PutFile> one(&marker, 1);
  auto made = co_await target.put_files(one, ReadBack::kNo);
  if (!made[0]) co_return std::move(made[0]).error();
  auto found = co_await source.lookup(source.root(), name);
  RemoveEntry entry{target.root().get(), name, false};
  std::span<const RemoveEntry> gone(&entry, 1);
  auto removed = co_await target.remove(gone);
  if (!removed[0]) co_return std::move(removed[0]).error();
  if (!found) co_return ok();
  co_return own_error(Own::kSameDirectory, "start",
                      "source and target are the same directory; nothing was copied");
}

}  // namespace nfsferry::copy
