// tree: THE CONTRACT between the engine and what it copies from and to. Operations are coarse, so
// that a tree can fuse them into few round trips; the engine never sees a round trip. Every item
// of a batch has its own result: one bad file never fails its neighbours. A tree belongs to one
// loop's thread; directories and handles may be used by another tree object of the same location
// on another thread. What a batch operation returns has the order and length of what it was given.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/histogram.hpp"
#include "base/result.hpp"
#include "loop/buffer.hpp"
#include "loop/task.hpp"
#include "nfsferry/loss.hpp"
#include "tree/attributes.hpp"

namespace nfsferry {

// A directory to work in. Holds what its tree needs (a file handle, a descriptor), never a path
// that would be walked again. Immutable and thread-safe.
class Directory {
 public:
  virtual ~Directory() = default;
};
using DirectoryPtr = std::shared_ptr<const Directory>;

struct Entry {
  std::string name;
  Attributes attributes;
  std::string handle;  // the tree's own bytes (an NFS file handle), may be empty
  // What it has and no tree takes, in the listing of a tree that was asked to tell. The engine adds
  // what else its copy lacks.
  std::vector<Loss> losses{};
};

// One entry of a source directory, to be read. The pointers outlive the call.
struct SourceItem {
  const Directory* parent = nullptr;
  const Entry* entry = nullptr;
};

struct SmallFile {
  Chunk data;             // the whole content as far as `complete` says
  Attributes after;       // size, change and mtime as they were after the read
  bool complete = false;  // false: larger than listed or cut short; finish by ranges
};

struct ReadRange {
  Chunk data;  // may be shorter than asked for
  bool eof = false;
};

// A page of a directory. Entries never hold "." and "..", nor names that must not be used.
struct ListingPage {
  std::vector<Entry> entries;
  std::vector<Error> refused;  // names a server must not send, attributes it could not give
  bool eof = false;
};

class Listing {
 public:
  virtual ~Listing() = default;
  // Pages until eof. Errors end the listing: kListingLoops, NFS4ERR_ACCESS, ...
  // NFS4ERR_BAD_COOKIE (Domain::kNfs4, whatever the version): the server restarted or forgot where
  // we were. Nothing of this listing is to be trusted; a new list() of the same directory works.
  virtual Task<Result<ListingPage>> next() = 0;
};

class SourceFile {
 public:
  virtual ~SourceFile() = default;
  // Up to `count` bytes at `offset_bytes`; fewer without eof is finished by the caller. Several
  // may be in flight.
  virtual Task<Result<ReadRange>> read(std::uint64_t offset_bytes, std::uint32_t count) = 0;
  virtual Task<Result<Attributes>> attributes() = 0;
  virtual Task<Status> close() = 0;  // exactly once, after the last read has returned
};

// What a tree prefers and how much it can take at once; learned limits may lower these later.
struct Preferences {
  std::uint32_t read_bytes = 1 << 20;  // best size of a range
  std::uint32_t write_bytes = 1 << 20;
  std::uint32_t small_file_bytes = 256 << 10;  // at most this is read and put whole
  std::uint32_t files_per_batch = 64;
  std::uint32_t requests_in_flight = 16;  // useful concurrency
};

// What this tree object did, for reports: requests are round trips, not operations.
struct TreeCounters {
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t throttled_ms = 0;
  std::map<std::string, LatencyHistogram, std::less<>> latency;  // by kind of request
};

// Facts about the tree for reports and messages.
struct TreeFacts {
  std::string location;     // as given
  std::string nfs_version;  // "4.1", "4.0", "3", empty for a local path
  std::uint32_t max_operations = 0;
  std::uint32_t slots = 0;
  std::uint32_t connections = 0;
  bool tells_acls = false;  // in its listings, as Entry::losses
  bool tells_xattrs = false;
};

class Tree {
 public:
  virtual ~Tree() = default;
  // Opens the location's directory. Errors tell which component is missing or not a directory.
  virtual Task<Status> open() = 0;
  // Gives back what the server holds for us (session, opens, lock). No error stops it.
  virtual Task<void> close() = 0;

  virtual DirectoryPtr root() const = 0;
  virtual const Entry& root_entry() const = 0;  // name empty
  virtual Preferences preferences() const = 0;
  virtual TreeCounters counters() const = 0;
  // Grows while work gets on, and stands still while a server does not answer or only puts off:
  // requests that were answered with success. What keeps a lease or a lock does not count.
  virtual std::uint64_t answers() const = 0;
  virtual TreeFacts facts() const = 0;
  // What it waits for, for people: one line, and further ones that begin with two blanks.
  virtual std::string state() const { return "nothing is waited for between calls"; }

  // A subdirectory from an entry of its listing; no symlink is ever followed.
  virtual Task<Result<DirectoryPtr>> open_directory(DirectoryPtr parent, const Entry& entry) = 0;
  virtual Result<std::unique_ptr<Listing>> list(DirectoryPtr directory) = 0;
  // One name in a directory. Errors: NOENT of the tree's domain.
  virtual Task<Result<Entry>> lookup(DirectoryPtr directory, std::string name) = 0;
};

class Source : public virtual Tree {
 public:
  // Whole small files, several per round trip. At most preferences().small_file_bytes each.
  virtual Task<std::vector<Result<SmallFile>>> read_files(std::span<const SourceItem> items) = 0;
  virtual Task<Result<std::unique_ptr<SourceFile>>> open_file(SourceItem item) = 0;
  virtual Task<std::vector<Result<std::string>>> read_links(std::span<const SourceItem> items) = 0;
};

// What the finished entry looks like. Unset members are left as the tree makes them.
struct NewAttributes {
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> owner;
  std::optional<std::uint32_t> group;
  std::optional<Time> mtime;
  std::optional<Time> atime;
};

struct MakeDirectory {
  DirectoryPtr parent;
  std::string name;
  NewAttributes attributes;  // owner and group; made 0700 until finished
};
struct MadeDirectory {
  DirectoryPtr directory;
  Entry entry;
  bool created = false;  // false: a directory of that name was there
  bool told = true;      // false: created judges by its looks, since an answer was lost
};

struct PutFile {
  const Directory* parent = nullptr;
  std::string_view name;  // final name
  std::span<const std::byte> data;
  NewAttributes attributes;
};
struct PutResult {
  std::uint64_t fileid = 0;  // 0: the tree was not told; always known with read-back
};
enum class ReadBack : std::uint8_t { kNo, kCompare };

struct MakeSymlink {
  const Directory* parent = nullptr;
  std::string_view name;
  std::string_view text;
  NewAttributes attributes;
};
struct MakeLink {
  const Directory* existing_parent = nullptr;
  std::string_view existing_name;
  const Directory* parent = nullptr;
  std::string_view name;
};
struct MakeSpecial {
  const Directory* parent = nullptr;
  std::string_view name;
  FileType type = FileType::kFifo;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  NewAttributes attributes;
};
struct SetAttributes {
  DirectoryPtr parent;
  std::string name;  // empty: the directory `parent` itself
  NewAttributes attributes;
};
struct RemoveEntry {
  const Directory* parent = nullptr;
  std::string_view name;
  bool is_directory = false;
};
// An entry of any type, a directory with all that is in it, to another place of the same tree.
struct MoveEntry {
  const Directory* parent = nullptr;
  std::string_view name;
  const Directory* to_parent = nullptr;
  std::string_view to_name;  // free: what becomes of something that is there is the server's affair
};

// What copy_from() took over.
struct CopiedRange {
  std::uint64_t size_bytes = 0;  // from the offset on; 0: the source's file ends there
  std::uint64_t hole_bytes = 0;  // of these, left out
};

// Writes ranges of a large file on its way.
class RangeWriter {
 public:
  virtual ~RangeWriter() = default;
  // All bytes or an error. Several may be in flight; the bytes stay valid until it returns.
  virtual Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) = 0;
  // Up to `count` bytes of what was written, for verification.
  virtual Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) = 0;
};

// What Target::join_file() finds a large file on its way by. Immutable and thread-safe.
class FileOnItsWay {
 public:
  virtual ~FileOnItsWay() = default;
};
using FileOnItsWayPtr = std::shared_ptr<const FileOnItsWay>;

// Ranges of a TargetFile that another tree of the same location writes, on its own thread.
class TargetPart : public RangeWriter {
 public:
  // Ends the part; exactly once, after its last write and before the file's commit, which makes
  // durable what this has not. kWriteVerifierChanged: write it again.
  virtual Task<Status> leave() = 0;
};

// A large file on its way: written under a temporary name, in place only after finish().
class TargetFile : public RangeWriter {
 public:
  // Takes over up to `count` bytes of a source's file, at the same offset, without showing them to
  // anybody; more than that where it costs nothing (a hole, shared blocks). Holes stay holes. After
  // an error they are read and written instead, which tells what is wrong and on which side;
  // kUnsupported: these two trees cannot do it.
  virtual Task<Result<CopiedRange>> copy_from(const SourceFile& /*source*/,
                                              std::uint64_t /*offset_bytes*/,
                                              std::uint64_t /*count*/) {
    co_return own_error(Own::kUnsupported, "copy_from");
  }
  // For join_file(), until commit.
  virtual FileOnItsWayPtr on_its_way() const = 0;
  // Sets the size (a sparse tail), makes the data durable. kWriteVerifierChanged: write it again.
  virtual Task<Status> commit(std::uint64_t size_bytes) = 0;
  // Attributes, close, rename over the final name; what fails is removed. After commit; exactly
  // one of finish, abandon.
  virtual Task<Status> finish(NewAttributes attributes) = 0;
  // Closes and removes the temporary. No error stops it.
  virtual Task<void> abandon() = 0;
};

// What a tree cannot do; the engine branches on it alone. Filled by open() and the start's probe.
struct Capabilities {
  bool hard_links = true;
  bool symlinks = true;
  bool fifos_and_sockets = true;
  bool devices = true;
  bool change_owner = true;     // to any id
  bool owner_at_create = true;  // an owner given at creation is kept
  bool symlink_times = true;    // before the probe: whether it is known without one
  bool rename = true;
  bool exclusive_lock = true;  // lock_root really keeps other runs out
  // Names become durable when attributes of their directory are set, be it none; else with the call
  // that makes them.
  bool names_need_sync = false;
  // In the names of the temporaries of all who share the root's lock; empty without a lock.
  std::string lock_mark;
  std::uint32_t time_granularity_ns = 1;
  // Before the probe: it may be as coarse as this, a power of ten.
  std::uint32_t granularity_at_most_ns = 1;
  // Times before and after become these, silently (ext4: -2^31 and 15,032,385,535).
  std::int64_t least_seconds = std::numeric_limits<std::int64_t>::min();
  std::int64_t most_seconds = std::numeric_limits<std::int64_t>::max();

  // What this time is once the tree holds it.
  Time kept(Time time) const;
  // Whether the tree's time can be what became of this one. Times are compared so.
  bool is_kept_as(Time time, Time there) const;
  // This time, or where the tree would not tell it from what comes after it, an earlier one.
  Time told_from_later(Time time) const;
  // For probes: from what became of kOddTime, kFarPast and kFarFuture.
  void learn_granularity(Time became);
  void learn_least_time(Time became);
  void learn_most_time(Time became);
};
// Nanoseconds below which a tree forgets, at most, by a time that it gave itself: a power of ten.
std::uint32_t granularity_shown(std::uint32_t nanoseconds);
// The same by an entry whose `change` is its ctime.
inline std::uint32_t granularity_shown_by(const Attributes& attributes) {
  return granularity_shown(static_cast<std::uint32_t>(attributes.change % 1'000'000'000));
}
inline constexpr Time kOddTime{1'000'000'000, 123'456'789};
inline constexpr Time kFarPast{-(std::int64_t{1} << 40) + 12'345, 0};
inline constexpr Time kFarFuture{(std::int64_t{1} << 40) + 12'345, 0};

// Room for what is to come, as the server or file system tells it; 0: it does not.
struct Space {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to this user
  std::uint64_t files_free = 0;
};

class Target : public virtual Tree {
 public:
  // Of the file system that holds the root, now.
  virtual Task<Result<Space>> space() = 0;
  virtual const Capabilities& capabilities() const = 0;
  // Finds out by experiment, in temporaries of the root that are removed again, what the
  // capability record cannot know. `foreign_owner` is an id that the copy will hand out.
  virtual Task<Status> probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) = 0;
  // Takes over what another tree of the same location found out by its probe.
  virtual void adopt(const Capabilities& found) = 0;
  // Keeps other runs out; runs with the same id share, and the last one gives it back with close().
  // The lock of a process that died is free, at the latest with its lease. A tree that loses the
  // lock and does not get it back writes nothing more: every call fails with kLocked. Where the
  // server has no locks capabilities().exclusive_lock is false afterwards, and nobody is kept out.
  // Errors: kLocked with the holder (run id, process, host); kTypeConflict when something else has
  // the lock's name.
  virtual Task<Status> lock_root(std::string run_id) = 0;

  virtual Task<std::vector<Result<MadeDirectory>>> make_directories(
      std::span<const MakeDirectory> items) = 0;
  // Whole small files: data, owner, mode, times, durable and under the final name, atomically
  // replacing what is no directory there. With kCompare the bytes that come back are compared
  // before the name is taken (kVerifyMismatch).
  virtual Task<std::vector<Result<PutResult>>> put_files(std::span<const PutFile> items,
                                                         ReadBack read_back) = 0;
  virtual Task<Result<std::unique_ptr<TargetFile>>> create_file(DirectoryPtr parent,
                                                                std::string name,
                                                                NewAttributes attributes) = 0;
  // A part in a file that another tree of the same location has created. kUnsupported: this tree
  // can take none.
  virtual Task<Result<std::unique_ptr<TargetPart>>> join_file(FileOnItsWayPtr file) = 0;
  virtual Task<std::vector<Status>> make_symlinks(std::span<const MakeSymlink> items) = 0;
  virtual Task<std::vector<Status>> make_links(std::span<const MakeLink> items) = 0;
  virtual Task<std::vector<Status>> make_specials(std::span<const MakeSpecial> items) = 0;
  virtual Task<std::vector<Status>> set_attributes(std::span<const SetAttributes> items) = 0;
  virtual Task<std::vector<Status>> remove(std::span<const RemoveEntry> items) = 0;
  virtual Task<std::vector<Status>> move(std::span<const MoveEntry> items) = 0;
};

// A tree that is both; every back end is.
class FullTree : public Source, public Target {};

}  // namespace nfsferry
