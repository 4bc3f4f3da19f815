#include "nfs4/nfs4_tree.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "nfs4/client40.hpp"
#include "nfs4/listing.hpp"
#include "nfs4/session.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kSmallFileMost = 256u << 10;
constexpr std::size_t kSpareBytes = 8192;  // headers and small operations beside a payload
constexpr std::uint32_t kFilesPerBatch = 64;
constexpr std::uint32_t kBesideLookups = 4;  // SEQUENCE, PUTFH, GETFH, GETATTR
constexpr auto kReleaseMost = std::chrono::seconds(3);
constexpr std::chrono::milliseconds kDepartAfterSilence(1000);

ClientOptions client_options(const Location& location, const Nfs4Options& options) {
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

// What servers without NFSv4.1 say to its first request.
bool means_no_41(const Error& error) {
  return is_status(error, Nfsstat4::kMinorVersMismatch) || is_status(error, Nfsstat4::kOpIllegal) ||
         is_status(error, Nfsstat4::kNotsupp);
}

// From a directory, or from the server's root where there is no handle.
Compound way_down(const FileHandle& from, std::span<const std::string> names, AttrMask mask) {
  Compound request("LOOKUP", Repeat::kIdempotent);
  if (from.empty())
    request.add(Putrootfh{});
  else
    request.add(Putfh{{}, from});
  for (const std::string& name : names) request.add(Lookup{{}, name});
  request.add(Getfh{});
  request.add(Getattr{mask});
  return request;
}

// `done`: the names on the way before.
Result<Fattr> take_way_down(Result<CompoundReply>& reply, std::span<const std::string> done,
                            std::span<const std::string> names) {
  if (!reply) return reply.error();
  if (done.empty()) {
    NFSFERRY_TRY(NoReply at_root, reply->take<Putrootfh>(), return);
  } else {
    NFSFERRY_TRY(NoReply at_start, reply->take<Putfh>(), return);
  }
  std::string path;
  for (const std::string& name : done) path += "/" + name;
  for (const std::string& name : names) {
    path += "/" + name;
    auto step = reply->take<Lookup>();
    if (step) continue;
    Error error = std::move(step).error();
    error.path = path;
    return error;
  }
  NFSFERRY_TRY(Getfh::Reply got, reply->take<Getfh>(), return);
  NFSFERRY_TRY(Getattr::Reply attributes, reply->take<Getattr>(), return);
  Fattr fattr = std::move(attributes.fattr);
  fattr.handle = std::move(got.handle);
  fattr.present.add(Attr::kFilehandle);
  return fattr;
}

}  // namespace

Result<Entry> entry_from(std::string name, Fattr&& fattr) {
  if (fattr.present.has(Attr::kRdattrError) && fattr.rdattr_error != 0) {
    Error error = nfs4_error(static_cast<Nfsstat4>(fattr.rdattr_error), Op::kReaddir);
    error.path = std::move(name);
    return error;
  }
  if (kNeededAttrs.without(fattr.present) != 0) {
    Error error = own_error(Own::kBadReply, "READDIR", "attributes are missing");
    error.path = std::move(name);
    return error;
  }
  FileType type = fattr.attributes.type;
  bool is_directory = type == FileType::kDirectory;
  Result<Entry> entry{std::in_place};
  entry->name = std::move(name);
  entry->attributes = std::move(fattr.attributes);
  entry->handle = std::move(fattr.handle);
  bool acl = fattr.present.has(Attr::kAcl) && type != FileType::kSymlink &&
             fattr.acl.says_more_than(entry->attributes.mode, is_directory);
  if (acl) entry->losses.push_back(Loss{LossKind::kAcl, {}});
  return entry;
}

bool wants_open(const Error& error) {
  return is_status(error, Nfsstat4::kBadStateid) || is_status(error, Nfsstat4::kOpenmode) ||
         is_status(error, Nfsstat4::kShareDenied);
}

Nfs4Tree::Nfs4Tree(Loop& loop, Location location, Nfs4Options options)
    : location_(std::move(location)), options_(std::move(options)) {
  capabilities_.symlink_times = false;  // an OK to a SETATTR proves nothing: until the probe
  if (location_.version == Location::Version::k40)
    use(std::make_unique<Client40>(loop, client_options(location_, options_)));
  else
    use(std::make_unique<Session>(loop, client_options(location_, options_)));
}

void Nfs4Tree::use(std::unique_ptr<Client> client) {
  renames_.reset();
  lock_.reset();
  client_ = std::move(client);
  lock_.emplace(*client_);
  renames_.emplace(*client_);
}

Task<Status> Nfs4Tree::open() {
  Status opened = co_await client_->open();
  bool older =
      location_.version == Location::Version::kAutomatic && !opened && means_no_41(opened.error());
  if (older && closing_) co_return own_error(Own::kCancelled, "open");
  if (older) {
    use(std::make_unique<Client40>(client_->loop(), client_options(location_, options_)));
    opened = co_await client_->open();
  }
  if (!opened) co_return opened;
  auto fattr = co_await walk_to_root();
  if (!fattr) co_return std::move(fattr).error();
  co_return take_root(*std::move(fattr));
}

// A server that does not answer keeps the lock until its lease is over: closing is not held up.
Task<void> Nfs4Tree::close() {
  closing_ = true;  // open() may be on its way
  CancelToken released;
  TaskGroup group;
  group.spawn(release_lock(released));
  Status waited = co_await client_->loop().sleep_for(kReleaseMost, &released);
  auto patience = Client::kClosePatience;
  if (waited) patience = kDepartAfterSilence;
  co_await client_->close(patience);
  co_await group.join();
}

Task<void> Nfs4Tree::release_lock(CancelToken& released) {
  co_await lock_->release();
  released.cancel();
}

Task<Result<Fattr>> Nfs4Tree::walk_to_root() {
  std::vector<std::string> components = location_.components();
  // First what is supported (only that may be asked for), then the way down.
  Compound ask("LOOKUP", Repeat::kIdempotent);
  ask.add(Putrootfh{});
  ask.add(Getattr{AttrMask{Attr::kSupportedAttrs}});
  auto first = co_await client_->call(ask);
  if (!first) co_return std::move(first).error();
  NFSFERRY_TRY(NoReply at_root, first->take<Putrootfh>(), co_return);
  NFSFERRY_TRY(Getattr::Reply supported, first->take<Getattr>(), co_return);

  note_supported(supported.fattr.supported);
  AttrMask mask = kRootAttrs.intersect(supported_);
  FileHandle handle;
  std::span<const std::string> done(components.data(), 0);
  for (;;) {  // as many components a request as it takes
    std::size_t most = client_->limits().operations - kBesideLookups;
    std::size_t count = std::min(most, components.size() - done.size());
    std::span<const std::string> names(done.data() + done.size(), count);
    Compound request = way_down(handle, names, mask);
    auto reply = co_await client_->call(request);
    auto reached = take_way_down(reply, done, names);
    bool less = !reached && treatment(reached.error()) == Treatment::kSendLess;
    std::size_t executed = reply ? reply->result_count() : 0;
    if (less && client_->learn_smaller(request, reached.error(), executed)) continue;
    if (!reached) co_return reached;
    done = std::span(components).first(done.size() + count);
    bool there = done.size() == components.size();
    if (there && reached->present.has(Attr::kSupportedAttrs)) note_supported(reached->supported);
    AttrMask wanted = kRootAttrs.intersect(supported_);
    if (there && (components.empty() || wanted.without(mask) == 0)) co_return reached;
    mask = wanted;
    handle = std::move(reached->handle);
  }
}

// Of the server's own root at first, which may be another file system than the location's: the
// answer is that of a file system (RFC 8881 section 5.5).
void Nfs4Tree::note_supported(AttrMask supported) {
  supported_ = supported;
  entry_mask_ = kEntryAttrs.intersect(supported_);
  tells_acls_ = options_.tells_losses && supported_.has(Attr::kAcl);
}

Status Nfs4Tree::take_root(Fattr fattr) {
  if (kNeededAttrs.without(entry_mask_) != 0) {
    return own_error(Own::kUnsupported, "GETATTR",
                     "the server does not support attributes that a copy needs");
  }
  if (fattr.lease_seconds > 0) client_->set_lease_seconds(fattr.lease_seconds);
  max_read_ = fattr.max_read;
  max_write_ = fattr.max_write;
  client_->note_sizes(max_read_, max_write_);
  if (fattr.present.has(Attr::kTimeMetadata))
    capabilities_.granularity_at_most_ns = granularity_shown(fattr.ctime.nanoseconds);
  auto entry = entry_from({}, std::move(fattr));
  if (!entry) return std::move(entry).error();
  if (entry->attributes.type != FileType::kDirectory) {
    Error error = nfs4_error(Nfsstat4::kNotdir, Op::kLookup);
    error.path = location_.path;
    error.detail = "it is a " + std::string(file_type_name(entry->attributes.type));
    return error;
  }
  root_entry_ = *std::move(entry);
  root_ = std::make_shared<Nfs4Directory>(root_entry_.handle);
  return ok();
}

Preferences Nfs4Tree::preferences() const {
  const ClientLimits& limits = client_->limits();
  auto bounded = [](std::uint64_t server, std::uint32_t message) {
    std::uint64_t room = message > kSpareBytes ? message - kSpareBytes : 0;
    room = std::max<std::uint64_t>(room, message / 2);
    std::uint64_t most = server > 0 ? std::min(server, room) : room;
    // A round number below the limit keeps ranges aligned.
    std::uint64_t size = most >= 65536 ? most & ~std::uint64_t{65535} : most;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(size, 1u << 20));
  };
  Preferences out;
  out.read_bytes = bounded(max_read_, limits.response_bytes);
  out.write_bytes = bounded(max_write_, limits.request_bytes);
  out.small_file_bytes = std::min({kSmallFileMost, out.read_bytes, out.write_bytes});
  out.files_per_batch = kFilesPerBatch;
  out.requests_in_flight = limits.slots;
  return out;
}

TreeFacts Nfs4Tree::facts() const {
  return TreeFacts{location_.text,
                   std::string(client_->version()),
                   client_->limits().operations,
                   client_->limits().slots,
                   client_->connections(),
                   tells_acls_,
                   false};
}

Task<Result<DirectoryPtr>> Nfs4Tree::open_directory(DirectoryPtr, const Entry& entry) {
  DirectoryPtr directory = std::make_shared<Nfs4Directory>(entry.handle);
  co_return directory;
}

Result<std::unique_ptr<Listing>> Nfs4Tree::list(DirectoryPtr directory) {
  return std::unique_ptr<Listing>(
      std::make_unique<Nfs4Listing>(*client_, std::move(directory), entry_mask_, tells_acls_));
}

Task<Result<Entry>> Nfs4Tree::lookup(DirectoryPtr directory, std::string name) {
  if (!is_usable_name(name)) co_return own_error(Own::kBadName, "LOOKUP");
  Compound request("LOOKUP", Repeat::kIdempotent);
  request.add(Putfh{{}, handle_of(directory.get())});
  request.add(Lookup{{}, name});
  request.add(Getfh{});
  request.add(Getattr{entry_mask_});
  auto reply = co_await client_->call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_directory, reply->take<Putfh>(), co_return);
  auto found = reply->take<Lookup>();
  if (!found) {
    Error error = std::move(found).error();
    error.path = std::move(name);
    co_return error;
  }
  NFSFERRY_TRY(Getfh::Reply handle, reply->take<Getfh>(), co_return);
  NFSFERRY_TRY(Getattr::Reply attributes, reply->take<Getattr>(), co_return);
  attributes.fattr.handle = std::move(handle.handle);
  attributes.fattr.present.add(Attr::kFilehandle);
  co_return entry_from(std::move(name), std::move(attributes.fattr));
}

Task<Result<Space>> Nfs4Tree::space() {
  AttrMask mask;
  for (Attr attribute : {Attr::kFilesFree, Attr::kSpaceAvail, Attr::kSpaceTotal}) {
    mask.add(attribute);
  }
  Compound request("GETATTR", Repeat::kIdempotent);
  request.add(Putfh{{}, root_entry_.handle});
  request.add(Getattr{mask.intersect(supported_)});
  auto reply = co_await client_->call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_root, reply->take<Putfh>(), co_return);
  NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
  co_return Space{got.fattr.space_total, got.fattr.space_available, got.fattr.files_free};
}

Task<Result<ServerFacts>> Nfs4Tree::server_facts() {
  auto fattr = co_await walk_to_root();
  if (!fattr) co_return std::move(fattr).error();
  ServerName name = client_->server_name();
  co_return ServerFacts{client_->limits(), std::move(name.owner), std::move(name.scope),
                        *std::move(fattr)};
}

Task<Status> Nfs4Tree::lock_root(std::string run_id) {
  Status taken = co_await lock_->take(root_entry_.handle, std::move(run_id));
  if (taken) capabilities_.lock_mark = lock_->mark();
  if (taken || !taken.error().is(Own::kUnsupported)) co_return taken;
  capabilities_.exclusive_lock = false;
  log(LogLevel::kWarning, location_.text +
                              ": the server has no locks, so other runs are not kept out of this "
                              "target; see to it that none works on it");
  co_return ok();
}

}  // namespace nfsferry::nfs4
