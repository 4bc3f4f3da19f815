// Between libnfs's structs and ours. What goes out points to what it was made of.
#pragma once

#include <optional>
#include <string>

#include "nfs3/libnfs_api.hpp"
#include "nfs3/procedures.hpp"

namespace nfsferry::nfs3 {

nfs_fh3 wire(const FileHandle& handle);
diropargs3 wire(const FileHandle& directory, const std::string& name);
nfstime3 wire(Time time);
sattr3 wire(const NewAttributes& attributes, AttrChoice choice);
ftype3 type_to(FileType type);
Attributes attributes_from(const fattr3& from);
std::optional<Attributes> attributes_from(const post_op_attr& from);
FileHandle handle_from(const nfs_fh3& from);
FileHandle handle_from(const post_op_fh3& from);
Verifier verifier_from(const char* bytes);
bool is_handle(const FileHandle& handle);

template <typename Ok>
Made made_from(const Ok& ok) {
  return Made{handle_from(ok.obj), attributes_from(ok.obj_attributes)};
}

}  // namespace nfsferry::nfs3
