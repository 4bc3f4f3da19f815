#include "loop/buffer.hpp"

#include <sys/mman.h>

#include <cstdlib>

#include "base/result.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace nfsferry {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = 2u << 20;
// From 64 KiB on a power of two and what RPC and COMPOUND put before it.
constexpr std::size_t kClassBytes[] = {4096,
                                       16384,
                                       (64u << 10) + kPage,
                                       (256u << 10) + kPage,
                                       (512u << 10) + kPage,
                                       (1u << 20) + 2 * kPage,
                                       (2u << 20) + 2 * kPage};

// Who looks at bytes that nobody owns is found out by the sanitizer, as if they had been freed.
void forbid([[maybe_unused]] const Buffer* buffer) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(buffer->bytes, buffer->capacity);
#endif
}

void allow([[maybe_unused]] const Buffer* buffer) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(buffer->bytes, buffer->capacity);
#endif
}

std::byte* allocate(std::size_t alignment, std::size_t size_bytes) {
  auto* bytes = static_cast<std::byte*>(std::aligned_alloc(alignment, size_bytes));
  check(bytes != nullptr, "out of memory");
  return bytes;
}

}  // namespace

BufferRef::~BufferRef() {
  if (buffer_ && --buffer_->owners == 0) buffer_->pool->give_back(buffer_);
}

BufferPool::~BufferPool() {
  check(outstanding_ == 0, "a buffer outlives its pool");
  for (auto& list : free_) {
    for (Buffer* buffer : list) {
      allow(buffer);
      delete buffer;
    }
  }
}

BufferRef BufferPool::get(std::size_t size_bytes) {
  std::uint32_t size_class = 0;
  while (size_class < kClasses && kClassBytes[size_class] < size_bytes) ++size_class;
  ++outstanding_;
  if (size_class == kClasses) {
    std::size_t capacity = (size_bytes + kPage - 1) / kPage * kPage;
    return BufferRef(new Buffer{this, 0, size_class, capacity, allocate(kPage, capacity), true});
  }
  std::vector<Buffer*>& list = free_[size_class];
  if (list.empty()) {
    std::size_t capacity = kClassBytes[size_class];
    return BufferRef(new Buffer{this, 0, size_class, capacity, cut(capacity), true});
  }
  Buffer* buffer = list.back();
  list.pop_back();
  if (buffer->has_memory) kept_bytes_ -= buffer->capacity;
  buffer->has_memory = true;
  allow(buffer);
  return BufferRef(buffer);
}

// What is left of a slab that is too short for this one stays unused, and untouched.
std::byte* BufferPool::cut(std::size_t size_bytes) {
  if (uncut_.size() < size_bytes) {
    std::byte* slab = allocate(kHugePage, kSlabBytes);
    slabs_.emplace_back(slab);
    ::madvise(slab, kSlabBytes, MADV_HUGEPAGE);  // only makes it faster
    uncut_ = std::span(slab, kSlabBytes);
  }
  std::byte* bytes = uncut_.data();
  uncut_ = uncut_.subspan(size_bytes);
  return bytes;
}

void BufferPool::give_back(Buffer* buffer) {
  --outstanding_;
  if (buffer->size_class == kClasses) {
    std::free(buffer->bytes);
    delete buffer;
    return;
  }
  std::vector<Buffer*>& list = free_[buffer->size_class];
  if (kept_bytes_ + buffer->capacity > kKeptBytes) {
    ::madvise(buffer->bytes, buffer->capacity, MADV_DONTNEED);
    buffer->has_memory = false;
    list.insert(list.begin(), buffer);  // those that have memory are taken first
  } else {
    kept_bytes_ += buffer->capacity;
    list.push_back(buffer);
  }
  forbid(buffer);
}

}  // namespace nfsferry
