#include "nfs4/compound.hpp"

namespace nfsferry::nfs4 {

Error nfs4_error(Nfsstat4 status, Op op) {
  return Error{
      Domain::kNfs4, static_cast<std::uint32_t>(status), std::string(operation_name(op)), {}, {}};
}

void Compound::allow(Op op) const {
  if (op == Op::kReaddir) {
    check(operations_.size() == 1 && operations_[0] == Op::kPutfh,
          "READDIR comes once a request, first after PUTFH");
  }
  if (op == Op::kRead || op == Op::kReadlink) {
    bool listing = operations_.size() > 1 && operations_[1] == Op::kReaddir;
    check(!listing, "no bulk reply behind a READDIR in one request");
  }
}

Result<CompoundReply> CompoundReply::parse(Chunk record, const std::vector<Op>& operations,
                                           bool with_sequence) {
  XdrReader reader(record.bytes);
  auto status = static_cast<Nfsstat4>(reader.u32());
  reader.opaque(kOpaqueMost);  // tag
  std::uint32_t results = reader.u32();
  std::size_t most = operations.size() + (with_sequence ? 1 : 0);
  if (reader.failed() || results > most) {
    return own_error(Own::kBadReply, "COMPOUND", "a reply that does not fit its request");
  }
  CompoundReply reply(std::move(record), reader, operations);
  reply.status_ = status;
  reply.results_ = results;
  if (!with_sequence) return reply;
  if (results == 0) {
    reply.sequence_ = nfs4_error(status, Op::kSequence);
    return reply;
  }
  --reply.results_;
  std::uint32_t number = reply.reader_.u32();
  auto result = static_cast<Nfsstat4>(reply.reader_.u32());
  if (number != static_cast<std::uint32_t>(Op::kSequence) || reply.reader_.failed()) {
    return own_error(Own::kBadReply, "SEQUENCE", "a reply without its SEQUENCE");
  }
  if (result != Nfsstat4::kOk) {
    reply.sequence_ = nfs4_error(result, Op::kSequence);
    return reply;
  }
  Sequence::Reply sequence;
  Sequence::decode(reply.reader_, sequence);
  if (reply.reader_.failed()) return own_error(Own::kBadReply, "SEQUENCE", "cut short");
  reply.sequence_ = sequence;
  return reply;
}

std::uint32_t CompoundReply::first_operation() const {
  check(taken_ == 0, "before a result is taken");
  XdrReader ahead = reader_;
  return results_ > 0 ? ahead.u32() : 0;
}

bool CompoundReply::begin(Op op) {
  if (failed_) return false;
  check(taken_ < operations_->size() && (*operations_)[taken_] == op,
        "results are taken in the order of the request");
  if (taken_ >= results_) {
    failed_ = is_partial() ? own_error(Own::kRequestRefused, operation_name(op),
                                       "the server executed only a part of the request")
                           : nfs4_error(status_, op);
    return false;
  }
  ++taken_;
  std::uint32_t number = reader_.u32();
  auto status = static_cast<Nfsstat4>(reader_.u32());
  bool illegal = number == static_cast<std::uint32_t>(Op::kIllegal);
  if (reader_.failed() || (number != static_cast<std::uint32_t>(op) && !illegal)) {
    failed_ = own_error(Own::kBadReply, operation_name(op), "the result of another operation");
    return false;
  }
  if (status != Nfsstat4::kOk || illegal) {
    failed_ = nfs4_error(status == Nfsstat4::kOk ? Nfsstat4::kOpIllegal : status, op);
    failed_->detail = detail_;
    return false;
  }
  return true;
}

bool CompoundReply::end(Op op) {
  if (!reader_.failed()) return true;
  failed_ = own_error(Own::kBadReply, operation_name(op), "a result that does not decode");
  return false;
}

}  // namespace nfsferry::nfs4
