#include "small_files.hpp"

#include <algorithm>

namespace nfsferry::bench {
namespace {

using nfs4::Attr;
using nfs4::AttrMask;
using nfs4::Compound;
using nfs4::CompoundReply;
using nfs4::FileHandle;
using nfs4::NoReply;
using nfs4::Op;
using nfs4::Readdir;
using nfs4::Stateid;
using nfs4::XdrWriter;

constexpr std::uint32_t kMaxcount = 128u << 10;
constexpr std::uint32_t kProcedureCompound = 1;
constexpr std::size_t kHandleBytes = 40;
constexpr AttrMask kAfterRead{Attr::kChange, Attr::kSize, Attr::kTimeModify};

nfs4::Credentials credentials() { return {0, 0, {0}, "a-host-of-usual-length"}; }

NewAttributes new_attributes() {
  NewAttributes attributes;
  attributes.owner = 200'005;
  attributes.group = 1001;
  attributes.mode = 0644;
  attributes.mtime = Time{1'700'000'000, 123'456'789};
  attributes.atime = attributes.mtime;
  return attributes;
}

FileHandle numbered_handle(std::size_t number) {
  FileHandle handle(kHandleBytes, '\x5a');
  std::string text = std::to_string(number);
  handle.replace(0, text.size(), text);
  return handle;
}

// ---- what a server writes

// The mark is patched when the record is complete.
XdrWriter begin_reply(std::size_t results) {
  XdrWriter out;
  out.u32(0);                              // record mark
  out.u32(0);                              // xid
  out.u32(1);                              // reply
  for (int i = 0; i < 4; ++i) out.u32(0);  // accepted, AUTH_NONE, empty, success
  out.u32(0);                              // NFS4_OK
  out.text("");                            // tag
  out.u32(static_cast<std::uint32_t>(results + 1));
  out.u32(static_cast<std::uint32_t>(Op::kSequence));
  out.u32(0);
  nfs4::SessionId session{};
  out.fixed(session);
  for (int i = 0; i < 5; ++i) out.u32(0);  // sequence id, slot, two highest slots, flags
  return out;
}

std::vector<std::byte> end_reply(XdrWriter& out) {
  nfs4::patch_record_mark(out, out.size() - kMarkBytes);
  return {out.head().begin(), out.head().end()};
}

void ok_result(XdrWriter& out, Op op) {
  out.u32(static_cast<std::uint32_t>(op));
  out.u32(0);
}

void stateid_result(XdrWriter& out, Op op) {
  ok_result(out, op);
  Stateid{1, {}}.encode(out);
}

void change_info(XdrWriter& out) {
  out.boolean(true);
  out.u64(1);
  out.u64(2);
}

void time(XdrWriter& out) {
  out.i64(1'700'000'000);
  out.u32(123'456'789);
}

void entry_attributes(XdrWriter& out, const SampleFile& file) {
  XdrWriter values;
  values.u32(1);  // a regular file
  values.u64(file.fileid + 1'000'000);
  values.u64(file.size_bytes);
  values.u64(1);  // fsid
  values.u64(0);
  values.u32(0);  // rdattr_error
  values.text(file.handle);
  values.u64(file.fileid);
  values.u32(0644);
  values.u32(1);  // links
  values.text("200005");
  values.text("1001");
  values.u32(0);  // rawdev
  values.u32(0);
  values.u64((file.size_bytes + 4095) / 4096 * 4096);  // space_used
  time(values);
  time(values);
  nfs4::kEntryAttrs.encode(out);
  out.opaque(values.head());
}

void put_results(XdrWriter& out) {
  stateid_result(out, Op::kOpen);
  change_info(out);
  out.u32(4);  // LOCKTYPE_POSIX
  AttrMask{Attr::kMode, Attr::kOwner, Attr::kOwnerGroup}.encode(out);
  out.u32(0);  // no delegation
  ok_result(out, Op::kWrite);
  out.u32(8192);
  out.u32(0);  // UNSTABLE
  out.u64(7);  // verifier
  ok_result(out, Op::kVerify);
  ok_result(out, Op::kSetattr);
  AttrMask{Attr::kMode, Attr::kTimeAccessSet, Attr::kTimeModifySet}.encode(out);
  ok_result(out, Op::kCommit);
  out.u64(7);
  stateid_result(out, Op::kClose);
  ok_result(out, Op::kRestorefh);
  ok_result(out, Op::kRename);
  change_info(out);
  change_info(out);
}

Status take_put(CompoundReply& reply) {
  NFSFERRY_TRY(nfs4::OpenCreate::Reply opened, reply.take<nfs4::OpenCreate>(), return);
  NFSFERRY_TRY(nfs4::Write::Reply written, reply.take<nfs4::Write>(), return);
  NFSFERRY_TRY(NoReply same_size, reply.take<nfs4::Verify>(), return);
  NFSFERRY_TRY(NoReply dated, reply.take<nfs4::Setattr>(), return);
  NFSFERRY_TRY(nfs4::Commit::Reply committed, reply.take<nfs4::Commit>(), return);
  NFSFERRY_TRY(NoReply closed, reply.take<nfs4::Close>(), return);
  NFSFERRY_TRY(NoReply back, reply.take<nfs4::Restorefh>(), return);
  NFSFERRY_TRY(NoReply in_place, reply.take<nfs4::Rename>(), return);
  if (committed.verifier == written.verifier) return ok();
  return own_error(Own::kWriteVerifierChanged, "COMMIT");
}

}  // namespace

SampleDirectory sample_directory(std::size_t files) {
  constexpr std::uint32_t kLeast = 1024;
  constexpr std::uint32_t kStep = 7919;  // a prime, so that neighbours differ
  SampleDirectory directory;
  directory.handle = numbered_handle(0);
  for (std::uint32_t i = 1; i <= files; ++i) {
    std::string number = std::to_string(i);
    std::string name = "file-" + std::string(6 - std::min<std::size_t>(6, number.size()), '0');
    directory.files.push_back(
        {name + number, numbered_handle(i), i, kLeast + i * kStep % (15 * 1024 + 1)});
  }
  return directory;
}

std::vector<std::byte> sample_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 31 % 251);
  return bytes;
}

Compound listing_request(const FileHandle& directory) {
  Readdir readdir;
  readdir.maxcount = kMaxcount;
  readdir.mask = nfs4::kEntryAttrs;
  Compound request("READDIR", nfs4::Repeat::kIdempotent);
  request.add(nfs4::Putfh{{}, directory});
  request.add(readdir);
  request.expect_reply_payload(kMaxcount);
  return request;
}

Compound read_request(std::span<const Readdir::RawEntry> entries) {
  Compound request("READ", nfs4::Repeat::kIdempotent);
  for (const Readdir::RawEntry& entry : entries) {
    auto count = static_cast<std::uint32_t>(entry.fattr.attributes.size_bytes);
    request.add(nfs4::Putfh{{}, entry.fattr.handle});
    request.add(nfs4::Read{Stateid::anonymous(), 0, count});
    request.expect_reply_payload(count);
    request.add(nfs4::Getattr{kAfterRead});
  }
  return request;
}

Compound put_request(const FileHandle& directory, std::span<const Put> puts) {
  Compound request("PUT", nfs4::Repeat::kOnce);
  request.add(nfs4::Putfh{{}, directory});
  request.add(nfs4::Savefh{});
  nfs4::OpenCreate open;
  open.attributes = new_attributes();
  open.choice = nfs4::kChooseOwner;
  for (const Put& put : puts) {
    open.name = put.temporary;
    request.add(open);
    request.add(nfs4::Write{Stateid::current(), 0, put.data});
    request.add(nfs4::Verify{{}, put.data.size()});
    request.add(
        nfs4::Setattr{{}, Stateid::current(), open.attributes, nfs4::kChooseModeAndTimes, {}});
    request.add(nfs4::Commit{});
    request.add(nfs4::Close{{}, Stateid::current()});
    request.add(nfs4::Restorefh{});
    request.add(nfs4::Rename{{}, put.temporary, put.name});
  }
  return request;
}

Result<Readdir::Reply> take_listing(CompoundReply& reply) {
  NFSFERRY_TRY(NoReply at_directory, reply.take<nfs4::Putfh>(), return);
  return reply.take<Readdir>();
}

Result<std::vector<std::span<const std::byte>>> take_reads(CompoundReply& reply,
                                                           std::size_t files) {
  std::vector<std::span<const std::byte>> contents;
  contents.reserve(files);
  for (std::size_t i = 0; i < files; ++i) {
    NFSFERRY_TRY(NoReply at_file, reply.take<nfs4::Putfh>(), return);
    NFSFERRY_TRY(nfs4::Read::Reply read, reply.take<nfs4::Read>(), return);
    NFSFERRY_TRY(nfs4::Getattr::Reply after, reply.take<nfs4::Getattr>(), return);
    contents.push_back(read.data);
  }
  return contents;
}

Status take_puts(CompoundReply& reply, std::size_t files) {
  NFSFERRY_TRY(NoReply at_directory, reply.take<nfs4::Putfh>(), return);
  NFSFERRY_TRY(NoReply saved, reply.take<nfs4::Savefh>(), return);
  for (std::size_t i = 0; i < files; ++i) {
    NFSFERRY_TRY(Ok put, take_put(reply), return);
  }
  return ok();
}

XdrWriter header_of(std::uint32_t xid, const Compound& request) {
  static const nfs4::Credentials kCredentials = credentials();
  XdrWriter header;
  nfs4::encode_call(header, xid, nfs4::kProgram, nfs4::kVersion, kProcedureCompound, kCredentials);
  header.text("");
  header.u32(1);  // minor version
  header.u32(static_cast<std::uint32_t>(request.operations().size() + 1));
  header.u32(static_cast<std::uint32_t>(Op::kSequence));
  nfs4::Sequence{}.encode(header);
  nfs4::patch_record_mark(header, header.size() - kMarkBytes + request.body().size());
  return header;
}

std::vector<iovec> pieces_of(const XdrWriter& header, const Compound& request) {
  std::vector<iovec> pieces;
  header.append_pieces(pieces);
  request.body().append_pieces(pieces);
  return pieces;
}

Result<CompoundReply> parse_record(Chunk record, const Compound& request) {
  nfs4::XdrReader reader(record.bytes);
  reader.u32();  // xid
  NFSFERRY_TRY(Ok accepted, nfs4::decode_reply_header(reader), return);
  record.bytes = record.bytes.last(reader.remaining());
  return CompoundReply::parse(std::move(record), request.operations(), true);
}

std::vector<std::byte> listing_reply(const SampleDirectory& directory) {
  XdrWriter out = begin_reply(2);
  ok_result(out, Op::kPutfh);
  ok_result(out, Op::kReaddir);
  out.u64(0);  // verifier
  for (const SampleFile& file : directory.files) {
    out.boolean(true);
    out.u64(file.fileid + 2);  // cookie
    out.text(file.name);
    entry_attributes(out, file);
  }
  out.boolean(false);
  out.boolean(true);  // eof
  return end_reply(out);
}

std::vector<std::byte> read_reply(std::span<const SampleFile> files) {
  XdrWriter out = begin_reply(kOperationsPerRead * files.size());
  for (const SampleFile& file : files) {
    ok_result(out, Op::kPutfh);
    ok_result(out, Op::kRead);
    out.boolean(true);  // eof
    out.opaque(sample_bytes(file.size_bytes));
    ok_result(out, Op::kGetattr);
    XdrWriter values;
    values.u64(file.fileid + 1'000'000);
    values.u64(file.size_bytes);
    time(values);
    kAfterRead.encode(out);
    out.opaque(values.head());
  }
  return end_reply(out);
}

std::vector<std::byte> put_reply(std::size_t files) {
  XdrWriter out = begin_reply(2 + kOperationsPerPut * files);
  ok_result(out, Op::kPutfh);
  ok_result(out, Op::kSavefh);
  for (std::size_t i = 0; i < files; ++i) put_results(out);
  return end_reply(out);
}

}  // namespace nfsferry::bench
