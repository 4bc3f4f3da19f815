#include "loop/buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "base/result.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace nfsferry {
namespace {

constexpr std::size_t kPage = 4096;
// From 64 KiB on a power of two and what RPC and COMPOUND put before it.
constexpr std::size_t kClassBytes[] = {4096,
                                       16384,
                                       (64u << 10) + kPage,
                                       (256u << 10) + kPage,
                                       (512u << 10) + kPage,
                                       (1u << 20) + 2 * kPage,
                                       (2u << 20) + 2 * kPage};
constexpr std::size_t kInSlabsFrom = 256u << 10;
constexpr std::size_t kHugePage = 2u << 20;  // most processors'
constexpr std::size_t kSlabBytes = 4 * kHugePage;
constexpr std::size_t kMappedBytes = kSlabBytes + kHugePage;  // so that it can begin on one
static_assert(kClassBytes[std::size(kClassBytes) - 1] + kPage <= kSlabBytes);

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kBetweenBuffers = kPage;  // who goes beyond a buffer's end is found out, too
#else
constexpr std::size_t kBetweenBuffers = 0;
#endif

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
void forbid_access(const void* bytes, std::size_t size) {
  __asan_poison_memory_region(bytes, size);
}
void allow_access(const void* bytes, std::size_t size) {
  __asan_unpoison_memory_region(bytes, size);
}
#else
void forbid_access(const void*, std::size_t) {}
void allow_access(const void*, std::size_t) {}
#endif

// Memory for buffers of one class.
struct Slab {
  explicit Slab(std::uint32_t slab_class)
      : size_class(slab_class), stride(kClassBytes[slab_class] + kBetweenBuffers) {
    constexpr int kAccess = PROT_READ | PROT_WRITE;
    mapped = ::mmap(nullptr, kMappedBytes, kAccess, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mapped != MAP_FAILED, "out of memory");
    ::madvise(mapped, kMappedBytes, MADV_HUGEPAGE);  // only makes it faster
    void* aligned = mapped;
    std::size_t space = kMappedBytes;
    bytes = static_cast<std::byte*>(std::align(kHugePage, kSlabBytes, aligned, space));
    forbid_access(mapped, kMappedBytes);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    allow_access(mapped, kMappedBytes);
    ::munmap(mapped, kMappedBytes);
  }

  bool has_room() const { return (cut + 1) * stride <= kSlabBytes; }

  const std::uint32_t size_class;
  const std::size_t stride;
  void* mapped;
  std::byte* bytes;
  std::size_t cut = 0;   // buffers that there are
  std::size_t used = 0;  // that somebody owns
};

namespace {

void destroy(Buffer* buffer) {
  if (!buffer->slab) {
    allow_access(buffer->bytes, buffer->capacity);
    std::free(buffer->bytes);
  }
  delete buffer;
}

}  // namespace

BufferRef::~BufferRef() {
  if (buffer_ && --buffer_->owners == 0) buffer_->pool->give_back(buffer_);
}

BufferPool::BufferPool() { static_assert(kClasses == std::size(kClassBytes)); }

BufferPool::~BufferPool() {
  check(outstanding_ == 0, "a buffer outlives its pool");
  for (auto& list : free_) std::ranges::for_each(list, destroy);
}

BufferRef BufferPool::get(std::size_t size_bytes) {
  std::uint32_t size_class = 0;
  while (size_class < kClasses && kClassBytes[size_class] < size_bytes) ++size_class;
  Buffer* buffer = nullptr;
  if (size_class < kClasses && !free_[size_class].empty()) {
    buffer = free_[size_class].back();
    free_[size_class].pop_back();
    kept_bytes_ -= buffer->capacity;
  } else {
    buffer = make(size_class, size_bytes);
  }
  allow_access(buffer->bytes, buffer->capacity);
  ++outstanding_;
  if (buffer->slab) ++buffer->slab->used;
  return BufferRef(buffer);
}

Buffer* BufferPool::make(std::uint32_t size_class, std::size_t size_bytes) {
  if (size_class == kClasses || kClassBytes[size_class] < kInSlabsFrom) {
    std::size_t capacity =
        size_class < kClasses ? kClassBytes[size_class] : (size_bytes + kPage - 1) / kPage * kPage;
    auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kPage, capacity));
    check(bytes != nullptr, "out of memory");
    return new Buffer{this, 0, size_class, capacity, bytes, nullptr};
  }
  auto found = std::ranges::find_if(slabs_, [&](const std::unique_ptr<Slab>& slab) {
    return slab->size_class == size_class && slab->has_room();
  });
  if (found == slabs_.end())
    found = slabs_.insert(slabs_.end(), std::make_unique<Slab>(size_class));
  Slab* slab = found->get();
  std::byte* bytes = slab->bytes + slab->cut++ * slab->stride;
  return new Buffer{this, 0, size_class, kClassBytes[size_class], bytes, slab};
}

void BufferPool::give_back(Buffer* buffer) {
  --outstanding_;
  bool kept = buffer->slab || kept_bytes_ + buffer->capacity <= kKeptBytes;
  if (buffer->size_class == kClasses || !kept) {
    destroy(buffer);
    return;
  }
  kept_bytes_ += buffer->capacity;
  free_[buffer->size_class].push_back(buffer);
  forbid_access(buffer->bytes, buffer->capacity);
  if (buffer->slab) --buffer->slab->used;
  while (kept_bytes_ > kKeptBytes && release_unused_slab()) {
  }
}

// False: none is unused.
bool BufferPool::release_unused_slab() {
  auto unused = std::ranges::find_if(
      slabs_, [](const std::unique_ptr<Slab>& slab) { return slab->used == 0; });
  if (unused == slabs_.end()) return false;
  std::erase_if(free_[(*unused)->size_class], [&](Buffer* buffer) {
    if (buffer->slab != unused->get()) return false;
    kept_bytes_ -= buffer->capacity;
    destroy(buffer);
    return true;
  });
  slabs_.erase(unused);
  return true;
}

}  // namespace nfsferry
