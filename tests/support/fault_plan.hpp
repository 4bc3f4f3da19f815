// Faults for a proxy between an NFSv4 client and a server. What a fault tells the client is true:
// an operation answered with an error was never sent to the server.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compound_walk.hpp"
#include "proxy_filter.hpp"

namespace nfsferry::test {

struct Fault {
  enum class Kind : std::uint8_t {
    kStatus,         // the operation fails with `amount`; what stands before it is executed
    kOnlyFirst,      // of more than `amount` operations only those are executed, with the answer OK
    kCutCall,        // reset after `amount` bytes of the call
    kCutReply,       // executed; reset after `amount` bytes of the reply
    kEndInReply,     // executed; the stream ends after `amount` bytes of the reply
    kDelayReply,     // by `amount` ms
    kBytewiseReply,  // in pieces of one byte
    kDoubleReply,    // the reply comes twice
    kNoReply,        // executed, never answered
    kShortReply,     // executed; a whole record holds the first `amount` bytes of the reply
    kOldReply,       // not executed; an earlier reply comes under the new xid
    kGarbage,        // not executed; bytes made of `amount` come
    kNewVerifier,    // WRITE or COMMIT says another verifier
    kEndOnLarge,     // not executed; the stream ends on calls of `amount` bytes and more
  };
  Kind kind = Kind::kStatus;
  Operation at = kOpSequence;  // strikes calls that hold this operation
  std::uint32_t amount = 0;
  unsigned nth = 1;    // which of these operations is the first to be struck
  unsigned times = 1;  // how many from there on
};
std::string to_string(const Fault& fault);

// Strikes on all connections of a proxy. Filters run on the proxy's thread alone.
class FaultPlan {
 public:
  explicit FaultPlan(std::vector<Fault> faults);
  // For ProxyOptions; the plan outlives the proxy.
  MakeFilter filters();

  // From any thread.
  unsigned struck() const { return struck_; }
  unsigned unread() const { return unread_; }  // records that the walkers could not read

 private:
  class Filter;
  struct Progress {
    Fault fault;
    unsigned seen = 0;  // operations that it may strike
  };
  struct Strike {
    Fault fault;
    std::size_t index = 0;  // of the operation in its call
  };
  // The first fault that strikes this call.
  const Strike* strike(const WalkedCall& call, std::size_t call_bytes);

  std::vector<Progress> faults_;
  Strike chosen_;
  std::atomic<unsigned> struck_{0};
  std::atomic<unsigned> unread_{0};
};

}  // namespace nfsferry::test
