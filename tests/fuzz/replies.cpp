#include <optional>
#include <vector>

#include "operation_table.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {
namespace {

// How many results can be taken.
std::size_t take_all(nfs4::CompoundReply reply, const std::vector<const Decoder*>& decoders) {
  std::size_t count = 0;
  std::optional<Error> first;
  for (const Decoder* decoder : decoders) {
    Status taken = decoder->take(reply);
    check(taken || reply.has_failed(), "a reply knows that it has failed");
    check(!first || (!taken && taken.error().code == first->code),
          "nothing can be taken behind what failed");
    if (taken) ++count;
    if (!taken) first = std::move(taken).error();
  }
  return count;
}

}  // namespace

void replies(Bytes input) {
  if (input.empty()) return;
  auto head = std::to_integer<unsigned>(input[0]);
  bool with_sequence = (head & kNoSequence) == 0;
  std::size_t count = head & ~kNoSequence;
  if (input.size() <= count) return;
  std::vector<const Decoder*> decoders;
  std::vector<nfs4::Op> operations;
  for (std::byte index : input.subspan(1, count)) {
    decoders.push_back(&kDecoders[std::to_integer<std::size_t>(index) % kDecoders.size()]);
    operations.push_back(decoders.back()->number);
  }
  Chunk record{{}, input.subspan(1 + count)};
  auto reply = nfs4::CompoundReply::parse(record, operations, with_sequence);
  if (!reply || (with_sequence && !reply->sequence())) return;
  check(reply->result_count() <= count, "no more results than operations");
  std::size_t taken = take_all(*reply, decoders);
  check(taken <= reply->result_count(), "no more is taken than there is");
  if (with_sequence) return;
  // 4.0 looks at all results before it believes any.
  check(take_all(*std::move(reply), decoders) == taken, "what was looked at is there to be taken");
}

}  // namespace nfsferry::fuzz
