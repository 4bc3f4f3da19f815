#include "nfs3/nfs3_tree.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/treatment.hpp"
#include "nfs3/listing.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr std::uint32_t kMountProgram = 100005;
constexpr std::uint32_t kMountVersion = 3;
constexpr std::uint32_t kSmallFileMost = 256u << 10;
constexpr std::uint32_t kFilesPerBatch = 64;
// libnfs 4.0 takes twice as much, with 4 KiB of headers, but half was faster (docs/performance.md).
constexpr std::uint32_t kTransferMost = 512u << 10;
constexpr auto kRemovalMost = std::chrono::seconds(3);  // of the mark in a target's root
constexpr std::uint32_t kUnaligned = 65536;             // smaller sizes are not rounded

ClientOptions client_options(const Location& location, const Nfs3Options& options) {
  ClientOptions client;
  client.host = location.host;
  client.port = location.nfs_port;
  client.timeout_ms = options.timeout_ms;
  client.pace = options.pace;
  client.connections = options.connections;
  client.credentials.uid = location.uid.value_or(::geteuid());
  client.credentials.gid = location.gid.value_or(::getegid());
  client.credentials.groups = location.groups;
  return client;
}

std::string path_of(const std::vector<std::string>& components, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/" + components[i];
  return path.empty() ? "/" : path;
}

std::uint32_t transfer_size(std::uint32_t server) {
  std::uint32_t size = server > 0 ? std::min(server, kTransferMost) : kUnaligned;
  return size >= kUnaligned ? size & ~(kUnaligned - 1) : size;
}

}  // namespace

Nfs3Tree::Nfs3Tree(Loop& loop, Location location, Nfs3Options options)
    : location_(std::move(location)),
      options_(std::move(options)),
      client_(loop, client_options(location_, options_)) {
  capabilities_.symlink_times = false;  // an OK to a SETATTR proves nothing: until the probe
  capabilities_.exclusive_lock = false;
  capabilities_.least_seconds = 0;
  capabilities_.most_seconds = kMostSeconds;
}

Task<Status> Nfs3Tree::open() {
  Status opened = co_await open_root();
  if (!opened) co_await client_.close();
  co_return opened;
}

Task<void> Nfs3Tree::close() {
  CancelToken removed;
  TaskGroup group;
  group.spawn(remove_mark(removed));
  (void)co_await client_.loop().sleep_for(kRemovalMost, &removed);
  co_await client_.close();
  co_await group.join();
}

Task<void> Nfs3Tree::remove_mark(CancelToken& removed) {
  co_await root_mark_.remove();
  removed.cancel();
}

Task<Status> Nfs3Tree::open_root() {
  Status resolved = co_await client_.resolve();
  if (!resolved) co_return resolved;
  auto handle = co_await walk_to_root();
  if (!handle) co_return std::move(handle).error();
  auto attributes = co_await getattr(client_, *handle);
  if (!attributes) co_return std::move(attributes).error();
  if (attributes->type != FileType::kDirectory) {
    Error error = nfs3_error(static_cast<std::uint32_t>(Nfsstat3::kNotdir), "LOOKUP");
    error.path = location_.path;
    error.detail = "it is a " + std::string(file_type_name(attributes->type));
    co_return error;
  }
  auto sizes = co_await fsinfo(client_, *handle);
  if (!sizes) co_return std::move(sizes).error();
  sizes_ = *sizes;
  capabilities_.hard_links = sizes_.links;
  capabilities_.symlinks = sizes_.symlinks;
  capabilities_.granularity_at_most_ns = granularity_shown_by(*attributes);
  root_entry_ = Entry{{}, *std::move(attributes), *handle};
  root_ = std::make_shared<Nfs3Directory>(*std::move(handle));
  co_return ok();
}

// From the longest part of the path that the server mounts on, by LOOKUP of each name: no symlink
// is followed there, and an error tells which name is missing.
Task<Result<FileHandle>> Nfs3Tree::walk_to_root() {
  std::uint16_t port = location_.mount_port.value_or(0);
  if (port == 0) {
    auto found = co_await getport(client_, kMountProgram, kMountVersion);
    if (!found) co_return std::move(found).error();
    port = *found;
  }
  if (port == 0) {
    co_return rpc_error(
        RpcFailure::kProgramUnavailable, "GETPORT",
        "the server's rpcbind knows no MOUNT version 3; name its port by mountport");
  }
  std::vector<std::string> components = location_.components();
  std::size_t mounted = components.size();
  auto handle = co_await mount(client_, port, path_of(components, mounted));
  while (!handle && handle.error().domain == Domain::kNfs3 && mounted > 0) {
    auto shorter = co_await mount(client_, port, path_of(components, --mounted));
    bool other = shorter || shorter.error().domain != Domain::kNfs3;
    if (other) handle = std::move(shorter);  // else the error of the whole path tells most
  }
  if (!handle) co_return handle;
  Status opened = co_await client_.open(location_.nfs_port);
  if (!opened) co_return std::move(opened).error();
  for (; mounted < components.size(); ++mounted) {
    auto found = co_await nfs3::lookup(client_, *handle, components[mounted]);
    if (!found) {
      Error error = std::move(found).error();
      error.path = path_of(components, mounted + 1);
      co_return error;
    }
    handle = std::move(found->handle);
  }
  co_return handle;
}

Preferences Nfs3Tree::preferences() const {
  Preferences out;
  out.read_bytes = transfer_size(sizes_.read_most);
  out.write_bytes = transfer_size(sizes_.write_most);
  out.small_file_bytes = std::min({kSmallFileMost, out.read_bytes, out.write_bytes});
  out.files_per_batch = kFilesPerBatch;
  out.requests_in_flight = Client::kInFlight;
  return out;
}

TreeFacts Nfs3Tree::facts() const {
  return TreeFacts{location_.text, "3", 1, Client::kInFlight, client_.connections()};
}

Task<Result<DirectoryPtr>> Nfs3Tree::open_directory(DirectoryPtr, const Entry& entry) {
  DirectoryPtr directory = std::make_shared<Nfs3Directory>(entry.handle);
  co_return directory;
}

Result<std::unique_ptr<Listing>> Nfs3Tree::list(DirectoryPtr directory) {
  return std::unique_ptr<Listing>(std::make_unique<Nfs3Listing>(client_, std::move(directory)));
}

Task<Result<Entry>> Nfs3Tree::lookup(DirectoryPtr directory, std::string name) {
  if (!is_usable_name(name)) co_return own_error(Own::kBadName, "LOOKUP");
  co_return co_await entry_of(client_, handle_of(directory.get()), std::move(name));
}

Task<Result<Space>> Nfs3Tree::space() {
  auto got = co_await server_space();
  if (!got) co_return std::move(got).error();
  co_return got->space;
}

Task<Status> Nfs3Tree::ping() {
  auto attributes = co_await getattr(client_, root_entry_.handle);
  if (!attributes) co_return std::move(attributes).error();
  co_return ok();
}

Task<Status> Nfs3Tree::lock_root(std::string run_id) {
  NFSFERRY_TRY(Ok marked, co_await root_mark_.make(root_entry_.handle, std::move(run_id)),
               co_return);
  log(LogLevel::kWarning, location_.text +
                              ": NFSv3 has no locks, so other runs are not kept out of this "
                              "target; see to it that none works on it");
  co_return ok();
}

}  // namespace nfsferry::nfs3
