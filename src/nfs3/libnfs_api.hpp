// The one place that knows how libnfs's raw API changed: until 5 a request is queued by
// rpc_*_async, which returns 0, from 6 on by rpc_*_task, which returns the queued PDU. Everything
// else of nfs3 calls send().
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

#include <cstddef>
#include <cstdint>

// clang-format off: the raw headers use what this one declares
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <nfsc/libnfs-raw-portmap.h>
// clang-format on

namespace nfsferry::nfs3 {

struct MountArgs {
  const char* path = nullptr;
};
struct GetportArgs {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
};
struct ReadArgs {
  READ3args args{};
  void* into = nullptr;  // from 6 on the bytes are received there
};

struct NullArgs {};

namespace raw {
#if NFSFERRY_LIBNFS_MAJOR >= 6
constexpr auto kNull = &rpc_nfs3_null_task;
constexpr auto kGetattr = &rpc_nfs3_getattr_task;
constexpr auto kSetattr = &rpc_nfs3_setattr_task;
constexpr auto kLookup = &rpc_nfs3_lookup_task;
constexpr auto kReadlink = &rpc_nfs3_readlink_task;
constexpr auto kWrite = &rpc_nfs3_write_task;
constexpr auto kCreate = &rpc_nfs3_create_task;
constexpr auto kMkdir = &rpc_nfs3_mkdir_task;
constexpr auto kSymlink = &rpc_nfs3_symlink_task;
constexpr auto kMknod = &rpc_nfs3_mknod_task;
constexpr auto kRemove = &rpc_nfs3_remove_task;
constexpr auto kRmdir = &rpc_nfs3_rmdir_task;
constexpr auto kRename = &rpc_nfs3_rename_task;
constexpr auto kLink = &rpc_nfs3_link_task;
constexpr auto kReaddirplus = &rpc_nfs3_readdirplus_task;
constexpr auto kFsstat = &rpc_nfs3_fsstat_task;
constexpr auto kFsinfo = &rpc_nfs3_fsinfo_task;
constexpr auto kCommit = &rpc_nfs3_commit_task;
constexpr auto kMnt = &rpc_mount3_mnt_task;
constexpr auto kGetport = &rpc_pmap2_getport_task;
inline bool read(rpc_context* rpc, rpc_cb done, ReadArgs& read, void* data) {
  return rpc_nfs3_read_task(rpc, done, read.into, read.args.count, &read.args, data) != nullptr;
}
#else
constexpr auto kNull = &rpc_nfs3_null_async;
constexpr auto kGetattr = &rpc_nfs3_getattr_async;
constexpr auto kSetattr = &rpc_nfs3_setattr_async;
constexpr auto kLookup = &rpc_nfs3_lookup_async;
constexpr auto kReadlink = &rpc_nfs3_readlink_async;
constexpr auto kWrite = &rpc_nfs3_write_async;
constexpr auto kCreate = &rpc_nfs3_create_async;
constexpr auto kMkdir = &rpc_nfs3_mkdir_async;
constexpr auto kSymlink = &rpc_nfs3_symlink_async;
constexpr auto kMknod = &rpc_nfs3_mknod_async;
constexpr auto kRemove = &rpc_nfs3_remove_async;
constexpr auto kRmdir = &rpc_nfs3_rmdir_async;
constexpr auto kRename = &rpc_nfs3_rename_async;
constexpr auto kLink = &rpc_nfs3_link_async;
constexpr auto kReaddirplus = &rpc_nfs3_readdirplus_async;
constexpr auto kFsstat = &rpc_nfs3_fsstat_async;
constexpr auto kFsinfo = &rpc_nfs3_fsinfo_async;
constexpr auto kCommit = &rpc_nfs3_commit_async;
constexpr auto kMnt = &rpc_mount3_mnt_async;
constexpr auto kGetport = &rpc_pmap2_getport_async;
inline bool read(rpc_context* rpc, rpc_cb done, ReadArgs& read, void* data) {
  return rpc_nfs3_read_async(rpc, done, &read.args, data) == 0;
}
#endif

inline bool queued(int status) { return status == 0; }
inline bool queued(const void* pdu) { return pdu != nullptr; }
}  // namespace raw

inline bool send(rpc_context* rpc, rpc_cb done, NullArgs&, void* data) {
  return raw::queued(raw::kNull(rpc, done, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, GETATTR3args& args, void* data) {
  return raw::queued(raw::kGetattr(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, SETATTR3args& args, void* data) {
  return raw::queued(raw::kSetattr(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, LOOKUP3args& args, void* data) {
  return raw::queued(raw::kLookup(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, READLINK3args& args, void* data) {
  return raw::queued(raw::kReadlink(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, WRITE3args& args, void* data) {
  return raw::queued(raw::kWrite(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, CREATE3args& args, void* data) {
  return raw::queued(raw::kCreate(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, MKDIR3args& args, void* data) {
  return raw::queued(raw::kMkdir(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, SYMLINK3args& args, void* data) {
  return raw::queued(raw::kSymlink(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, MKNOD3args& args, void* data) {
  return raw::queued(raw::kMknod(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, REMOVE3args& args, void* data) {
  return raw::queued(raw::kRemove(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, RMDIR3args& args, void* data) {
  return raw::queued(raw::kRmdir(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, RENAME3args& args, void* data) {
  return raw::queued(raw::kRename(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, LINK3args& args, void* data) {
  return raw::queued(raw::kLink(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, READDIRPLUS3args& args, void* data) {
  return raw::queued(raw::kReaddirplus(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, FSSTAT3args& args, void* data) {
  return raw::queued(raw::kFsstat(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, FSINFO3args& args, void* data) {
  return raw::queued(raw::kFsinfo(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, COMMIT3args& args, void* data) {
  return raw::queued(raw::kCommit(rpc, done, &args, data));
}
inline bool send(rpc_context* rpc, rpc_cb done, ReadArgs& read, void* data) {
  return raw::read(rpc, done, read, data);
}
inline bool send(rpc_context* rpc, rpc_cb done, MountArgs& args, void* data) {
  return raw::queued(raw::kMnt(rpc, done, const_cast<char*>(args.path), data));
}
inline bool send(rpc_context* rpc, rpc_cb done, GetportArgs& args, void* data) {
  auto program = static_cast<int>(args.program);
  auto version = static_cast<int>(args.version);
  return raw::queued(raw::kGetport(rpc, program, version, IPPROTO_TCP, done, data));
}

}  // namespace nfsferry::nfs3
