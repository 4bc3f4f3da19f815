#include <optional>
#include <vector>

#include "operation_table.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {

void replies(Bytes input) {
  if (input.empty()) return;
  std::size_t count = std::to_integer<std::size_t>(input[0]);
  if (input.size() <= count) return;
  std::vector<const Decoder*> decoders;
  std::vector<nfs4::Op> operations;
  for (std::byte index : input.subspan(1, count)) {
    decoders.push_back(&kDecoders[std::to_integer<std::size_t>(index) % kDecoders.size()]);
    operations.push_back(decoders.back()->number);
  }
  Chunk record{{}, input.subspan(1 + count)};
  auto reply = nfs4::CompoundReply::parse(record, operations, true);
  if (!reply || !reply->sequence()) return;
  check(reply->result_count() <= count, "no more results than operations");
  std::optional<Error> first;
  for (const Decoder* decoder : decoders) {
    Status taken = decoder->take(*reply);
    check(taken || reply->has_failed(), "a reply knows that it has failed");
    check(!first || (!taken && taken.error().code == first->code),
          "nothing can be taken behind what failed");
    if (!taken) first = std::move(taken).error();
  }
}

}  // namespace nfsferry::fuzz
