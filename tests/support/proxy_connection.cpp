#include "proxy_connection.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>

namespace nfsferry::test {

std::size_t Flow::queue_max() const {
  // Without a delay a long queue only leaves the cache and hides the receiver's pace.
  constexpr std::size_t kDelayed = std::size_t{64} << 20;
  constexpr std::size_t kDirect = std::size_t{1} << 20;
  return delay_ns_.load(std::memory_order_relaxed) > 0 ? kDelayed : kDirect;
}

bool Flow::wants_input() const { return !end_due_ && ring_.size() + kReceiveMin <= queue_max(); }

void Flow::count(const ByteRing::Pieces& pieces, std::size_t received) {
  for (const iovec& piece : pieces) {
    std::size_t length = std::min(received, piece.iov_len);
    received -= length;
    std::span<const std::byte> bytes(static_cast<const std::byte*>(piece.iov_base), length);
    records_.feed(bytes, [this](const RecordReader::Record& record) {
      RpcHead head = read_rpc_head(record.head);
      counters_.records.fetch_add(1, std::memory_order_relaxed);
      if (head.is_reply) counters_.replies.fetch_add(1, std::memory_order_relaxed);
      counters_.operations.fetch_add(head.operations, std::memory_order_relaxed);
      if (on_record_) on_record_(record.head);
    });
  }
}

ProxyClock::time_point Flow::due() const {
  return ProxyClock::now() + std::chrono::nanoseconds(delay_ns_.load(std::memory_order_relaxed));
}

void Flow::queue(std::size_t bytes) {
  ring_.commit(bytes);
  marks_.push_back({bytes, due()});
}

void Flow::push(std::span<const std::byte> bytes, std::size_t bytewise) {
  while (ring_.free() < bytes.size()) ring_.grow();
  std::size_t copied = 0;
  for (const iovec& piece : ring_.writable()) {
    std::size_t length = std::min(bytes.size() - copied, piece.iov_len);
    if (length > 0) std::memcpy(piece.iov_base, bytes.data() + copied, length);
    copied += length;
  }
  if (bytewise > 0) bytewise_ = ring_.size() + std::min(bytewise, bytes.size());
  queue(bytes.size());
}

Flow::Outcome Flow::receive(int fd) {
  if (ring_.free() < kReceiveMin && ring_.capacity() < queue_max()) ring_.grow();
  ByteRing::Pieces pieces = ring_.writable();
  ssize_t received = ::readv(fd, pieces.data(), static_cast<int>(pieces.size()));
  if (received < 0) {
    bool nothing = errno == EAGAIN || errno == EINTR;
    return nothing ? Outcome::kFine : Outcome::kBroken;
  }
  if (received == 0) {
    end();
    return Outcome::kFine;
  }
  auto bytes = static_cast<std::size_t>(received);
  counters_.bytes.fetch_add(bytes, std::memory_order_relaxed);
  count(pieces, bytes);
  if (!on_record_) queue(bytes);
  return Outcome::kFine;
}

Flow::Outcome Flow::send_due(int fd, ProxyClock::time_point now) {
  while (!marks_.empty() && marks_.front().due <= now) {
    due_bytes_ += marks_.front().bytes;
    marks_.pop_front();
  }
  blocked_ = false;
  while (due_bytes_ > 0) {
    ByteRing::Pieces pieces = ring_.readable(bytewise_ > 0 ? 1 : due_bytes_);
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces[1].iov_len > 0 ? 2 : 1;
    ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Outcome::kBroken;
    if (sent < 0) {
      blocked_ = true;
      return Outcome::kFine;
    }
    ring_.consume(static_cast<std::size_t>(sent));
    due_bytes_ -= static_cast<std::size_t>(sent);
    bytewise_ -= std::min(bytewise_, static_cast<std::size_t>(sent));
  }
  if (end_due_ && !shut_ && marks_.empty() && *end_due_ <= now) {
    shut_ = true;
    ::shutdown(fd, SHUT_WR);
  }
  return Outcome::kFine;
}

std::optional<ProxyClock::time_point> Flow::next_due() const {
  if (blocked_ || shut_) return std::nullopt;
  if (!marks_.empty()) return marks_.front().due;
  return end_due_;
}

}  // namespace nfsferry::test
