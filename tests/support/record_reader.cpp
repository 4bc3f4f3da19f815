#include "record_reader.hpp"

#include <algorithm>
#include <optional>

namespace nfsferry::test {
namespace {

// Words of XDR, stopping for good at the end of the bytes.
class WordReader {
 public:
  explicit WordReader(std::span<const std::byte> bytes) : left_(bytes) {}

  std::optional<std::uint32_t> word() {
    if (left_.size() < 4) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | std::to_integer<std::uint32_t>(left_[i]);
    left_ = left_.subspan(4);
    return value;
  }
  // Skips opaque<>: a length, that many bytes, padding to four.
  bool skip_opaque() {
    auto length = word();
    if (!length) return false;
    std::size_t padded = (std::size_t{*length} + 3) & ~std::size_t{3};
    if (padded > left_.size()) return false;
    left_ = left_.subspan(padded);
    return true;
  }

 private:
  std::span<const std::byte> left_;
};

}  // namespace

std::span<const std::byte> RecordReader::take_mark(std::span<const std::byte> bytes) {
  while (mark_left_ > 0 && !bytes.empty()) {
    mark_ = mark_ << 8 | std::to_integer<std::uint32_t>(bytes[0]);
    --mark_left_;
    bytes = bytes.subspan(1);
  }
  if (mark_left_ == 0) {
    last_ = (mark_ & 0x8000'0000u) != 0;
    fragment_left_ = mark_ & 0x7fff'ffffu;
  }
  return bytes;
}

std::span<const std::byte> RecordReader::take_payload(std::span<const std::byte> bytes) {
  std::size_t taken = std::min<std::size_t>(bytes.size(), fragment_left_);
  auto kept = static_cast<std::ptrdiff_t>(std::min(taken, head_max_ - head_.size()));
  head_.insert(head_.end(), bytes.begin(), bytes.begin() + kept);
  size_ += taken;
  fragment_left_ -= static_cast<std::uint32_t>(taken);
  return bytes.subspan(taken);
}

RpcHead read_rpc_head(std::span<const std::byte> head) {
  RpcHead out;
  WordReader reader(head);
  reader.word();  // xid
  auto type = reader.word();
  if (!type) return out;
  out.is_reply = *type == 1;
  auto rpc_version = reader.word();
  auto program = reader.word();
  auto version = reader.word();
  auto procedure = reader.word();
  bool compound =
      *type == 0 && rpc_version == 2u && program == 100003u && version == 4u && procedure == 1u;
  if (!compound) return out;
  for (int i = 0; i < 2; ++i) {  // credential and verifier: flavor, body
    reader.word();
    if (!reader.skip_opaque()) return out;
  }
  if (!reader.skip_opaque()) return out;  // tag
  reader.word();                          // minor version
  out.operations = reader.word().value_or(0);
  return out;
}

}  // namespace nfsferry::test
