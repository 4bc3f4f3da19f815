#include "nfs3/procedures.hpp"

#include <algorithm>
#include <cstring>

#include "nfs3/long_symlink.hpp"
#include "nfs3/wire.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr std::uint16_t kRpcbindPort = 111;

// A request of these arguments; `take_ok` is given a reply whose status is OK.
template <typename Reply, typename Args, typename TakeOk>
class CallOf final : public Call {
 public:
  CallOf(std::string_view kind, Args args, TakeOk take_ok)
      : Call(kind), args_(args), take_ok_(std::move(take_ok)) {}

 private:
  bool queue(rpc_context* rpc) override { return send(rpc, &Call::on_reply, args_, this); }
  Status take(void* data) override {
    const auto& reply = *static_cast<const Reply*>(data);
    if (reply.status != NFS3_OK) {
      return nfs3_error(static_cast<std::uint32_t>(reply.status), kind());
    }
    return take_ok_(reply);
  }

  Args args_;
  TakeOk take_ok_;
};

template <typename Reply, typename Args, typename TakeOk>
Task<Status> ask(Client& client, std::string_view kind, Repeat repeat, Args args, TakeOk take_ok) {
  CallOf<Reply, Args, TakeOk> call(kind, args, std::move(take_ok));
  co_return co_await client.perform(call, repeat);
}

struct TakeNothing {
  template <typename Reply>
  Status operator()(const Reply&) const {
    return ok();
  }
};

class MountCall final : public Call {
 public:
  MountCall(std::string path, FileHandle& handle)
      : Call("MNT"), path_(std::move(path)), args_{path_.c_str()}, handle_(handle) {}

 private:
  bool queue(rpc_context* rpc) override { return send(rpc, &Call::on_reply, args_, this); }
  Status take(void* data) override {
    const auto& reply = *static_cast<const mountres3*>(data);
    // mountstat3 has nfsstat3's numbers.
    if (reply.fhs_status != MNT3_OK) {
      return nfs3_error(static_cast<std::uint32_t>(reply.fhs_status), kind());
    }
    const fhandle3& handle = reply.mountres3_u.mountinfo.fhandle;
    handle_.assign(handle.fhandle3_val, handle.fhandle3_len);
    if (!is_handle(handle_)) return own_error(Own::kBadReply, kind(), "no file handle");
    return ok();
  }

  std::string path_;
  MountArgs args_;
  FileHandle& handle_;
};

class GetportCall final : public Call {
 public:
  explicit GetportCall(GetportArgs args) : Call("GETPORT"), args_(args) {}
  std::uint32_t port() const { return port_; }

 private:
  bool queue(rpc_context* rpc) override { return send(rpc, &Call::on_reply, args_, this); }
  Status take(void* data) override {
    port_ = *static_cast<const std::uint32_t*>(data);
    return ok();
  }

  GetportArgs args_;
  std::uint32_t port_ = 0;
};

RawEntry entry_from(const entryplus3& from) {
  RawEntry out;
  out.name = from.name == nullptr ? "" : from.name;
  out.cookie = from.cookie;
  out.handle = handle_from(from.name_handle);
  out.attributes = attributes_from(from.name_attributes);
  return out;
}

Task<Result<Made>> create(Client& client, const CREATE3args& args, Repeat repeat) {
  Made made;
  auto take = [&made](const CREATE3res& reply) {
    made = made_from(reply.CREATE3res_u.resok);
    return ok();
  };
  Status done = co_await ask<CREATE3res>(client, "CREATE", repeat, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(made);
}

}  // namespace

Error nfs3_error(std::uint32_t status, std::string_view operation) {
  return Error{Domain::kNfs3, status, std::string(operation), {}, {}};
}

bool is_status(const Error& error, Nfsstat3 status) {
  return error.domain == Domain::kNfs3 && error.code == static_cast<std::uint32_t>(status);
}

Task<Result<Attributes>> getattr(Client& client, const FileHandle& file) {
  Attributes got;
  auto take = [&got](const GETATTR3res& reply) {
    got = attributes_from(reply.GETATTR3res_u.resok.obj_attributes);
    return ok();
  };
  GETATTR3args args{wire(file)};
  Status done =
      co_await ask<GETATTR3res>(client, "GETATTR", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return got;
}

Task<Status> setattr(Client& client, const FileHandle& file, const NewAttributes& attributes,
                     AttrChoice choice) {
  SETATTR3args args{};
  args.object = wire(file);
  args.new_attributes = wire(attributes, choice);
  TakeNothing take;
  co_return co_await ask<SETATTR3res>(client, "SETATTR", Repeat::kIdempotent, args, take);
}

Task<Status> set_size(Client& client, const FileHandle& file, std::uint64_t size_bytes) {
  SETATTR3args args{};
  args.object = wire(file);
  args.new_attributes.size.set_it = 1;
  args.new_attributes.size.set_size3_u.size = size_bytes;
  TakeNothing take;
  co_return co_await ask<SETATTR3res>(client, "SETATTR", Repeat::kIdempotent, args, take);
}

Task<Result<Found>> lookup(Client& client, const FileHandle& directory, std::string name) {
  Found found;
  auto take = [&found](const LOOKUP3res& reply) -> Status {
    const LOOKUP3resok& resok = reply.LOOKUP3res_u.resok;
    found = Found{handle_from(resok.object), attributes_from(resok.obj_attributes)};
    if (!is_handle(found.handle)) return own_error(Own::kBadReply, "LOOKUP", "no file handle");
    return ok();
  };
  LOOKUP3args args{wire(directory, name)};
  Status done =
      co_await ask<LOOKUP3res>(client, "LOOKUP", Repeat::kIdempotent, args, std::move(take));
  if (!done) {
    Error error = std::move(done).error();
    error.path = std::move(name);
    co_return error;
  }
  co_return std::move(found);
}

Task<Result<std::string>> readlink(Client& client, const FileHandle& link) {
  std::string text;
  auto take = [&text](const READLINK3res& reply) {
    const char* data = reply.READLINK3res_u.resok.data;
    text = data == nullptr ? "" : data;
    return ok();
  };
  READLINK3args args{wire(link)};
  Status done =
      co_await ask<READLINK3res>(client, "READLINK", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(text);
}

// libnfs (4 and 5) receives into a buffer of its own, which is copied here.
Task<Result<ReadReply>> read(Client& client, const FileHandle& file, std::uint64_t offset_bytes,
                             std::uint32_t count) {
  ReadReply got;
  got.data.owner = client.loop().buffers().get(count);
  auto take = [&got, count](const READ3res& reply) -> Status {
    const READ3resok& resok = reply.READ3res_u.resok;
    std::size_t size = resok.data.data_len;
    if (size > count) return own_error(Own::kBadReply, "READ", "more data than asked for");
    std::byte* into = got.data.owner.bytes().data();
    const void* from = resok.data.data_val;
    if (size > 0 && from != nullptr && from != into) std::memcpy(into, from, size);
    got.data.bytes = got.data.owner.bytes().first(size);
    got.eof = resok.eof != 0;
    got.after = attributes_from(resok.file_attributes);
    return ok();
  };
  ReadArgs args;
  args.args.file = wire(file);
  args.args.offset = offset_bytes;
  args.args.count = count;
  args.into = got.data.owner.bytes().data();
  Status done = co_await ask<READ3res>(client, "READ", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(got);
}

Task<Result<Written>> write(Client& client, const FileHandle& file, std::uint64_t offset_bytes,
                            std::span<const std::byte> bytes, Stable stable) {
  Written written;
  auto take = [&written, most = bytes.size()](const WRITE3res& reply) -> Status {
    const WRITE3resok& resok = reply.WRITE3res_u.resok;
    if (resok.count == 0 || resok.count > most) {
      return own_error(Own::kShortWrite, "WRITE", "the server took nothing");
    }
    written = Written{resok.count, resok.committed == FILE_SYNC, verifier_from(resok.verf)};
    return ok();
  };
  WRITE3args args{};
  args.file = wire(file);
  args.offset = offset_bytes;
  args.count = static_cast<count3>(bytes.size());
  args.stable = stable == Stable::kFileSync ? FILE_SYNC : UNSTABLE;
  args.data.data_len = static_cast<u_int>(bytes.size());
  args.data.data_val = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  Status done =
      co_await ask<WRITE3res>(client, "WRITE", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return written;
}

Task<Result<Committed>> commit(Client& client, const FileHandle& file) {
  Committed committed;
  auto take = [&committed](const COMMIT3res& reply) {
    const COMMIT3resok& resok = reply.COMMIT3res_u.resok;
    committed = Committed{verifier_from(resok.verf), attributes_from(resok.file_wcc.after)};
    return ok();
  };
  COMMIT3args args{};
  args.file = wire(file);
  Status done =
      co_await ask<COMMIT3res>(client, "COMMIT", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(committed);
}

Task<Result<Made>> create(Client& client, const FileHandle& directory, std::string name,
                          const NewAttributes& attributes, AttrChoice choice) {
  CREATE3args args{};
  args.where = wire(directory, name);
  args.how.mode = GUARDED;
  args.how.createhow3_u.g_obj_attributes = wire(attributes, choice);
  co_return co_await create(client, args, Repeat::kOnce);
}

Task<Result<Made>> create_exclusive(Client& client, const FileHandle& directory, std::string name,
                                    Verifier verifier) {
  CREATE3args args{};
  args.where = wire(directory, name);
  args.how.mode = EXCLUSIVE;
  std::copy(verifier.begin(), verifier.end(), args.how.createhow3_u.verf);
  co_return co_await create(client, args, Repeat::kIdempotent);
}

Task<Result<Made>> mkdir(Client& client, const FileHandle& directory, std::string name,
                         const NewAttributes& attributes, AttrChoice choice) {
  Made made;
  auto take = [&made](const MKDIR3res& reply) {
    made = made_from(reply.MKDIR3res_u.resok);
    return ok();
  };
  MKDIR3args args{};
  args.where = wire(directory, name);
  args.attributes = wire(attributes, choice);
  Status done = co_await ask<MKDIR3res>(client, "MKDIR", Repeat::kOnce, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(made);
}

Task<Result<Made>> symlink(Client& client, const FileHandle& directory, std::string name,
                           std::string text, const NewAttributes& attributes, AttrChoice choice) {
  if (text.size() > kQueuedTextMost) {
    co_return co_await long_symlink(client, directory, std::move(name), std::move(text), attributes,
                                    choice);
  }
  Made made;
  auto take = [&made](const SYMLINK3res& reply) {
    made = made_from(reply.SYMLINK3res_u.resok);
    return ok();
  };
  SYMLINK3args args{};
  args.where = wire(directory, name);
  args.symlink.symlink_attributes = wire(attributes, choice);
  args.symlink.symlink_data = text.data();
  Status done = co_await ask<SYMLINK3res>(client, "SYMLINK", Repeat::kOnce, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(made);
}

Task<Result<Made>> mknod(Client& client, const FileHandle& directory, std::string name,
                         Special special, const NewAttributes& attributes, AttrChoice choice) {
  Made made;
  auto take = [&made](const MKNOD3res& reply) {
    made = made_from(reply.MKNOD3res_u.resok);
    return ok();
  };
  MKNOD3args args{};
  args.where = wire(directory, name);
  args.what.type = type_to(special.type);
  sattr3 wanted = wire(attributes, choice);
  devicedata3 device{wanted, specdata3{special.device_major, special.device_minor}};
  switch (args.what.type) {
    case NF3CHR: args.what.mknoddata3_u.chr_device = device; break;
    case NF3BLK: args.what.mknoddata3_u.blk_device = device; break;
    case NF3SOCK: args.what.mknoddata3_u.sock_attributes = wanted; break;
    default: args.what.mknoddata3_u.pipe_attributes = wanted; break;
  }
  Status done = co_await ask<MKNOD3res>(client, "MKNOD", Repeat::kOnce, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(made);
}

Task<Status> link(Client& client, const FileHandle& file, const FileHandle& directory,
                  std::string name) {
  LINK3args args{wire(file), wire(directory, name)};
  TakeNothing take;
  co_return co_await ask<LINK3res>(client, "LINK", Repeat::kOnce, args, take);
}

Task<Status> remove(Client& client, const FileHandle& directory, std::string name) {
  REMOVE3args args{wire(directory, name)};
  TakeNothing take;
  co_return co_await ask<REMOVE3res>(client, "REMOVE", Repeat::kOnce, args, take);
}

Task<Status> rmdir(Client& client, const FileHandle& directory, std::string name) {
  RMDIR3args args{wire(directory, name)};
  TakeNothing take;
  co_return co_await ask<RMDIR3res>(client, "RMDIR", Repeat::kOnce, args, take);
}

Task<Status> rename(Client& client, const FileHandle& from, std::string name, const FileHandle& to,
                    std::string new_name) {
  RENAME3args args{wire(from, name), wire(to, new_name)};
  TakeNothing take;
  co_return co_await ask<RENAME3res>(client, "RENAME", Repeat::kOnce, args, take);
}

Task<Result<DirectoryPage>> readdirplus(Client& client, const FileHandle& directory,
                                        std::uint64_t cookie, Verifier verifier,
                                        std::uint32_t maxcount) {
  DirectoryPage page;
  auto take = [&page](const READDIRPLUS3res& reply) {
    const READDIRPLUS3resok& resok = reply.READDIRPLUS3res_u.resok;
    page.entries.clear();
    for (const void* next = resok.reply.entries; next != nullptr;) {
      entryplus3 one;  // libnfs 4.0 lays them out at multiples of 4 bytes
      std::memcpy(&one, next, sizeof one);
      page.entries.push_back(entry_from(one));
      next = one.nextentry;
    }
    page.verifier = verifier_from(resok.cookieverf);
    page.eof = resok.reply.eof != 0;
    return ok();
  };
  READDIRPLUS3args args{};
  args.dir = wire(directory);
  args.cookie = cookie;
  std::copy(verifier.begin(), verifier.end(), args.cookieverf);
  args.dircount = maxcount;
  args.maxcount = maxcount;
  Status done = co_await ask<READDIRPLUS3res>(client, "READDIRPLUS", Repeat::kIdempotent, args,
                                              std::move(take));
  if (!done) co_return std::move(done).error();
  co_return std::move(page);
}

Task<Result<ServerSizes>> fsinfo(Client& client, const FileHandle& root) {
  ServerSizes sizes;
  auto take = [&sizes](const FSINFO3res& reply) {
    const FSINFO3resok& resok = reply.FSINFO3res_u.resok;
    sizes.read_most = resok.rtmax;
    sizes.write_most = resok.wtmax;
    sizes.file_most = resok.maxfilesize;
    sizes.links = (resok.properties & FSF3_LINK) != 0;
    sizes.symlinks = (resok.properties & FSF3_SYMLINK) != 0;
    return ok();
  };
  FSINFO3args args{wire(root)};
  Status done =
      co_await ask<FSINFO3res>(client, "FSINFO", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return sizes;
}

Task<Result<ServerSpace>> fsstat(Client& client, const FileHandle& root) {
  ServerSpace space;
  auto take = [&space](const FSSTAT3res& reply) {
    const FSSTAT3resok& resok = reply.FSSTAT3res_u.resok;
    space = ServerSpace{Space{resok.tbytes, resok.abytes, resok.ffiles}, resok.fbytes};
    return ok();
  };
  FSSTAT3args args{wire(root)};
  Status done =
      co_await ask<FSSTAT3res>(client, "FSSTAT", Repeat::kIdempotent, args, std::move(take));
  if (!done) co_return std::move(done).error();
  co_return space;
}

Task<Result<std::uint16_t>> getport(Client& client, std::uint32_t program, std::uint32_t version) {
  GetportCall call(GetportArgs{program, version});
  Status done = co_await client.perform_at(kRpcbindPort, call);
  if (!done) co_return std::move(done).error();
  co_return static_cast<std::uint16_t>(call.port());
}

Task<Result<FileHandle>> mount(Client& client, std::uint16_t port, std::string path) {
  FileHandle handle;
  MountCall call(path, handle);
  Status done = co_await client.perform_at(port, call);
  if (!done) {
    Error error = std::move(done).error();
    error.path = std::move(path);
    co_return error;
  }
  co_return std::move(handle);
}

}  // namespace nfsferry::nfs3
