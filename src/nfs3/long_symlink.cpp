#include "nfs3/long_symlink.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "base/treatment.hpp"
#include "loop/deadline.hpp"
#include "nfs3/wire.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr std::string_view kKind = "SYMLINK";
constexpr std::uint32_t kProgram = 100003;
constexpr std::uint32_t kVersion = 3;
constexpr std::uint32_t kProcedure = 10;
constexpr std::uint32_t kAuthSys = 1;
constexpr std::uint32_t kLastFragment = 0x80000000;
constexpr std::size_t kRequestMost = 16'384;
constexpr std::size_t kReplyMost = 16'384;
constexpr std::size_t kVerifierMost = 400;  // RFC 5531 section 8.2

void put(std::vector<std::byte>& out, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(word >> shift));
}

std::uint32_t word_at(std::span<const std::byte> bytes) {
  std::uint32_t word = 0;
  for (std::byte byte : bytes.first(4)) word = word << 8 | std::to_integer<std::uint32_t>(byte);
  return word;
}

// Record mark, call header and arguments. Empty: it cannot be encoded.
std::vector<std::byte> record_of(std::uint32_t xid, const Credentials& credentials,
                                 SYMLINK3args& args) {
  std::vector<char> encoded(kRequestMost);
  ZDR zdr{};
  libnfs_zdrmem_create(&zdr, encoded.data(), static_cast<std::uint32_t>(encoded.size()),
                       ZDR_ENCODE);
  bool fits = zdr_SYMLINK3args(&zdr, &args) != 0;
  std::size_t size = fits ? libnfs_zdr_getpos(&zdr) : 0;
  libnfs_zdr_destroy(&zdr);
  std::vector<std::byte> record;
  if (!fits) return record;

  std::size_t groups = std::min(credentials.groups.size(), kGroupsMost);
  put(record, 0);
  for (std::uint32_t word : {xid, 0u, 2u, kProgram, kVersion, kProcedure, kAuthSys}) {
    put(record, word);
  }
  put(record, static_cast<std::uint32_t>(20 + 4 * groups));
  for (std::uint32_t word : {0u, 0u, credentials.uid, credentials.gid}) put(record, word);
  put(record, static_cast<std::uint32_t>(groups));
  for (std::size_t i = 0; i < groups; ++i) put(record, credentials.groups[i]);
  put(record, 0);
  put(record, 0);
  auto bytes = std::as_bytes(std::span(encoded)).first(size);
  record.insert(record.end(), bytes.begin(), bytes.end());
  std::vector<std::byte> mark;
  put(mark, kLastFragment | static_cast<std::uint32_t>(record.size() - 4));
  std::copy(mark.begin(), mark.end(), record.begin());
  return record;
}

Task<Status> exchange(Loop& loop, int fd, std::span<std::byte> record, std::uint32_t xid,
                      CancelToken& cancel) {
  iovec piece{record.data(), record.size()};
  std::span<iovec> pieces(&piece, 1);
  NFSFERRY_TRY(Ok sent, co_await loop.send(fd, pieces, &cancel), co_return);
  std::array<std::byte, 4> mark{};
  NFSFERRY_TRY(std::size_t marked, co_await loop.recv_all(fd, mark, &cancel), co_return);
  std::size_t size = word_at(mark) & ~kLastFragment;
  if (marked < mark.size() || size > kReplyMost) {
    co_return own_error(Own::kConnectionLost, kKind, "no reply");
  }
  std::vector<std::byte> reply(size);
  NFSFERRY_TRY(std::size_t got, co_await loop.recv_all(fd, reply, &cancel), co_return);
  if (got < size) co_return own_error(Own::kConnectionLost, kKind, "no whole reply");
  NFSFERRY_TRY(std::uint32_t status, status_of_reply(reply, xid), co_return);
  if (status != 0) co_return nfs3_error(status, kKind);
  co_return ok();
}

// What is waited for ends after a time, and with the client.
class Limit {
 public:
  Limit(Client& client, std::uint64_t after_ms)
      : client_(client),
        deadline_(client.loop(), std::chrono::milliseconds(after_ms), [this] { token_.cancel(); }) {
    client_.add(token_);
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  CancelToken& token() { return token_; }
  // Needed before it goes.
  Task<void> end() {
    client_.take_away(token_);
    co_await deadline_.end();
  }

 private:
  Client& client_;
  CancelToken token_;
  Deadline deadline_;
};

class LongSymlink final : public Call {
 public:
  LongSymlink(Client& client, SYMLINK3args& args) : Call(kKind), client_(client), args_(args) {}

  bool goes_alone() const override { return true; }
  Task<Status> perform_alone(bool& sent) override {
    Error failure = own_error(Own::kNameResolution, "connect", "no address");
    for (const Address& address : client_.addresses()) {
      Status done = co_await perform_at(address, sent);
      if (done || sent) co_return done;
      if (client_.ended()) co_return *client_.ended();
      failure = more_hopeful(std::move(failure), std::move(done).error());
    }
    co_return failure;
  }

 private:
  bool queue(rpc_context*) override { return false; }
  Status take(void*) override { return ok(); }

  Task<Status> perform_at(const Address& address, bool& sent) {
    Loop& loop = client_.loop();
    UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) co_return errno_error(errno, "socket");
    // Where it may have a privileged port it takes one, as libnfs does.
    if (address.storage.ss_family == AF_INET && ::geteuid() == 0) {
      (void)::bindresvport(fd.get(), nullptr);
    }
    Status done = co_await connect(fd.get(), address);
    sent = done.has_value();
    if (sent) done = co_await exchange_at(fd.get());
    loop.forget_socket(fd.get());
    co_return done;
  }
  Task<Status> connect(int fd, const Address& address) {
    Limit limit(client_, client_.connect_patience_ms());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address.storage);
    Status done = co_await client_.loop().connect(fd, generic, address.length, &limit.token());
    co_await limit.end();
    if (!done && limit.token().is_cancelled()) done = errno_error(ETIMEDOUT, "connect");
    co_return done;
  }
  // Each time with another number: a server that keeps its last answers would give one of them.
  Task<Status> exchange_at(int fd) {
    std::random_device random;
    std::uint32_t xid = random();
    std::vector<std::byte> record = record_of(xid, client_.credentials(), args_);
    Limit limit(client_, client_.timeout_ms());
    Status done = co_await exchange(client_.loop(), fd, record, xid, limit.token());
    co_await limit.end();
    if (done || done.error().domain != Domain::kErrno) co_return done;
    if (client_.ended()) co_return *client_.ended();
    bool late = limit.token().is_cancelled();
    std::string detail = late ? "no answer in time" : done.error().message();
    co_return own_error(Own::kConnectionLost, kKind, detail);
  }

  Client& client_;
  SYMLINK3args& args_;
};

}  // namespace

Result<std::uint32_t> status_of_reply(std::span<const std::byte> record, std::uint32_t xid) {
  auto take = [&record]() -> std::uint32_t {
    if (record.size() < 4) {
      record = {};
      return ~0u;
    }
    std::uint32_t word = word_at(record);
    record = record.subspan(4);
    return word;
  };
  bool ours = take() == xid && take() == 1;
  if (!ours) return own_error(Own::kBadReply, kKind, "not the reply to this call");
  if (take() != 0) return rpc_error(RpcFailure::kAuthDenied, kKind);
  (void)take();  // the verifier's flavor
  std::size_t verifier = take();
  std::size_t padded = (verifier + 3) & ~std::size_t{3};
  if (verifier > kVerifierMost || padded > record.size()) {
    return own_error(Own::kBadReply, kKind, "a verifier that is too long");
  }
  record = record.subspan(padded);
  if (record.size() < 8) return own_error(Own::kBadReply, kKind, "cut short");
  std::uint32_t accepted = take();
  if (accepted > 5) return own_error(Own::kBadReply, kKind, "an unknown accept_stat");
  if (accepted != 0) return rpc_error(static_cast<RpcFailure>(accepted), kKind);
  return take();
}

Task<Result<Made>> long_symlink(Client& client, const FileHandle& directory, std::string name,
                                std::string text, const NewAttributes& attributes,
                                AttrChoice choice) {
  SYMLINK3args args{};
  args.where = wire(directory, name);
  args.symlink.symlink_attributes = wire(attributes, choice);
  args.symlink.symlink_data = text.data();
  if (record_of(0, client.credentials(), args).empty()) {
    co_return Error{Domain::kErrno, ENAMETOOLONG, std::string(kKind), std::move(name), {}};
  }
  LongSymlink call(client, args);
  Status done = co_await client.perform(call, Repeat::kOnce);
  if (!done) co_return std::move(done).error();
  co_return Made{};
}

}  // namespace nfsferry::nfs3
