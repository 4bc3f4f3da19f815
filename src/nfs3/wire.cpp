#include "nfs3/wire.hpp"

#include <algorithm>
#include <string>

namespace nfsferry::nfs3 {
namespace {

constexpr std::uint32_t kModeBits = 07777;
constexpr std::uint32_t kNanosecondsMost = 999'999'999;

}  // namespace

nfs_fh3 wire(const FileHandle& handle) {
  nfs_fh3 out{};
  out.data.data_len = static_cast<u_int>(handle.size());
  out.data.data_val = const_cast<char*>(handle.data());
  return out;
}
diropargs3 wire(const FileHandle& directory, const std::string& name) {
  return diropargs3{wire(directory), const_cast<char*>(name.c_str())};
}

nfstime3 wire(Time time) {
  if (time.seconds <= 0) return nfstime3{0, 0};
  if (time.seconds >= kMostSeconds) return nfstime3{static_cast<u_int>(kMostSeconds), 0};
  return nfstime3{static_cast<u_int>(time.seconds), time.nanoseconds};
}

sattr3 wire(const NewAttributes& attributes, AttrChoice choice) {
  sattr3 out{};
  if (choice.mode && attributes.mode) {
    out.mode.set_it = 1;
    out.mode.set_mode3_u.mode = *attributes.mode;
  }
  if (choice.owner && attributes.owner) {
    out.uid.set_it = 1;
    out.uid.set_uid3_u.uid = *attributes.owner;
  }
  if (choice.owner && attributes.group) {
    out.gid.set_it = 1;
    out.gid.set_gid3_u.gid = *attributes.group;
  }
  if (choice.times && attributes.atime) {
    out.atime.set_it = SET_TO_CLIENT_TIME;
    out.atime.set_atime_u.atime = wire(*attributes.atime);
  }
  if (choice.times && attributes.mtime) {
    out.mtime.set_it = SET_TO_CLIENT_TIME;
    out.mtime.set_mtime_u.mtime = wire(*attributes.mtime);
  }
  return out;
}

FileType type_from(ftype3 type) {
  switch (type) {
    case NF3REG: return FileType::kRegular;
    case NF3DIR: return FileType::kDirectory;
    case NF3BLK: return FileType::kBlockDevice;
    case NF3CHR: return FileType::kCharacterDevice;
    case NF3LNK: return FileType::kSymlink;
    case NF3SOCK: return FileType::kSocket;
    case NF3FIFO: return FileType::kFifo;
  }
  return FileType::kOther;
}
ftype3 type_to(FileType type) {
  switch (type) {
    case FileType::kBlockDevice: return NF3BLK;
    case FileType::kCharacterDevice: return NF3CHR;
    case FileType::kSocket: return NF3SOCK;
    default: return NF3FIFO;
  }
}

Time time_from(const nfstime3& time) {
  return Time{time.seconds, std::min<std::uint32_t>(time.nseconds, kNanosecondsMost)};
}

Attributes attributes_from(const fattr3& from) {
  Attributes out;
  out.type = type_from(from.type);
  out.mode = from.mode & kModeBits;
  out.link_count = from.nlink;
  out.size_bytes = from.size;
  out.used_bytes = from.used;
  out.fileid = from.fileid;
  Time ctime = time_from(from.ctime);
  out.change = static_cast<std::uint64_t>(ctime.seconds) * 1'000'000'000u + ctime.nanoseconds;
  out.fsid = FileSystemId{from.fsid, 0};
  out.owner = parse_owner(std::to_string(from.uid));
  out.group = parse_owner(std::to_string(from.gid));
  out.mtime = time_from(from.mtime);
  out.atime = time_from(from.atime);
  out.device_major = from.rdev.specdata1;
  out.device_minor = from.rdev.specdata2;
  return out;
}
std::optional<Attributes> attributes_from(const post_op_attr& from) {
  if (!from.attributes_follow) return std::nullopt;
  return attributes_from(from.post_op_attr_u.attributes);
}

FileHandle handle_from(const nfs_fh3& from) {
  return FileHandle(from.data.data_val, from.data.data_len);
}
FileHandle handle_from(const post_op_fh3& from) {
  return from.handle_follows ? handle_from(from.post_op_fh3_u.handle) : FileHandle();
}
Verifier verifier_from(const char* bytes) {
  Verifier out{};
  std::copy_n(bytes, out.size(), out.begin());
  return out;
}

bool is_handle(const FileHandle& handle) {
  return !handle.empty() && handle.size() <= kFileHandleMost;
}

}  // namespace nfsferry::nfs3
