#include "compound_walk.hpp"

#include <algorithm>
#include <array>

namespace nfsferry::test {
namespace {

// What arguments and results consist of, a letter each:
//   w 4 bytes            h 8 bytes             s 16 bytes: stateid, session id
//   o opaque, string     b array of words: bitmap, RDMA
//   f attributes (bo)    c change_info4 (whh)  n channel attributes (wwwwwwb)
//   T createtype4        H openflag4           C open_claim4      L locker4
//   P no state protection                      I implementation ids
//   S callback security  E directory entries   D delegation
struct Shape {
  Operation number;
  std::string_view name;
  std::string_view arguments;
  std::string_view results;
};

constexpr Shape kShapes[] = {
    {kOpClose, "CLOSE", "ws", "s"},
    {kOpCommit, "COMMIT", "hw", "h"},
    {kOpCreate, "CREATE", "Tof", "cb"},
    {kOpGetattr, "GETATTR", "b", "f"},
    {kOpGetfh, "GETFH", "", "o"},
    {kOpLink, "LINK", "o", "c"},
    {kOpLock, "LOCK", "wwhhL", "s"},
    {kOpLocku, "LOCKU", "wwshh", "s"},
    {kOpLookup, "LOOKUP", "o", ""},
    {kOpOpen, "OPEN", "wwwhoHC", "scwbD"},
    {kOpOpenConfirm, "OPEN_CONFIRM", "sw", "s"},
    {kOpPutfh, "PUTFH", "o", ""},
    {kOpPutpubfh, "PUTPUBFH", "", ""},
    {kOpPutrootfh, "PUTROOTFH", "", ""},
    {kOpRead, "READ", "shw", "wo"},
    {kOpReaddir, "READDIR", "hhwwb", "hE"},
    {kOpReadlink, "READLINK", "", "o"},
    {kOpRemove, "REMOVE", "o", "c"},
    {kOpRename, "RENAME", "oo", "cc"},
    {kOpRenew, "RENEW", "h", ""},
    {kOpRestorefh, "RESTOREFH", "", ""},
    {kOpSavefh, "SAVEFH", "", ""},
    {kOpSetattr, "SETATTR", "sf", "b"},
    {kOpSetclientid, "SETCLIENTID", "howoow", "hh"},
    {kOpSetclientidConfirm, "SETCLIENTID_CONFIRM", "hh", ""},
    {kOpVerify, "VERIFY", "f", ""},
    {kOpWrite, "WRITE", "shwo", "wwh"},
    {kOpReleaseLockowner, "RELEASE_LOCKOWNER", "ho", ""},
    {kOpBindConnToSession, "BIND_CONN_TO_SESSION", "sww", "sww"},
    {kOpExchangeId, "EXCHANGE_ID", "howPI", "hwwPhooI"},
    {kOpCreateSession, "CREATE_SESSION", "hwwnnwS", "swwnn"},
    {kOpDestroySession, "DESTROY_SESSION", "s", ""},
    {kOpSequence, "SEQUENCE", "swwww", "swwwww"},
    {kOpDestroyClientid, "DESTROY_CLIENTID", "h", ""},
    {kOpReclaimComplete, "RECLAIM_COMPLETE", "w", ""},
};

const Shape* shape_of(std::uint32_t number) {
  const Shape* found =
      std::ranges::find_if(kShapes, [&](const Shape& shape) { return shape.number == number; });
  return found == std::end(kShapes) ? nullptr : found;
}

// Goes through a record; stops for good at what does not read.
class Walker {
 public:
  explicit Walker(std::span<const std::byte> record) : record_(record) {}

  std::size_t at() const { return at_; }
  bool failed() const { return failed_; }
  bool finished() const { return !failed_ && at_ == record_.size(); }

  std::uint32_t word() {
    std::size_t from = at_;
    skip(4);
    return failed_ ? 0 : word_at(record_, from);
  }
  void opaque() {
    std::uint32_t length = word();
    skip((std::size_t{length} + 3) & ~std::size_t{3});
  }
  void go(std::string_view shape) {
    for (char part : shape) {
      if (failed_) return;
      go(part);
    }
  }

 private:
  void skip(std::size_t bytes) {
    if (failed_ || bytes > record_.size() - at_)
      failed_ = true;
    else
      at_ += bytes;
  }
  void go(char part) {
    switch (part) {
      case 'w': return skip(4);
      case 'h': return skip(8);
      case 's': return skip(16);
      case 'o': return opaque();
      case 'b': return skip(std::size_t{word()} * 4);
      case 'f': return go("bo");
      case 'c': return go("whh");
      case 'n': return go("wwwwwwb");
      case 'T': return create_type(word());
      case 'H': return word() == 1 ? create_how(word()) : void();
      case 'C': return claim(word());
      case 'L': return word() == 1 ? go("wswho") : go("sw");
      case 'P': return expect(word() == 0);
      case 'I': return word() == 1 ? go("oohw") : void();
      case 'S': return callback_security();
      case 'E': return entries();
      case 'D': return delegation(word());
      default: return expect(false);
    }
  }
  void expect(bool holds) { failed_ = failed_ || !holds; }
  void create_type(std::uint32_t type) {
    if (type == 5) go("o");                // symlink
    if (type == 3 || type == 4) go("ww");  // devices
  }
  void create_how(std::uint32_t mode) {
    if (mode <= 1) return go("f");  // UNCHECKED, GUARDED
    go("h");                        // EXCLUSIVE
    if (mode == 3) go("f");         // EXCLUSIVE4_1
  }
  void claim(std::uint32_t type) {
    if (type == 0) return go("o");  // CLAIM_NULL
    expect(type == 4);              // CLAIM_FH
  }
  void callback_security() {
    std::uint32_t count = word();
    for (std::uint32_t i = 0; i < count && !failed_; ++i) {
      if (word() == 1) go("wowwb");  // AUTH_SYS
    }
  }
  void entries() {
    while (word() == 1 && !failed_) go("hof");
    go("w");  // eof
  }
  void delegation(std::uint32_t type) {
    if (type == 0) return;
    expect(type == 3);  // NONE_EXT: none was wanted
    std::uint32_t why = word();
    if (why == 1 || why == 2) go("w");
  }

  std::span<const std::byte> record_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

constexpr std::uint32_t kCall = 0;
constexpr std::uint32_t kReply = 1;

void go_result(Walker& walker, const Shape& shape, std::uint32_t status) {
  constexpr std::uint32_t kDenied = 10010;
  if (status == 0 || shape.number == kOpSetattr)  // SETATTR says on failure, too, what it has set
    walker.go(shape.results);
  else if (shape.number == kOpLock && status == kDenied)
    walker.go("hhwho");
}

// RFC 7530 section 9.1.7: what has not come as far as the owner does not count.
bool counts_in_sequence(std::uint32_t status) {
  constexpr std::uint32_t kResource = 10018, kMoved = 10019, kNofilehandle = 10020,
                          kStaleClientid = 10022, kStaleStateid = 10023, kBadStateid = 10025,
                          kBadSeqid = 10026, kBadxdr = 10036;
  switch (status) {
    case kResource:
    case kMoved:
    case kNofilehandle:
    case kStaleClientid:
    case kStaleStateid:
    case kBadStateid:
    case kBadSeqid:
    case kBadxdr: return false;
    default: return true;
  }
}

}  // namespace

std::string_view name_of(Operation operation) {
  const Shape* shape = shape_of(operation);
  return shape ? shape->name : "UNKNOWN";
}

std::optional<WalkedCall> walk_call(std::span<const std::byte> record) {
  Walker walker(record);
  WalkedCall call;
  call.xid = walker.word();
  std::array<std::uint32_t, 5> head;  // type, RPC version, program, version, procedure
  for (std::uint32_t& word : head) word = walker.word();
  if (head != std::array<std::uint32_t, 5>{kCall, 2, 100003, 4, 1}) return std::nullopt;
  walker.go("wowo");  // credential, verifier
  walker.go("o");     // tag
  call.minor_version = walker.word();
  call.count_at = walker.at();
  std::uint32_t count = walker.word();
  for (std::uint32_t i = 0; i < count && !walker.failed(); ++i) {
    std::size_t begin = walker.at();
    const Shape* shape = shape_of(walker.word());
    if (!shape) return std::nullopt;
    walker.go(shape->arguments);
    call.operations.push_back({shape->number, 0, begin, walker.at()});
  }
  if (!walker.finished()) return std::nullopt;
  return call;
}

std::optional<WalkedReply> walk_reply(std::span<const std::byte> record) {
  Walker walker(record);
  WalkedReply reply;
  reply.xid = walker.word();
  if (walker.word() != kReply || walker.word() != 0) return std::nullopt;  // accepted
  walker.go("wo");                                                         // verifier
  if (walker.word() != 0) return std::nullopt;                             // executed
  reply.status_at = walker.at();
  reply.status = walker.word();
  walker.go("o");  // tag
  reply.count_at = walker.at();
  std::uint32_t count = walker.word();
  for (std::uint32_t i = 0; i < count && !walker.failed(); ++i) {
    std::size_t begin = walker.at();
    const Shape* shape = shape_of(walker.word());
    if (!shape) return std::nullopt;
    std::uint32_t status = walker.word();
    go_result(walker, *shape, status);
    reply.results.push_back({shape->number, status, begin, walker.at()});
  }
  if (!walker.finished()) return std::nullopt;
  return reply;
}

std::vector<std::byte> error_reply(std::uint32_t xid, Operation operation, std::uint32_t status) {
  std::vector<std::byte> reply;
  // A reply, accepted, no verifier, executed, OK, no tag, no results.
  for (std::uint32_t word : {xid, 1u, 0u, 0u, 0u, 0u, 0u, 0u, 0u}) append_word(reply, word);
  fail_in_reply(reply, operation, 0, status);
  return reply;
}

std::vector<std::byte> first_operations(std::span<const std::byte> record, const WalkedCall& call,
                                        std::size_t count) {
  auto kept = record.first(call.operations[count].begin);
  std::vector<std::byte> shorter(kept.begin(), kept.end());
  set_word(shorter, call.count_at, static_cast<std::uint32_t>(count));
  return shorter;
}

std::vector<std::byte> call_to_fail(std::span<const std::byte> record, const WalkedCall& call,
                                    std::size_t index, std::uint32_t status) {
  constexpr std::size_t kAccess = 8;
  const WalkedOperation& operation = call.operations[index];
  bool counted =
      call.minor_version == 0 && operation.number == kOpOpen && counts_in_sequence(status);
  if (!counted) return first_operations(record, call, index);
  auto kept = record.first(operation.end);
  std::vector<std::byte> shorter(kept.begin(), kept.end());
  set_word(shorter, call.count_at, static_cast<std::uint32_t>(index + 1));
  set_word(shorter, operation.begin + kAccess, 0);
  return shorter;
}

void fail_in_reply(std::vector<std::byte>& record, Operation operation, std::size_t index,
                   std::uint32_t status) {
  auto reply = walk_reply(record);
  if (!reply) return;
  bool failed_before = reply->status != 0 && reply->results.size() <= index;
  if (failed_before) return;
  if (reply->results.size() > index) record.resize(reply->results[index].begin);
  set_word(record, reply->status_at, status);
  set_word(record, reply->count_at, static_cast<std::uint32_t>(index) + 1);
  append_word(record, operation);
  append_word(record, status);
  if (operation == kOpSetattr) append_word(record, 0);  // nothing was set
}

std::uint32_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::byte byte : bytes.subspan(at, 4)) value = value << 8 | std::to_integer<unsigned>(byte);
  return value;
}

void set_word(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

void append_word(std::vector<std::byte>& bytes, std::uint32_t value) {
  bytes.resize(bytes.size() + 4);
  set_word(bytes, bytes.size() - 4, value);
}

}  // namespace nfsferry::test
