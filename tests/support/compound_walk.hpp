// Reads NFSv4.0 and 4.1 COMPOUND calls and replies as far as their shape: where each operation
// and each result begins and ends. Written from the RFCs' XDR (5662, 7531), not from our client's
// code, so that each finds the other's mistakes. Knows the operations that our clients send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nfsferry::test {

// nfs_opnum4, as far as the tests name them.
enum Operation : std::uint32_t {
  kOpClose = 4,
  kOpCommit = 5,
  kOpCreate = 6,
  kOpGetattr = 9,
  kOpGetfh = 10,
  kOpLink = 11,
  kOpLock = 12,
  kOpLocku = 14,
  kOpLookup = 15,
  kOpOpen = 18,
  kOpOpenConfirm = 20,
  kOpPutfh = 22,
  kOpPutpubfh = 23,
  kOpPutrootfh = 24,
  kOpRead = 25,
  kOpReaddir = 26,
  kOpReadlink = 27,
  kOpRemove = 28,
  kOpRename = 29,
  kOpRenew = 30,
  kOpRestorefh = 31,
  kOpSavefh = 32,
  kOpSetattr = 34,
  kOpSetclientid = 35,
  kOpSetclientidConfirm = 36,
  kOpVerify = 37,
  kOpWrite = 38,
  kOpReleaseLockowner = 39,
  kOpBindConnToSession = 41,
  kOpExchangeId = 42,
  kOpCreateSession = 43,
  kOpDestroySession = 44,
  kOpSequence = 53,
  kOpDestroyClientid = 57,
  kOpReclaimComplete = 58,
};
std::string_view name_of(Operation operation);

// A stretch of a record. `begin` is at the operation's number, arguments or results follow.
struct WalkedOperation {
  Operation number;
  std::uint32_t status;  // of a result
  std::size_t begin;
  std::size_t end;
};

struct WalkedCall {
  std::uint32_t xid = 0;
  std::uint32_t minor_version = 0;
  std::size_t count_at = 0;  // of the number of operations
  std::vector<WalkedOperation> operations;
};

struct WalkedReply {
  std::uint32_t xid = 0;
  std::uint32_t status = 0;
  std::size_t status_at = 0;  // of the COMPOUND's status
  std::size_t count_at = 0;   // of the number of results
  std::vector<WalkedOperation> results;
};

// Nothing for what is no COMPOUND, or holds an operation that is unknown or cut short.
std::optional<WalkedCall> walk_call(std::span<const std::byte> record);
// `record` answers a COMPOUND; nothing if it was not executed or does not read.
std::optional<WalkedReply> walk_reply(std::span<const std::byte> record);

// What is answered for a call that is not sent on: one failing result.
std::vector<std::byte> error_reply(std::uint32_t xid, Operation operation, std::uint32_t status);
// The call with its first operations alone.
std::vector<std::byte> first_operations(std::span<const std::byte> record, const WalkedCall& call,
                                        std::size_t count);
// A call of which one operation is to fail with this status: those before it. An OPEN of 4.0 goes
// along, asking for no access, so that the server refuses it and counts it in its owner's sequence,
// as the client does; unless it is a status that does not count (RFC 7530 sections 9.1.7, 16.16.4).
std::vector<std::byte> call_to_fail(std::span<const std::byte> record, const WalkedCall& call,
                                    std::size_t index, std::uint32_t status);
// In the reply to such a call that operation fails, unless one before it did.
void fail_in_reply(std::vector<std::byte>& reply, Operation operation, std::size_t index,
                   std::uint32_t status);

std::uint32_t word_at(std::span<const std::byte> bytes, std::size_t at);
void set_word(std::span<std::byte> bytes, std::size_t at, std::uint32_t value);
void append_word(std::vector<std::byte>& bytes, std::uint32_t value);

}  // namespace nfsferry::test
