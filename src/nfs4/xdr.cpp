#include "nfs4/xdr.hpp"

#include "loop/buffer.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::size_t kFirstBytes = 1024;
constexpr std::size_t kKeptBytesMost = 256u << 10;
constexpr std::size_t kKeptMost = 64;

thread_local std::vector<std::vector<std::byte>> kept;

}  // namespace

void XdrWriter::grow(std::size_t bytes) {
  if (head_.empty() && !kept.empty()) {
    head_ = std::move(kept.back());
    kept.pop_back();
    allow_access(head_.data(), head_.size());
    if (head_.size() >= bytes) return;
  }
  head_.resize(std::max({kFirstBytes, 2 * head_.size(), head_bytes_ + bytes}));
}

void XdrWriter::keep_memory() {
  if (head_.size() > kKeptBytesMost || kept.size() == kKeptMost) return;
  forbid_access(head_.data(), head_.size());
  kept.push_back(std::move(head_));
}

}  // namespace nfsferry::nfs4
