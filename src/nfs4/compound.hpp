// COMPOUND (RFC 8881 section 16.2): a builder that remembers what it asked, and a reader that
// checks each result against it. Shapes that real servers answer with corruption are refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "loop/buffer.hpp"
#include "nfs4/operations.hpp"
#include "nfs4/types.hpp"

namespace nfsferry::nfs4 {

Error nfs4_error(Nfsstat4 status, Op op);

// May the request be sent a second time without harm when it is not known whether the first was
// executed?
enum class Repeat : std::uint8_t { kIdempotent, kOnce };

class Compound {
 public:
  // `kind` names the request in latency figures and messages; it outlives the request. Room is made
  // for so many operations; there may be more.
  Compound(std::string_view kind, Repeat repeat, std::size_t room = kUsualOperations)
      : kind_(kind), repeat_(repeat) {
    operations_.reserve(room);
    positions_.reserve(room);
  }

  template <typename Operation>
  void add(const Operation& operation) {
    allow(Operation::kNumber);
    operations_.push_back(Operation::kNumber);
    positions_.push_back(body_.head().size());
    reply_bytes_ += Operation::kReplyBytes;
    body_.u32(static_cast<std::uint32_t>(Operation::kNumber));
    operation.encode(body_);
  }
  // Variable reply payload that an added operation asks for (READ's count, READDIR's maxcount).
  void expect_reply_payload(std::size_t bytes) {
    reply_bytes_ += bytes;
    has_reply_payload_ = true;
  }

  std::string_view kind() const { return kind_; }
  bool idempotent() const { return repeat_ == Repeat::kIdempotent; }
  const std::vector<Op>& operations() const { return operations_; }
  const XdrWriter& body() const { return body_; }
  // Where in body().head() an operation begins, its number first: for fields that are filled in
  // when the request is sent.
  std::size_t position(std::size_t operation) const { return positions_[operation]; }
  void patch_u32(std::size_t at, std::uint32_t value) { body_.patch_u32(at, value); }
  // What this request opens is closed when it is done: see Client::add_close.
  void close_opened() { closes_opened_ = true; }
  bool closes_opened() const { return closes_opened_; }
  // An operation that the server is too busy for is its caller's to wait for, one by one.
  void leave_waiting_to_caller() { caller_waits_ = true; }
  bool caller_waits() const { return caller_waits_; }
  std::size_t reply_bytes() const { return reply_bytes_; }
  bool has_reply_payload() const { return has_reply_payload_; }

 private:
  static constexpr std::size_t kUsualOperations = 16;

  // READDIR once a request, first after the PUTFH; no READ and READDIR together.
  void allow(Op op) const;

  std::string_view kind_;
  Repeat repeat_;
  std::vector<Op> operations_;
  std::vector<std::size_t> positions_;
  XdrWriter body_;
  std::size_t reply_bytes_ = 0;
  bool has_reply_payload_ = false;
  bool closes_opened_ = false;
  bool caller_waits_ = false;
};

// The results of one COMPOUND, taken in the order of the request's operations. Spans and views in
// replies live as long as an owner of buffer() does: a coroutine that awaits another one, or ends,
// lets others run, so who hands a reply on hands that on with it.
class CompoundReply {
 public:
  // Reads the COMPOUND header. `with_sequence`: a SEQUENCE stands before the operations.
  // Errors: kBadReply.
  static Result<CompoundReply> parse(Chunk record, const std::vector<Op>& operations,
                                     bool with_sequence);

  // The next operation's result. Errors: its nfsstat4; kBadReply when the result is not that
  // operation's or does not decode; kRequestRefused when the server executed fewer operations.
  template <typename Operation>
  Result<typename Operation::Reply> take() {
    Result<typename Operation::Reply> taken{std::in_place};
    if (!begin(Operation::kNumber)) return *failed_;
    Operation::decode(reader_, *taken);
    if (!end(Operation::kNumber)) return *failed_;
    return taken;
  }

  // What people are told of the operation that failed.
  void explain(std::string detail) { detail_ = std::move(detail); }

  Nfsstat4 status() const { return status_; }
  // The server executed fewer operations than it was sent, and says OK.
  bool is_partial() const { return status_ == Nfsstat4::kOk && results_ < operations_->size(); }
  // A result could not be taken: neither can any behind it.
  bool has_failed() const { return failed_.has_value(); }
  // Results the server sent for the request's operations (SEQUENCE not counted).
  std::size_t result_count() const { return results_; }
  // The number of the first result's operation, whatever was asked for; 0: there is none.
  std::uint32_t first_operation() const;
  // The result of SEQUENCE, if there was one.
  const Result<Sequence::Reply>& sequence() const { return *sequence_; }
  const BufferRef& buffer() const { return record_.owner; }

 private:
  CompoundReply(Chunk record, XdrReader reader, const std::vector<Op>& operations)
      : record_(std::move(record)), reader_(reader), operations_(&operations) {}
  // False: failed_ says why.
  bool begin(Op op);
  bool end(Op op);

  Chunk record_;
  XdrReader reader_;
  const std::vector<Op>* operations_;
  Nfsstat4 status_ = Nfsstat4::kOk;
  std::size_t results_ = 0;
  std::size_t taken_ = 0;
  std::optional<Result<Sequence::Reply>> sequence_;
  std::string detail_;
  std::optional<Error> failed_;  // everything after a failed operation fails the same way
};

}  // namespace nfsferry::nfs4
