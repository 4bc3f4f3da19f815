// One request that libnfs does not send: 4.0 (and 5) encode every request but WRITE into a buffer
// of 4,096 bytes, and a SYMLINK with a text that is nearly as long as Linux allows does not fit. It
// goes in a record of our own, over a connection of its own, with the client's patience.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nfs3/procedures.hpp"

namespace nfsferry::nfs3 {

// With a handle, a name and attributes of any length it fits beside a text of so many bytes.
inline constexpr std::size_t kQueuedTextMost = 3'000;

// Errors: kOutcomeUnknown once it was sent, those of the client and of a connection that could not
// be made for so long, the reply's. Nothing is told of what was made: it is to be looked up.
Task<Result<Made>> long_symlink(Client& client, const FileHandle& directory, std::string name,
                                std::string text, const NewAttributes& attributes,
                                AttrChoice choice);

// The nfsstat3 at the head of a reply's results, from the reply to this call, from its xid on
// (RFC 5531 section 9). Errors: kBadReply, RPC errors.
Result<std::uint32_t> status_of_reply(std::span<const std::byte> record, std::uint32_t xid);

}  // namespace nfsferry::nfs3
