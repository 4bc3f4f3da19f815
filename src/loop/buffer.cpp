#include "loop/buffer.hpp"

#include <cstdlib>
#include <new>

#include "base/result.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace nfsferry {
namespace {

constexpr std::size_t kPage = 4096;
// The largest pooled class holds a 1 MiB payload with its RPC and COMPOUND headers.
constexpr std::size_t kClassBytes[] = {
    4096, 16384, 65536 + kPage, 262144 + kPage, (1u << 20) + 2 * kPage, (2u << 20) + 2 * kPage};

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

void destroy(Buffer* buffer) {
  allow(buffer);
  std::free(buffer->bytes);
  delete buffer;
}

}  // namespace

BufferRef::~BufferRef() {
  if (buffer_ && --buffer_->owners == 0) buffer_->pool->give_back(buffer_);
}

BufferPool::~BufferPool() {
  check(outstanding_ == 0, "a buffer outlives its pool");
  for (auto& list : free_) {
    for (Buffer* buffer : list) destroy(buffer);
  }
}

BufferRef BufferPool::get(std::size_t size_bytes) {
  std::uint32_t size_class = 0;
  while (size_class < kClasses && kClassBytes[size_class] < size_bytes) ++size_class;
  ++outstanding_;
  if (size_class < kClasses && !free_[size_class].empty()) {
    Buffer* buffer = free_[size_class].back();
    free_[size_class].pop_back();
    kept_bytes_ -= buffer->capacity;
    allow(buffer);
    return BufferRef(buffer);
  }
  std::size_t capacity =
      size_class < kClasses ? kClassBytes[size_class] : (size_bytes + kPage - 1) / kPage * kPage;
  auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kPage, capacity));
  check(bytes != nullptr, "out of memory");
  return BufferRef(new Buffer{this, 0, size_class, capacity, bytes});
}

void BufferPool::give_back(Buffer* buffer) {
  --outstanding_;
  if (buffer->size_class >= kClasses || kept_bytes_ + buffer->capacity > kKeptBytes) {
    destroy(buffer);
    return;
  }
  kept_bytes_ += buffer->capacity;
  forbid(buffer);
  free_[buffer->size_class].push_back(buffer);
}

}  // namespace nfsferry
