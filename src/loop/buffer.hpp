#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace nfsferry {

class BufferPool;
struct Slab;

// Who looks at bytes that nobody owns is found out by the address sanitizer, as if they had been
// freed, from forbid_access() to allow_access().
void forbid_access(const void* bytes, std::size_t size);
void allow_access(const void* bytes, std::size_t size);

// Page-aligned bytes with a count of owners. Owners live on one thread; a file thread may fill or
// drain the bytes while the loop's thread keeps an owner.
struct Buffer {
  BufferPool* pool;
  std::uint32_t owners;
  std::uint32_t size_class;
  std::size_t capacity;
  std::byte* bytes;
  Slab* slab;  // null: memory of its own
};

// One owner of a Buffer; the last one gives it back to its pool.
class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* buffer) : buffer_(buffer) {
    if (buffer_) ++buffer_->owners;
  }
  BufferRef(const BufferRef& other) : BufferRef(other.buffer_) {}
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef();

  explicit operator bool() const { return buffer_ != nullptr; }
  std::span<std::byte> bytes() const {
    return buffer_ ? std::span<std::byte>(buffer_->bytes, buffer_->capacity)
                   : std::span<std::byte>();
  }

 private:
  Buffer* buffer_ = nullptr;
};

// Bytes somewhere inside a buffer that stays alive as long as the chunk does.
struct Chunk {
  BufferRef owner;
  std::span<const std::byte> bytes;
};

// Recycles buffers in a few size classes. Large ones are cut from slabs that the kernel may back
// with huge pages: every byte that is copied passes through them several times. It does not bound
// memory by itself: who asks is bounded (windows, slots); beyond kKeptBytes of unused buffers
// memory is given back, slabs as soon as nothing in them is used. One thread.
class BufferPool {
 public:
  static constexpr std::size_t kKeptBytes = 48u << 20;

  BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // A buffer of at least `size_bytes`, contents undefined.
  BufferRef get(std::size_t size_bytes);
  std::size_t kept_bytes() const { return kept_bytes_; }
  std::size_t outstanding() const { return outstanding_; }

 private:
  friend class BufferRef;
  static constexpr std::size_t kClasses = 7;
  Buffer* make(std::uint32_t size_class, std::size_t size_bytes);
  void give_back(Buffer* buffer);
  bool release_unused_slab();

  std::vector<Buffer*> free_[kClasses];
  std::vector<std::unique_ptr<Slab>> slabs_;  // the oldest first
  std::size_t kept_bytes_ = 0;
  std::size_t outstanding_ = 0;
};

}  // namespace nfsferry
