// A directory of small files as NFSv4.1 carries it: the requests with which our tree lists, reads
// and writes it, and the replies that a server would give. The codec is the program's own; there is
// no file system, no session and no recovery. The shapes are those of Nfs4Listing, ReadFilesBatch
// and PutBatch (without read-back).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nfs4/compound.hpp"
#include "nfs4/rpc.hpp"

namespace nfsferry::bench {

struct SampleFile {
  std::string name;
  nfs4::FileHandle handle;
  std::uint64_t fileid = 0;
  std::uint32_t size_bytes = 0;
};

struct SampleDirectory {
  nfs4::FileHandle handle;
  std::vector<SampleFile> files;
};

// Sizes from 1 to 16 KiB, the same ones each time.
SampleDirectory sample_directory(std::size_t files);
std::vector<std::byte> sample_bytes(std::size_t count);

// What goes into one request where a server carries out 100 operations, SEQUENCE (and of the puts
// PUTFH and SAVEFH) among them.
inline constexpr std::size_t kOperationsMost = 100;
inline constexpr std::size_t kOperationsPerRead = 3;
inline constexpr std::size_t kOperationsPerPut = 8;
inline constexpr std::size_t kReadsPerRequest = (kOperationsMost - 1) / kOperationsPerRead;
inline constexpr std::size_t kPutsPerRequest = (kOperationsMost - 3) / kOperationsPerPut;

// As long as those of a copy.
inline constexpr std::string_view kTemporaryName =
    ".nfsferry-0123456789abcdef-abcdefghijklmnopqrstuvwxyz";

// A file on its way: what was listed and what was read.
struct Put {
  std::string_view name;
  std::string_view temporary;
  std::span<const std::byte> data;
};

// Requests. Names, handles and data are referred to until they are sent.
nfs4::Compound listing_request(const nfs4::FileHandle& directory);
nfs4::Compound read_request(std::span<const nfs4::Readdir::RawEntry> entries);
nfs4::Compound put_request(const nfs4::FileHandle& directory, std::span<const Put> puts);

// The results of those requests. Errors: as CompoundReply::take.
Result<nfs4::Readdir::Reply> take_listing(nfs4::CompoundReply& reply);
Result<std::vector<std::span<const std::byte>>> take_reads(nfs4::CompoundReply& reply,
                                                           std::size_t files);
Status take_puts(nfs4::CompoundReply& reply, std::size_t files);

// A request's RPC call and COMPOUND header with SEQUENCE, complete but for the body behind it.
nfs4::XdrWriter header_of(std::uint32_t xid, const nfs4::Compound& request);
std::vector<iovec> pieces_of(const nfs4::XdrWriter& header, const nfs4::Compound& request);
// Reads a record that begins with its xid. Errors: kBadReply and what the RPC header says.
Result<nfs4::CompoundReply> parse_record(Chunk record, const nfs4::Compound& request);

// Replies as whole records, the mark included; the xid stands behind it.
inline constexpr std::size_t kMarkBytes = 4;
std::vector<std::byte> listing_reply(const SampleDirectory& directory);
std::vector<std::byte> read_reply(std::span<const SampleFile> files);
std::vector<std::byte> put_reply(std::size_t files);

}  // namespace nfsferry::bench
