#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "copy/content_hash.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// One name of a target directory, as small as a comparison allows. Names are kept as seeded
// 128-bit hashes.
struct TargetRow {
  Hash128 key;
  std::uint64_t size_bytes = 0;  // of a device: its numbers
  std::uint64_t fileid = 0;
  std::int64_t mtime_seconds = 0;
  std::uint32_t mtime_nanoseconds = 0;
  std::uint32_t owner = 0;  // kNotNumeric: a text
  std::uint32_t group = 0;
  std::uint32_t handle_at = 0;  // in the table's handles
  std::uint16_t mode = 0;
  std::uint8_t handle_bytes = 0;
  std::uint8_t fsid_at = 0;  // in the table's file systems
  FileType type : 4 = FileType::kOther;
  bool linked : 1 = false;  // has further names
  bool taken : 1 = false;   // the source has this name, too, and it was dealt with

  static constexpr std::uint32_t kNotNumeric = 0xffff'ffff;
};
static_assert(sizeof(TargetRow) <= 64, "the bound that is promised for re-runs");

// What a target directory holds: filled entry by entry, sealed, then asked by name. A directory
// with more names than kRowsMost goes by ranges of hashed names, a table for each.
class TargetTable {
 public:
  static constexpr std::size_t kRowsMost = 1 << 18;

  // `handles`: keep every entry's file handle, not only those of directories and symlinks.
  TargetTable(std::uint64_t seed, bool handles, std::uint32_t range = 0, std::uint32_t ranges = 1,
              std::size_t rows_most = kRowsMost)
      : seed_(seed), handles_wanted_(handles), range_(range), ranges_(ranges), most_(rows_most) {}

  FileNumber number_of(const TargetRow& row) const { return {fsids_[row.fsid_at], row.fileid}; }
  Hash128 key_of(std::string_view name) const { return name_key(name, seed_); }
  // True if names with this key belong to this table's range.
  bool holds(const Hash128& key) const { return key.low % ranges_ == range_; }
  std::uint32_t ranges() const { return ranges_; }
  std::size_t size() const { return rows_.size(); }

  // Entries of other ranges are dropped. The first range's table halves itself when it is full.
  void add(const Entry& entry);
  void seal();   // before the first find; of rows with one name, one is kept
  void clear();  // to be filled again, with the same range
  TargetRow* find(const Hash128& key);
  std::uint64_t untaken() const;
  bool had_twins() const { return had_twins_; }  // a name came twice
  const std::vector<TargetRow>& rows() const { return rows_; }

  // The row as the entry it was made of, as far as it was kept: type, size, mode, owners, mtime,
  // fileid, fsid, handle.
  Entry entry(const TargetRow& row, std::string_view name) const;

 private:
  std::uint64_t seed_;
  bool handles_wanted_;
  std::uint32_t range_;
  std::uint32_t ranges_;
  std::size_t most_;
  std::vector<TargetRow> rows_;
  bool had_twins_ = false;
  std::uint8_t fsid_at(const FileSystemId& fsid);

  std::string handles_;
  std::vector<FileSystemId> fsids_;  // one, unless others are mounted in the directory
};

// What differs between an entry and its copy; several may be set.
enum Difference : unsigned {
  kType = 1,
  kSize = 2,  // of a device: its numbers
  kTime = 4,
  kMode = 8,
  kOwner = 16,
  kGroup = 32,
  kLinks = 64,  // the copy is one file with another entry's copy
  kContent = 128,
};

// Differences between the source's entry, as it is wanted in the target, and the target's. What
// the target's capability record says cannot be set is not compared.
unsigned compare(const Attributes& source, const NewAttributes& wanted, const TargetRow& row,
                 const Capabilities& target);
// For people: "size 5, not 7; mode 0644, not 0600".
std::string describe(unsigned differences, const Attributes& source, const NewAttributes& wanted,
                     const Attributes& target);
// What must be set to repair differences in mode, owner, group and time.
NewAttributes repair(unsigned differences, const NewAttributes& wanted);

}  // namespace nfsferry::copy
