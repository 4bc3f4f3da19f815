#include "local/copy_range.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace nfsferry {
namespace {

constexpr std::uint64_t kStatBlockBytes = 512;

struct FileSize {
  std::uint64_t size_bytes = 0;
  bool has_holes = false;
};

Result<FileSize> size_of(int fd, std::string_view name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return errno_error(errno, "fstat", name);
  auto size = static_cast<std::uint64_t>(status.st_size);
  return FileSize{size, static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes < size};
}

Result<std::uint64_t> seek(int fd, std::uint64_t offset_bytes, int whence, std::string_view name) {
  off_t found = ::lseek(fd, static_cast<off_t>(offset_bytes), whence);
  if (found < 0) return errno_error(errno, "lseek", name);
  return static_cast<std::uint64_t>(found);
}

}  // namespace

// The bytes of the hole at this offset; 0: there is data.
Result<std::uint64_t> RangeCopy::hole_at(int from, std::uint64_t offset_bytes,
                                         std::string_view name) {
  if (offset_bytes < data_end_) return std::uint64_t{0};
  NFSFERRY_TRY(FileSize file, size_of(from, name), return);
  Result<std::uint64_t> data = seek(from, offset_bytes, SEEK_DATA, name);
  if (!data && data.error().is_errno(ENXIO)) {  // no more data, or no more file
    return std::max(file.size_bytes, offset_bytes) - offset_bytes;
  }
  if (!data) return data;
  if (*data > offset_bytes) return *data - offset_bytes;
  NFSFERRY_TRY(std::uint64_t data_end, seek(from, offset_bytes, SEEK_HOLE, name), return);
  if (file.has_holes && offset_bytes == 0 && data_end == file.size_bytes) {
    return own_error(Own::kUnsupported, "lseek", "the file system does not tell where holes are");
  }
  data_end_ = data_end;
  return std::uint64_t{0};
}

// One hole, or the beginning of one stretch of data.
Result<CopiedRange> RangeCopy::copy_extent(int from, int to, std::uint64_t offset_bytes,
                                           std::uint64_t count, std::string_view name) {
  NFSFERRY_TRY(std::uint64_t hole_bytes, hole_at(from, offset_bytes, name), return);
  if (hole_bytes > 0) return CopiedRange{hole_bytes, hole_bytes};
  if (offset_bytes >= data_end_) return CopiedRange{};
  auto from_offset = static_cast<off_t>(offset_bytes);
  auto to_offset = from_offset;
  std::size_t most = std::min(count, data_end_ - offset_bytes);
  ssize_t copied = ::copy_file_range(from, &from_offset, to, &to_offset, most, 0);
  if (copied < 0) return errno_error(errno, "copy_file_range", name);
  // The file was cut short, or its file system gives no bytes, and no error, for what a read would.
  if (copied == 0) return own_error(Own::kUnsupported, "copy_file_range", "it gives no data");
  return CopiedRange{static_cast<std::uint64_t>(copied), 0};
}

Result<CopiedRange> RangeCopy::copy(int from, int to, std::uint64_t offset_bytes,
                                    std::uint64_t count, std::string_view name) {
  if (offset_bytes == 0 && ::ioctl(to, FICLONE, from) == 0) {
    NFSFERRY_TRY(FileSize whole, size_of(to, name), return);
    return CopiedRange{whole.size_bytes, 0};
  }
  CopiedRange done;
  while (done.size_bytes < count) {
    Result<CopiedRange> extent =
        copy_extent(from, to, offset_bytes + done.size_bytes, count - done.size_bytes, name);
    if (!extent && done.size_bytes == 0) return extent;
    if (!extent || extent->size_bytes == 0) break;
    done.size_bytes += extent->size_bytes;
    done.hole_bytes += extent->hole_bytes;
  }
  return done;
}

}  // namespace nfsferry
