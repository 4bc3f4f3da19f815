#include "nfs4/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/treatment.hpp"
#include "loop/deadline.hpp"
#include "nfs4/rpc.hpp"
#include "nfs4/xdr.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::size_t kStagingBytes = 16384;
constexpr std::size_t kFragmentsMost = 64;
constexpr std::size_t kPiecesPerSend = 512;

std::uint32_t big_endian_u32(const std::byte* bytes) {
  return std::to_integer<std::uint32_t>(bytes[0]) << 24 |
         std::to_integer<std::uint32_t>(bytes[1]) << 16 |
         std::to_integer<std::uint32_t>(bytes[2]) << 8 | std::to_integer<std::uint32_t>(bytes[3]);
}

}  // namespace

Connection::~Connection() { check(tasks_.running() == 0, "a connection ends before its tasks"); }

Task<Status> Connection::connect(const std::vector<Address>& addresses, std::uint64_t timeout_ms) {
  Error last = own_error(Own::kNameResolution, "connect", "no address");
  for (const Address& address : addresses) {
    UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      last = more_hopeful(std::move(last), errno_error(errno, "socket"));
      continue;
    }
    int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Silence::set_up(fd.get());
    CancelToken give_up;
    Deadline deadline(loop_, std::chrono::milliseconds(timeout_ms), [&] { give_up.cancel(); });
    connecting_ = &give_up;
    const auto* name = reinterpret_cast<const sockaddr*>(&address.storage);
    Status connected = co_await loop_.connect(fd.get(), name, address.length, &give_up);
    co_await deadline.end();
    connecting_ = nullptr;
    if (ended_) {
      loop_.forget_socket(fd.get());
      co_return *ended_;
    }
    if (connected) {
      fd_ = std::move(fd);
      address_ = address;
      staging_.buffer = loop_.buffers().get(kStagingBytes);
      running_ = true;
      connected_since_ = Clock::now();
      tasks_.spawn(read_records());
      tasks_.spawn(write_records());
      co_return ok();
    }
    loop_.forget_socket(fd.get());
    Error failed = std::move(connected).error();
    if (deadline.passed()) failed = own_error(Own::kTimeout, "connect", "no answer in time");
    last = more_hopeful(std::move(last), std::move(failed));
  }
  co_return last;
}

Task<Result<Chunk>> Connection::call(std::uint32_t xid, std::vector<iovec> pieces,
                                     std::string_view kind) {
  if (!running_) {
    co_return own_error(Own::kConnectionLost, "send", ended_ ? ended_->message() : "");
  }
  Pending pending;
  pending.call = Waiting{xid, kind, Clock::now()};
  pending.pieces = std::move(pieces);
  pending_.emplace(xid, &pending);
  outgoing_.push_back(&pending);
  work_.set();
  co_await pending.done.wait();
  co_return *std::move(pending.reply);
}

void Connection::abort(Error why) {
  if (!ended_) ended_ = std::move(why);
  running_ = false;
  cancel_.cancel();
  if (connecting_ != nullptr) connecting_->cancel();
  work_.set();
}

Task<void> Connection::join() { co_await tasks_.join(); }

std::optional<Connection::Waiting> Connection::oldest_pending() const {
  std::optional<Waiting> oldest;
  for (const auto& [xid, pending] : pending_) {
    if (!oldest || pending->call.since < oldest->since) oldest = pending->call;
  }
  return oldest;
}

const Silence::Times& Connection::watch(Silence::Time passed) {
  std::optional<Silence::Waiting> waiting;
  if (auto oldest = oldest_pending()) waiting = Silence::Waiting{oldest->xid, oldest->since};
  return silence_.look(fd_.get(), passed, waiting);
}

std::optional<Connection::Waiting> Connection::pending_call(std::uint32_t xid) const {
  auto found = pending_.find(xid);
  if (found == pending_.end()) return std::nullopt;
  return found->second->call;
}

Task<void> Connection::read_records() {
  while (running_) {
    auto record = co_await read_record();
    if (!record) {
      abort(std::move(record).error());
      break;
    }
    dispatch(*std::move(record));
  }
  co_await writer_ended_.wait();  // the kernel may read pieces of pending calls until then
  loop_.forget_socket(fd_.get());
  fd_.reset();
  fail_pending();
}

Task<Status> Connection::fill(std::size_t want) {
  if (staging_.size() < want && staging_.begin > 0) {
    auto bytes = staging_.buffer.bytes();
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(staging_.begin),
              bytes.begin() + static_cast<std::ptrdiff_t>(staging_.end), bytes.begin());
    staging_.end -= staging_.begin;
    staging_.begin = 0;
  }
  while (staging_.size() < want) {
    auto room = staging_.buffer.bytes().subspan(staging_.end);
    iovec into{room.data(), room.size()};
    std::span<const iovec> one(&into, 1);
    auto received = co_await loop_.recv(fd_.get(), one, &cancel_);
    if (!received) co_return std::move(received).error();
    if (*received == 0) {
      co_return own_error(Own::kConnectionLost, "recv", "the server closed the connection");
    }
    staging_.end += *received;
  }
  co_return ok();
}

Task<Status> Connection::receive(std::span<std::byte> into) {
  std::size_t have = std::min(into.size(), staging_.size());
  if (into.empty()) co_return ok();  // an empty fragment
  std::memcpy(into.data(), staging_.buffer.bytes().data() + staging_.begin, have);
  staging_.begin += have;
  into = into.subspan(have);
  if (into.empty()) co_return ok();
  auto received = co_await loop_.recv_all(fd_.get(), into, &cancel_);
  if (!received) co_return std::move(received).error();
  if (*received == into.size()) co_return ok();
  co_return own_error(Own::kConnectionLost, "recv", "the server closed the connection");
}

// A record, reassembled from its fragments (RFC 5531 section 11).
Task<Result<Chunk>> Connection::read_record() {
  BufferRef buffer;
  std::size_t size = 0;
  for (std::size_t fragments = 0;; ++fragments) {
    NFSFERRY_TRY(Ok filled, co_await fill(4), co_return);
    std::uint32_t mark = big_endian_u32(staging_.buffer.bytes().data() + staging_.begin);
    staging_.begin += 4;
    std::size_t length = mark & ~kLastFragment;
    bool last = (mark & kLastFragment) != 0;
    if (length > record_most_ - size || fragments >= kFragmentsMost) {
      co_return own_error(Own::kBadReply, "recv", "a record larger than agreed");
    }
    if (size + length > buffer.bytes().size()) {
      BufferRef larger = loop_.buffers().get(size + length);
      if (size > 0) std::memcpy(larger.bytes().data(), buffer.bytes().data(), size);
      buffer = std::move(larger);
    }
    NFSFERRY_TRY(Ok got, co_await receive(buffer.bytes().subspan(size, length)), co_return);
    size += length;
    if (!last) continue;
    Chunk record{buffer, buffer.bytes().first(size)};
    co_return record;
  }
}

void Connection::dispatch(Chunk record) {
  if (record.bytes.size() < 4) {
    return abort(own_error(Own::kBadReply, "recv", "a record without an xid"));
  }
  std::uint32_t xid = big_endian_u32(record.bytes.data());
  auto found = pending_.find(xid);
  if (found == pending_.end()) return;  // a reply nobody waits for
  Pending* pending = found->second;
  if (!pending->pieces.empty() || pending->reply) {
    return abort(own_error(Own::kBadReply, "recv", "a reply to a request that was not sent"));
  }
  record.bytes = record.bytes.subspan(4);
  pending->reply = std::move(record);
  if (!pending->sending) finish(*pending);
}

void Connection::finish(Pending& pending) {
  pending_.erase(pending.call.xid);
  pending.done.set();
}

Task<void> Connection::write_records() {
  std::vector<iovec> batch;
  while (running_) {
    co_await work_.wait();
    work_.reset();
    while (running_ && !outgoing_.empty()) {
      std::vector<Pending*> taken;
      batch.clear();
      while (!outgoing_.empty() && batch.size() < kPiecesPerSend) {
        Pending* pending = outgoing_.front();
        outgoing_.pop_front();
        batch.insert(batch.end(), pending->pieces.begin(), pending->pieces.end());
        pending->pieces.clear();
        pending->sending = true;
        taken.push_back(pending);
      }
      std::span<iovec> pieces(batch);
      Status sent = co_await loop_.send(fd_.get(), pieces, &cancel_);
      if (!sent) abort(std::move(sent).error());
      for (Pending* pending : taken) {
        pending->sending = false;
        if (pending->reply) finish(*pending);
      }
    }
  }
  outgoing_.clear();
  writer_ended_.set();
}

void Connection::fail_pending() {
  std::string why = ended_ ? ended_->message() : "";
  for (auto& [xid, pending] : pending_) {
    if (!pending->reply) pending->reply = own_error(Own::kConnectionLost, "call", why);
    pending->done.set();
  }
  pending_.clear();
}

}  // namespace nfsferry::nfs4
