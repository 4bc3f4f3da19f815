#include "copy/target_table.hpp"

#include <algorithm>
#include <cstdio>

#include "copy/scope.hpp"

namespace nfsferry::copy {
namespace {

std::uint64_t compared_size(const Attributes& attributes) {
  switch (attributes.type) {
    case FileType::kRegular:
    case FileType::kSymlink: return attributes.size_bytes;
    case FileType::kBlockDevice:
    case FileType::kCharacterDevice:
      return std::uint64_t{attributes.device_major} << 32 | attributes.device_minor;
    default: return 0;
  }
}

std::uint32_t id_or_none(const Owner& owner) {
  return owner.is_numeric() ? owner.id : TargetRow::kNotNumeric;
}

Owner owner_of(std::uint32_t id) {
  return id == TargetRow::kNotNumeric ? Owner{0, "not a number"} : Owner{id, {}};
}

std::string octal(std::uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string seconds_text(const Time& time) {
  char text[48];
  std::snprintf(text, sizeof text, "%lld.%09u", static_cast<long long>(time.seconds),
                time.nanoseconds);
  return text;
}

}  // namespace

void TargetTable::add(const Entry& entry) {
  Hash128 key = key_of(entry.name);
  if (!holds(key)) return;
  const Attributes& from = entry.attributes;
  TargetRow row;
  row.key = key;
  row.size_bytes = compared_size(from);
  row.fileid = from.fileid;
  row.mtime_seconds = from.mtime.seconds;
  row.mtime_nanoseconds = from.mtime.nanoseconds;
  row.owner = id_or_none(from.owner);
  row.group = id_or_none(from.group);
  row.mode = static_cast<std::uint16_t>(from.mode);
  row.fsid_at = fsid_at(from.fsid);
  row.type = from.type;
  row.linked = from.link_count > 1;
  bool keep =
      handles_wanted_ || from.type == FileType::kDirectory || from.type == FileType::kSymlink;
  if (keep && entry.handle.size() <= 0xff) {
    row.handle_at = static_cast<std::uint32_t>(handles_.size());
    row.handle_bytes = static_cast<std::uint8_t>(entry.handle.size());
    handles_ += entry.handle;
  }
  rows_.push_back(row);
  if (range_ != 0 || rows_.size() < most_) return;
  ranges_ *= 2;
  std::erase_if(rows_, [this](const TargetRow& one) { return !holds(one.key); });
}

std::uint8_t TargetTable::fsid_at(const FileSystemId& fsid) {
  auto found = std::find(fsids_.begin(), fsids_.end(), fsid);
  if (found == fsids_.end() && fsids_.size() > 0xff) return 0xff;
  if (found == fsids_.end()) found = fsids_.insert(found, fsid);
  return static_cast<std::uint8_t>(found - fsids_.begin());
}

void TargetTable::seal() {
  std::sort(rows_.begin(), rows_.end(),
            [](const TargetRow& a, const TargetRow& b) { return a.key < b.key; });
  auto twins = std::unique(rows_.begin(), rows_.end(),
                           [](const TargetRow& a, const TargetRow& b) { return a.key == b.key; });
  had_twins_ = twins != rows_.end();
  rows_.erase(twins, rows_.end());
}

void TargetTable::clear() {
  rows_.clear();
  handles_.clear();
}

TargetRow* TargetTable::find(const Hash128& key) {
  auto found = std::lower_bound(rows_.begin(), rows_.end(), key,
                                [](const TargetRow& row, const Hash128& k) { return row.key < k; });
  return found != rows_.end() && found->key == key ? &*found : nullptr;
}

std::uint64_t TargetTable::untaken() const {
  return static_cast<std::uint64_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const TargetRow& row) { return !row.taken; }));
}

Entry TargetTable::entry(const TargetRow& row, std::string_view name) const {
  Entry out;
  out.name = name;
  out.handle = handles_.substr(row.handle_at, row.handle_bytes);
  Attributes& attributes = out.attributes;
  attributes.type = row.type;
  attributes.mode = row.mode;
  attributes.link_count = row.linked ? 2 : 1;
  attributes.fileid = row.fileid;
  attributes.fsid = fsids_[row.fsid_at];
  attributes.owner = owner_of(row.owner);
  attributes.group = owner_of(row.group);
  attributes.mtime = Time{row.mtime_seconds, row.mtime_nanoseconds};
  if (is_device(row.type)) {
    attributes.device_major = static_cast<std::uint32_t>(row.size_bytes >> 32);
    attributes.device_minor = static_cast<std::uint32_t>(row.size_bytes);
  } else {
    attributes.size_bytes = row.size_bytes;
  }
  return out;
}

unsigned compare(const Attributes& source, const NewAttributes& wanted, const TargetRow& row,
                 const Capabilities& target) {
  if (source.type != row.type) return kType;
  bool link = source.type == FileType::kSymlink;
  unsigned out = 0;
  if (compared_size(source) != row.size_bytes) out |= kSize;
  bool timed = wanted.mtime && (!link || target.symlink_times);
  Time there{row.mtime_seconds, row.mtime_nanoseconds};
  if (timed && !target.is_kept_as(*wanted.mtime, there)) out |= kTime;
  if (wanted.mode && !link && *wanted.mode != row.mode) out |= kMode;
  if (wanted.owner && *wanted.owner != row.owner) out |= kOwner;
  if (wanted.group && *wanted.group != row.group) out |= kGroup;
  // A file of one name whose copy has several shares its content with something else.
  bool directory = source.type == FileType::kDirectory;
  if (!directory && source.link_count == 1 && row.linked) out |= kLinks;
  return out;
}

std::string describe(unsigned differences, const Attributes& source, const NewAttributes& wanted,
                     const Attributes& target) {
  std::string out;
  auto say = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  auto say_not = [&say](const char* what, const std::string& is, const std::string& should) {
    say(std::string(what) + " " + is + ", not " + should);
  };
  if (differences & kType) {
    say_not("type", std::string(file_type_name(target.type)),
            std::string(file_type_name(source.type)));
  }
  if (differences & kSize) {
    if (is_device(source.type))
      say("another device number");
    else
      say_not("size", std::to_string(target.size_bytes), std::to_string(source.size_bytes));
  }
  if (differences & kContent) say("another content");
  if (differences & kTime)
    say_not("mtime", seconds_text(target.mtime), seconds_text(*wanted.mtime));
  if (differences & kMode) say_not("mode", octal(target.mode), octal(*wanted.mode));
  if (differences & kOwner) {
    say_not("owner", owner_text(target.owner), std::to_string(*wanted.owner));
  }
  if (differences & kGroup) {
    say_not("group", owner_text(target.group), std::to_string(*wanted.group));
  }
  if (differences & kLinks) say("linked otherwise than in the source");
  return out;
}

NewAttributes repair(unsigned differences, const NewAttributes& wanted) {
  NewAttributes out;
  if (differences & kTime) out.mtime = wanted.mtime;
  if (differences & (kOwner | kGroup)) {
    out.owner = wanted.owner;
    out.group = wanted.group;
  }
  // A chown may clear set-id bits, so that the mode goes with it.
  if (differences & (kMode | kOwner | kGroup)) out.mode = wanted.mode;
  return out;
}

}  // namespace nfsferry::copy
