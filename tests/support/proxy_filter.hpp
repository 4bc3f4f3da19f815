// What stands between the two sides of a proxied connection and decides about each RPC record.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace nfsferry::test {

using Record = std::vector<std::byte>;  // a record's payload, without marks

// What a filter has the proxy do, in order.
struct ProxyAction {
  enum class Kind : std::uint8_t {
    kToServer,
    kToClient,
    kBytewise,  // to the client, the first of it in pieces of one byte
    kReset,     // the client sees a reset, the server the end of the stream
    kEnd,       // both sides see the end of the stream after what was sent
  };
  Kind kind = Kind::kReset;
  std::vector<std::byte> bytes{};  // of the stream, marks included
  std::chrono::nanoseconds delay{0};
};
using ProxyActions = std::vector<ProxyAction>;

// A record as one fragment, mark in front.
std::vector<std::byte> framed(std::span<const std::byte> record);

// One for each connection, called on the proxy's thread.
class ProxyFilter {
 public:
  virtual ~ProxyFilter() = default;
  virtual void on_call(std::span<const std::byte> record, ProxyActions& actions) = 0;
  virtual void on_reply(std::span<const std::byte> record, ProxyActions& actions) = 0;
};
using MakeFilter = std::function<std::unique_ptr<ProxyFilter>()>;

}  // namespace nfsferry::test
