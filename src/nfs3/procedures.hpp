// The procedures of NFSv3 (RFC 1813) and MOUNT version 3 that a tree needs, one function each, in
// our own types. Each sends one request, waits for its reply and takes it; what the server left out
// of a reply stays unset.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nfs3/client.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs3 {

using FileHandle = std::string;
using Verifier = std::array<char, 8>;

inline constexpr std::size_t kFileHandleMost = 64;  // NFS3_FHSIZE

// nfsstat3, as far as it is told apart here; the numbers are RFC 1813's.
enum class Nfsstat3 : std::uint32_t {
  kPerm = 1,
  kNoent = 2,
  kAcces = 13,
  kExist = 17,
  kNotdir = 20,
  kInval = 22,
  kNotSync = 10002,
  kBadCookie = 10003,
  kNotsupp = 10004,
};
Error nfs3_error(std::uint32_t status, std::string_view operation);
bool is_status(const Error& error, Nfsstat3 status);

// Which of the attributes a request sets.
struct AttrChoice {
  bool owner = false;
  bool mode = false;
  bool times = false;
};
inline constexpr AttrChoice kChooseOwner{true, false, false};
inline constexpr AttrChoice kChooseModeAndTimes{false, true, true};

// Seconds are 32 bits without a sign: what is before 1970 or after 2106 becomes the end of that
// range, and at both ends whole seconds are kept (Capabilities::kept()).
inline constexpr std::int64_t kMostSeconds = 0xffffffff;

struct Found {
  FileHandle handle;
  std::optional<Attributes> attributes;
};
// Of what was made; both may be missing.
struct Made {
  FileHandle handle;
  std::optional<Attributes> attributes;
};
struct ReadReply {
  Chunk data;
  bool eof = false;
  std::optional<Attributes> after;
};
enum class Stable : std::uint8_t { kUnstable, kFileSync };
struct Written {
  std::uint32_t count = 0;
  bool committed = false;  // durable already
  Verifier verifier{};
};
struct Committed {
  Verifier verifier{};
  std::optional<Attributes> attributes;  // of the file, where the server tells them
};
struct RawEntry {
  std::string name;
  std::uint64_t cookie = 0;
  FileHandle handle;
  std::optional<Attributes> attributes;
};
struct DirectoryPage {
  std::vector<RawEntry> entries;
  Verifier verifier{};
  bool eof = false;
};
struct ServerSizes {
  std::uint32_t read_most = 0;
  std::uint32_t write_most = 0;
  std::uint64_t file_most = 0;
  bool links = true;
  bool symlinks = true;
};

Task<Result<Attributes>> getattr(Client& client, const FileHandle& file);
Task<Status> setattr(Client& client, const FileHandle& file, const NewAttributes& attributes,
                     AttrChoice choice);
Task<Status> set_size(Client& client, const FileHandle& file, std::uint64_t size_bytes);
Task<Result<Found>> lookup(Client& client, const FileHandle& directory, std::string name);
Task<Result<std::string>> readlink(Client& client, const FileHandle& link);
Task<Result<ReadReply>> read(Client& client, const FileHandle& file, std::uint64_t offset_bytes,
                             std::uint32_t count);
Task<Result<Written>> write(Client& client, const FileHandle& file, std::uint64_t offset_bytes,
                            std::span<const std::byte> bytes, Stable stable);
Task<Result<Committed>> commit(Client& client, const FileHandle& file);
// Sent again, it finds what it has made by the verifier. Mode and times are anything until they are
// set.
Task<Result<Made>> create_exclusive(Client& client, const FileHandle& directory, std::string name,
                                    Verifier verifier);
// These five fail with kOutcomeUnknown when their reply is lost. CREATE is GUARDED.
Task<Result<Made>> create(Client& client, const FileHandle& directory, std::string name,
                          const NewAttributes& attributes, AttrChoice choice);
Task<Result<Made>> mkdir(Client& client, const FileHandle& directory, std::string name,
                         const NewAttributes& attributes, AttrChoice choice);
Task<Result<Made>> symlink(Client& client, const FileHandle& directory, std::string name,
                           std::string text, const NewAttributes& attributes, AttrChoice choice);
struct Special {
  FileType type = FileType::kFifo;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};
Task<Result<Made>> mknod(Client& client, const FileHandle& directory, std::string name,
                         Special special, const NewAttributes& attributes, AttrChoice choice);
Task<Status> link(Client& client, const FileHandle& file, const FileHandle& directory,
                  std::string name);
// So do these three.
Task<Status> remove(Client& client, const FileHandle& directory, std::string name);
Task<Status> rmdir(Client& client, const FileHandle& directory, std::string name);
Task<Status> rename(Client& client, const FileHandle& from, std::string name, const FileHandle& to,
                    std::string new_name);
Task<Result<DirectoryPage>> readdirplus(Client& client, const FileHandle& directory,
                                        std::uint64_t cookie, Verifier verifier,
                                        std::uint32_t maxcount);
Task<Result<ServerSizes>> fsinfo(Client& client, const FileHandle& root);
struct ServerSpace {
  Space space;
  std::uint64_t free_bytes = 0;  // to root
};
Task<Result<ServerSpace>> fsstat(Client& client, const FileHandle& root);

// At another port of the host. A port of 0 in the answer: no such program there.
Task<Result<std::uint16_t>> getport(Client& client, std::uint32_t program, std::uint32_t version);
Task<Result<FileHandle>> mount(Client& client, std::uint16_t port, std::string path);

}  // namespace nfsferry::nfs3
