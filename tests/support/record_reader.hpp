#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace nfsferry::test {

// Finds the records in a stream of RPC over TCP (RFC 5531 section 11: fragments, each with a
// four-byte mark whose top bit says "last of its record"), however the bytes are cut up.
class RecordReader {
 public:
  static constexpr std::size_t kHeadMax = 512;
  static constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();

  struct Record {
    std::uint64_t size_bytes;         // of the payload, marks not counted
    std::span<const std::byte> head;  // the first of it, valid during the call
  };

  // Keeps that much of the beginning of each record.
  explicit RecordReader(std::size_t head_max = kHeadMax) : head_max_(head_max) {}

  // Calls `on_record(const Record&)` at the last byte of each record.
  template <typename OnRecord>
  void feed(std::span<const std::byte> bytes, OnRecord on_record) {
    while (!bytes.empty()) {
      bytes = mark_left_ > 0 ? take_mark(bytes) : take_payload(bytes);
      if (mark_left_ > 0 || fragment_left_ > 0) continue;
      mark_left_ = 4;
      if (!last_) continue;
      on_record(Record{size_, head_});
      size_ = 0;
      head_.clear();
    }
  }

 private:
  std::span<const std::byte> take_mark(std::span<const std::byte> bytes);
  std::span<const std::byte> take_payload(std::span<const std::byte> bytes);

  std::uint32_t mark_ = 0;
  int mark_left_ = 4;  // bytes of the mark still to come
  std::uint32_t fragment_left_ = 0;
  bool last_ = false;
  std::uint64_t size_ = 0;
  std::size_t head_max_;
  std::vector<std::byte> head_;
};

// What the head of a record says (RFC 5531 section 9; RFC 8881 section 16.2).
struct RpcHead {
  bool is_reply = false;         // not a call, as far as can be told
  std::uint32_t operations = 0;  // of an NFSv4 COMPOUND call, else 0
};
RpcHead read_rpc_head(std::span<const std::byte> head);

}  // namespace nfsferry::test
