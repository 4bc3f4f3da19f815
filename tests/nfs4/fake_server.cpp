#include "fake_server.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/result.hpp"
#include "deaf_socket.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint32_t kOk = 0;
constexpr std::uint32_t kBadsession = 10052;
constexpr std::uint32_t kBadslot = 10053;
constexpr std::uint32_t kStaleClientid = 10022;
constexpr std::uint32_t kSeqMisordered = 10063;
constexpr std::uint32_t kRetryUncachedRep = 10068;
constexpr std::uint32_t kCompleteAlready = 10054;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(at + i < bytes.size() ? bytes[at + i] : 0);
  }
  return value;
}

// Reads a request; what does not fit ends as operations missing.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t u32() {
    std::uint32_t value = number_at(bytes_, at_);
    at_ += 4;
    return value;
  }
  std::uint64_t u64() {
    std::uint64_t high = u32();
    return high << 32 | u32();
  }
  std::string raw(std::size_t size) {
    std::string out(at_ < bytes_.size() ? bytes_.substr(at_, size) : std::string_view());
    at_ += (size + 3) & ~std::size_t{3};
    return out;
  }
  std::string opaque() { return raw(u32()); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

void read_attributes(Cursor& in) {
  std::uint32_t words = in.u32();
  in.raw(4 * std::size_t{words});
  in.opaque();
}

void read_lock(Cursor& in) {
  in.raw(24);  // type, reclaim, offset, length
  bool by_open = in.u32() != 0;
  in.raw(by_open ? 32 : 20);  // its sequence id, stateid, the lock's sequence id and client id
  if (by_open) in.opaque();   // the owner
}

void read_operation(Cursor& in, FakeCall& call) {
  FakeOperation operation;
  operation.number = in.u32();
  switch (operation.number) {
    case kOpSequence:
      call.has_sequence = true;
      call.session = in.raw(16);
      call.sequence_id = in.u32();
      call.slot = in.u32();
      call.highest_slot = in.u32();
      call.cache_this = in.u32() == 1;
      return;
    case kOpPutfh:
    case kOpLookup:
    case kOpRemove: operation.text = in.opaque(); break;
    case kOpGetattr:
      for (std::uint32_t word = 0, words = in.u32(); word < words && word < 2; ++word) {
        operation.mask |= std::uint64_t{in.u32()} << (32 * word);
      }
      break;
    case kOpOpen:
      operation.seqid = in.u32();
      in.raw(8);  // access, deny
      operation.clientid = in.u64();
      operation.owner = in.opaque();
      if (in.u32() == 1) {  // CREATE
        in.u32();           // UNCHECKED or GUARDED
        read_attributes(in);
      }
      if (in.u32() == 0) operation.text = in.opaque();  // CLAIM_NULL, by name
      break;
    case kOpClose: operation.seqid = in.u32(), operation.stateid = in.raw(16); break;
    case kOpOpenConfirm: operation.stateid = in.raw(16), operation.seqid = in.u32(); break;
    case kOpRead: operation.stateid = in.raw(16), in.raw(12); break;
    case kOpWrite: operation.stateid = in.raw(16), in.raw(12), operation.text = in.opaque(); break;
    case kOpSetattr: operation.stateid = in.raw(16), read_attributes(in); break;
    case kOpVerify: read_attributes(in); break;
    case kOpCommit: in.raw(12); break;
    case kOpLock: read_lock(in); break;
    case kOpLocku: in.raw(8), operation.stateid = in.raw(16), in.raw(16); break;
    case kOpRename: in.opaque(), operation.text = in.opaque(); break;
    case kOpSetclientid: in.raw(8), operation.text = in.opaque(); break;
    case kOpSetclientidConfirm: operation.clientid = in.u64(), in.raw(8); break;
    case kOpRenew: operation.clientid = in.u64(); break;
    case kOpReclaimComplete: in.u32(); break;
    case kOpReaddir:
      operation.cookie = in.u64();
      in.raw(12);  // verifier, dircount
      operation.maxcount = in.u32();
      in.raw(4 * std::size_t{in.u32()});
      break;
    case kOpBindConnToSession:
    case kOpDestroySession: operation.text = in.raw(16); break;
    case kOpDestroyClientid: call.clientid = in.u64(); break;
    case kOpExchangeId: operation.verifier = in.raw(8), operation.text = in.opaque(); break;
    case kOpCreateSession:
      call.clientid = in.u64();
      call.create_sequence_id = in.u32();
      break;
    default: break;
  }
  call.operations.push_back(std::move(operation));
}

FakeCall read_call(const std::string& record, unsigned connection) {
  FakeCall call;
  call.connection = connection;
  call.xid = number_at(record, 0);
  call.record = record;
  Cursor in(record);
  in.raw(16);  // xid, call, RPC version, program
  call.version = in.u32();
  in.raw(8);    // procedure, flavor of the credentials
  in.opaque();  // credentials
  in.u32();
  in.opaque();  // verifier
  in.opaque();  // tag
  call.minor_version = in.u32();
  std::uint32_t operations = in.u32();
  for (std::uint32_t i = 0; i < operations && i < 1000; ++i) read_operation(in, call);
  return call;
}

std::string compound(std::uint32_t status, std::uint32_t results, const std::string& body) {
  Wire wire;
  wire.u32(1).u32(0).u32(0).u32(0).u32(0);  // reply, accepted, no verifier, success
  wire.u32(status).opaque("").u32(results).raw(body);
  return wire.bytes();
}

constexpr std::string_view kFileData = "data";

// Of what is asked: type, size, fileid and numlinks. Every file is a regular one with a single name
// and holds what READ gives.
std::string attributes_of(std::uint64_t asked) {
  constexpr std::uint64_t kType = 1ull << 1, kSize = 1ull << 4, kFileid = 1ull << 20,
                          kNumlinks = 1ull << 35;
  std::uint64_t given = asked & (kType | kSize | kFileid | kNumlinks);
  Wire values;
  if ((given & kType) != 0) values.u32(1);
  if ((given & kSize) != 0) values.u64(kFileData.size());
  if ((given & kFileid) != 0) values.u64(7);
  if ((given & kNumlinks) != 0) values.u32(1);
  Wire wire;
  wire.u32(2).u32(static_cast<std::uint32_t>(given)).u32(static_cast<std::uint32_t>(given >> 32));
  return wire.opaque(values.bytes()).bytes();
}

std::string result_of(const FakeOperation& operation) {
  Wire wire;
  wire.u32(operation.number).u32(kOk);
  switch (operation.number) {
    case kOpGetfh: wire.opaque("handle"); break;
    case kOpGetattr: wire.raw(attributes_of(operation.mask)); break;
    case kOpOpen:
      wire.raw(std::string(16, 's')).raw(std::string(20, '\0')).u32(0).u32(0).u32(0);
      break;
    case kOpOpenConfirm: wire.u32(2).raw(operation.stateid.substr(4)); break;
    case kOpClose:
    case kOpLock:
    case kOpLocku: wire.raw(std::string(16, 's')); break;
    case kOpWrite:
      wire.u32(static_cast<std::uint32_t>(operation.text.size())).u32(2).raw(std::string(8, 'v'));
      break;
    case kOpCommit: wire.raw(std::string(8, 'v')); break;
    case kOpSetattr: wire.u32(0); break;
    case kOpRename: wire.raw(std::string(40, '\0')); break;
    case kOpRead: wire.u32(1).opaque(std::string(kFileData)); break;
    case kOpRemove: wire.u32(1).u64(1).u64(2); break;
    default: break;
  }
  return wire.bytes();
}

std::string result_of_readdir(const FakePage& page) {
  Wire wire;
  wire.u32(kOpReaddir).u32(kOk).u64(1);
  for (const auto& [name, cookie] : page.entries) {
    wire.u32(1).u64(cookie).opaque(name).u32(0).opaque("");
  }
  return wire.u32(0).u32(page.eof ? 1 : 0).bytes();
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What the socket has sent is acknowledged first, or it would go on sending that.
void go_deaf_when_heard(int fd) {
  int unsent = 1;
  while (unsent > 0 && ::ioctl(fd, SIOCOUTQ, &unsent) == 0) std::this_thread::yield();
  go_deaf(fd);
}

std::string record_of(std::uint32_t xid, const std::string& reply) {
  Wire wire;
  wire.u32(0x80000000u | static_cast<std::uint32_t>(4 + reply.size())).u32(xid).raw(reply);
  return wire.bytes();
}

}  // namespace

FakeServer::FakeServer(Script script, FakeLimits limits)
    : script_(std::move(script)), limits_(limits), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  listen_again();
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() {
  {
    std::lock_guard lock(mutex_);
    order_ = Order::kEnd;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void FakeServer::listen_again() {
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener_.get(), name, sizeof address) == 0, "the fake server cannot bind");
  check(::listen(listener_.get(), 16) == 0, "the fake server cannot listen");
  socklen_t length = sizeof address;
  ::getsockname(listener_.get(), name, &length);
  port_ = ntohs(address.sin_port);
}

void FakeServer::serve() {
  for (;;) {
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
    if (listener_) waits.push_back({listener_.get(), POLLIN, 0});
    for (const auto& [fd, peer] : peers_) waits.push_back({fd, POLLIN, 0});
    ::poll(waits.data(), waits.size(), -1);
    for (const pollfd& one : waits) {
      if (one.revents == 0) continue;
      if (one.fd == wake_.get()) {
        eventfd_t count = 0;
        ::eventfd_read(wake_.get(), &count);
        std::lock_guard lock(mutex_);
        Order order = std::exchange(order_, Order::kNone);
        if (order == Order::kEnd) return;
        if (order != Order::kAccept) peers_.clear();
        if (order == Order::kDropAndRefuse) listener_.reset();
        if (order == Order::kAccept && !listener_) listen_again();
        break;  // the list of descriptors is made again
      }
      if (listener_ && one.fd == listener_.get()) {
        UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) continue;
        std::lock_guard lock(mutex_);
        if (stillborn_ > 0) {
          --stillborn_;
          continue;
        }
        int number = fd.get();
        peers_[number] = Peer{std::move(fd), ++connections_, {}};
        continue;
      }
      auto peer = peers_.find(one.fd);
      if (peer != peers_.end() && !read_from(peer->second)) peers_.erase(one.fd);
    }
  }
}

bool FakeServer::read_from(Peer& peer) {
  char chunk[65536];
  ssize_t size = ::recv(peer.fd.get(), chunk, sizeof chunk, 0);
  if (size <= 0) return false;
  peer.received.append(chunk, static_cast<std::size_t>(size));
  for (;;) {  // our client sends each record in one fragment
    std::size_t length = number_at(peer.received, 0) & 0x7fffffff;
    if (peer.received.size() < 4 || peer.received.size() - 4 < length) return true;
    std::string record = peer.received.substr(4, length);
    peer.received.erase(0, 4 + length);
    if (!handle(peer, record)) return false;
  }
}

bool FakeServer::handle(Peer& peer, const std::string& record) {
  FakeCall call = read_call(record, peer.number);
  FakeAnswer answer = script_ ? script_(call) : FakeAnswer{};
  stillborn_ = std::max(stillborn_, answer.stillborn);
  std::string bytes;
  {
    std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (answer.forget_sessions || answer.forget_clients) sessions_.clear();
    if (answer.forget_clients) client_known_ = false;
    bool answers = !answer.raw && !answer.accept_stat;
    if ((answer.close || answer.silent) && !answer.execute) answers = false;
    if (answers) {
      if (call.minor_version == 0)
        bytes = answer_40(call, answer);
      else
        bytes = call.has_sequence ? answer_in_session(call, answer) : answer_bare(call, answer);
      bytes = record_of(call.xid, bytes);
    }
  }
  if (answer.close) return false;
  if (answer.silent) return true;
  if (answer.raw) bytes = *answer.raw;
  if (answer.accept_stat) {
    bytes =
        record_of(call.xid, Wire().u32(1).u32(0).u32(0).u32(0).u32(*answer.accept_stat).bytes());
  }
  if (answer.hold) {
    held_.emplace_back(peer.fd.get(), bytes);
    return true;
  }
  if (!send_all(peer.fd.get(), bytes)) return false;
  if (answer.deaf) {
    go_deaf_when_heard(peer.fd.get());
    deaf_ = true;
  }
  for (const auto& [fd, later] : std::exchange(held_, {})) {
    if (peers_.contains(fd)) send_all(fd, later);
  }
  return true;
}

std::string FakeServer::answer_40(const FakeCall& call, const FakeAnswer& answer) {
  std::uint32_t number = call.operations.empty() ? 0 : call.operations[0].number;
  if (number == kOpSetclientid) {
    client_known_ = false;
    Wire result;
    result.u32(number).u32(kOk).u64(++clientid_).raw(std::string(8, 'c'));
    return compound(kOk, 1, result.bytes());
  }
  if (number == kOpSetclientidConfirm) {
    client_known_ = true;
    open_owners_.clear();
  }
  return carry_out(call, answer);
}

// An owner that is new wants to be confirmed.
std::string FakeServer::open_40(const FakeOperation& open) {
  bool confirm = open_owners_.insert(open.owner).second;
  Wire wire;
  wire.u32(kOpOpen).u32(kOk).u32(1).raw("the open").u32(++opens_).raw(std::string(20, '\0'));
  return wire.u32(confirm ? 2 : 0).u32(0).u32(0).bytes();
}

std::string FakeServer::answer_bare(const FakeCall& call, const FakeAnswer& answer) {
  std::uint32_t number = call.operations.empty() ? 0 : call.operations[0].number;
  auto failed = [&](std::uint32_t status) {
    return compound(status, 1, Wire().u32(number).u32(status).bytes());
  };
  if (answer.sequence_status) return failed(*answer.sequence_status);
  Wire result;
  result.u32(number).u32(kOk);
  switch (number) {
    case kOpExchangeId: {
      const std::string& verifier = call.operations[0].verifier;
      bool confirmed = client_known_ && next_create_ > 1 && verifier == boot_verifier_;
      boot_verifier_ = verifier;
      if (!confirmed) {
        ++clientid_;
        reclaimed_ = false;
        next_create_ = 1;
      }
      client_known_ = true;
      // What stands in place of the sequence id of a confirmed client means nothing.
      result.u64(clientid_).u32(confirmed ? 0xdead : 1).u32(confirmed ? 0x80030000 : 0x30000);
      result.u32(0).u64(0).opaque("fake").opaque("scope").u32(0);
      break;
    }
    case kOpCreateSession: {
      if (!client_known_ || call.clientid != clientid_) return failed(kStaleClientid);
      if (call.create_sequence_id != next_create_) return failed(kSeqMisordered);
      ++next_create_;
      std::string session = "session-" + std::to_string(10000000 + ++sessions_made_);
      sessions_[session] = {};
      result.raw(session).u32(call.create_sequence_id).u32(0);
      for (int channel = 0; channel < 2; ++channel) {
        result.u32(0).u32(limits_.request_bytes).u32(limits_.response_bytes);
        result.u32(limits_.cached_bytes).u32(limits_.operations).u32(limits_.slots).u32(0);
      }
      break;
    }
    case kOpBindConnToSession:
      if (!sessions_.contains(call.operations[0].text)) return failed(kBadsession);
      result.raw(call.operations[0].text).u32(1).u32(0);
      break;
    case kOpDestroySession:
      if (sessions_.erase(call.operations[0].text) == 0) return failed(kBadsession);
      break;
    case kOpDestroyClientid:
      if (!client_known_ || call.clientid != clientid_) return failed(kStaleClientid);
      client_known_ = false;
      break;
    default: return failed(10071);  // OP_NOT_IN_SESSION
  }
  return compound(kOk, 1, result.bytes());
}

std::string FakeServer::answer_in_session(const FakeCall& call, const FakeAnswer& answer) {
  auto refused = [](std::uint32_t status) {
    return compound(status, 1, Wire().u32(kOpSequence).u32(status).bytes());
  };
  if (answer.sequence_status) return refused(*answer.sequence_status);
  auto session = sessions_.find(call.session);
  if (session == sessions_.end()) return refused(kBadsession);
  if (call.slot >= limits_.slots) return refused(kBadslot);
  Slot& slot = session->second[call.slot];
  bool replay = call.sequence_id == slot.sequence_id && slot.sequence_id != 0;
  if (replay && !slot.cached.empty()) return slot.cached;
  if (!replay && call.sequence_id != slot.sequence_id + 1) return refused(kSeqMisordered);
  slot.sequence_id = call.sequence_id;
  slot.cached.clear();
  std::string reply;
  if (replay && !call.operations.empty()) {
    FakeAnswer uncached;
    uncached.status = kRetryUncachedRep;
    uncached.at = 0;
    reply = carry_out(call, uncached);
  } else {
    reply = carry_out(call, answer);
  }
  if (call.cache_this) slot.cached = reply;
  return reply;
}

std::string FakeServer::carry_out(const FakeCall& call, const FakeAnswer& answer) {
  Wire body;
  std::uint32_t results = 0;
  bool in_session = call.minor_version > 0;
  bool locks = false;
  if (in_session) {
    body.u32(kOpSequence).u32(kOk).raw(call.session).u32(call.sequence_id);
    body.u32(call.slot + (answer.mislead_slot ? 1 : 0)).u32(limits_.slots - 1);
    body.u32(answer.target_highest_slot.value_or(limits_.slots - 1)).u32(answer.status_flags);
    ++results;
  }
  for (std::size_t i = 0; i < call.operations.size(); ++i) {
    const FakeOperation& operation = call.operations[i];
    if (answer.cut_after && i == *answer.cut_after) break;
    ++results;
    if (answer.status && i == answer.at) {
      body.u32(operation.number).u32(*answer.status);
      return compound(*answer.status, results, body.bytes());
    }
    if (operation.number == kOpReclaimComplete && std::exchange(reclaimed_, true)) {
      body.u32(operation.number).u32(kCompleteAlready);
      return compound(kCompleteAlready, results, body.bytes());
    }
    bool names_client = operation.number == kOpRenew || operation.number == kOpOpen;
    if (!in_session && names_client && (!client_known_ || operation.clientid != clientid_)) {
      body.u32(operation.number).u32(kStaleClientid);
      return compound(kStaleClientid, results, body.bytes());
    }
    if (!in_session && operation.number == kOpOpen) {
      body.raw(open_40(operation));
      continue;
    }
    if (operation.number == kOpRemove) removed_.push_back(operation.text);
    locks = locks || operation.number == kOpLock;
    if (locks && operation.number == kOpWrite) locked_text_ = operation.text;
    if (operation.number == kOpReaddir) {
      body.raw(result_of_readdir(answer.page));
    } else if (locks && operation.number == kOpRead) {
      body.u32(kOpRead).u32(kOk).u32(1).opaque(locked_text_);
    } else {
      body.raw(result_of(operation));
    }
  }
  return compound(kOk, results, body.bytes());
}

std::vector<FakeCall> FakeServer::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

std::vector<FakeCall> FakeServer::plain_calls() const {
  std::vector<FakeCall> plain;
  for (FakeCall& call : calls()) {
    if (call.is_plain()) plain.push_back(std::move(call));
  }
  return plain;
}

std::vector<std::string> FakeServer::verifiers() const {
  std::vector<std::string> verifiers;
  for (const FakeCall& call : calls()) {
    if (call.is(kOpExchangeId)) verifiers.push_back(call.operations[0].verifier);
  }
  return verifiers;
}

std::size_t FakeServer::count(std::uint32_t first_operation) const {
  std::size_t count = 0;
  for (const FakeCall& call : calls()) count += call.is(first_operation) ? 1 : 0;
  return count;
}

std::vector<std::string> FakeServer::removed() const {
  std::lock_guard lock(mutex_);
  return removed_;
}

unsigned FakeServer::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

void FakeServer::drop_connections(bool refuse) {
  {
    std::lock_guard lock(mutex_);
    order_ = refuse ? Order::kDropAndRefuse : Order::kDrop;
  }
  ::eventfd_write(wake_.get(), 1);
}

void FakeServer::accept_again() {
  {
    std::lock_guard lock(mutex_);
    order_ = Order::kAccept;
  }
  ::eventfd_write(wake_.get(), 1);
}

}  // namespace nfsferry::test
