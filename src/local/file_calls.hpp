// The system calls that every part of the local tree shares: each works on a descriptor, or on a
// directory's descriptor and one component that has been checked (check_name). No symlink is ever
// followed. They block: file threads only. Errors: errno, with the call and the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "tree/attributes.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// An open directory that several jobs use; closed when the last of them has let go.
using DirectoryFd = std::shared_ptr<const UniqueFd>;

// openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, or openat where the kernel (before 5.6) or
// a seccomp filter refuses it; a single component leads nowhere else either way. O_NOFOLLOW and
// O_CLOEXEC are added.
Result<UniqueFd> open_at(int directory_fd, const std::string& name, int flags,
                         std::uint32_t mode = 0);
// A regular file, open for reading, that is still the one that was listed. Errors: ESTALE if not.
Result<UniqueFd> open_listed_file(int directory_fd, const Entry& entry);
// Any entry, pinned by O_PATH: what is done through it cannot hit another one.
Result<UniqueFd> pin_at(int directory_fd, const std::string& name);

Result<Attributes> attributes_at(int directory_fd, const std::string& name);
Result<Attributes> attributes_of(int fd, std::string_view name);
// The same, asked of the server where the file is on one: what its client remembers may be old.
Result<Attributes> attributes_now(int fd, std::string_view name);
// ACLs and extended attributes of the entry itself, as far as they are seen and are no label of
// this system's: of many the first kXattrsNamed. Nothing where nothing can be told.
inline constexpr std::size_t kXattrsNamed = 16;
std::vector<Loss> extended_attributes_at(int directory_fd, const std::string& name);
// Whether it can be told, judged by the directory itself: not without /proc before Linux 6.13.
bool tells_extended_attributes(int directory_fd);
bool is_same_file(const Attributes& one, const Attributes& other);

// The set members that differ, in the order that keeps set-id bits: owner and group, then mode,
// then times. The descriptor may be an O_PATH one. A symlink's mode is left alone.
Status apply_attributes(int fd, const NewAttributes& wanted, std::string_view name);
// Times alone, to the nanosecond. `fd` as above.
Status set_times(int fd, const NewAttributes& wanted, std::string_view name);

// All bytes, or an error.
Status write_all(int fd, std::span<const std::byte> bytes, std::string_view name);
// As many bytes as there are from the offset on, up to the span's length.
Result<std::size_t> read_up_to(int fd, std::uint64_t offset_bytes, std::span<std::byte> into,
                               std::string_view name);
// Whether a file holds these bytes and no more. Errors: kVerifyMismatch; errno of pread.
Status compare_content(int fd, std::span<const std::byte> wanted, std::string_view name);
Status sync_file(int fd, std::string_view name);
Status close_checked(UniqueFd fd, std::string_view name);

// Errors: EISDIR when `to` is a directory.
Status rename_within(int directory_fd, const std::string& from, const std::string& to);
// No error: for what is undone on the way out.
void remove_quietly(int directory_fd, const std::string& name);

}  // namespace nfsferry
