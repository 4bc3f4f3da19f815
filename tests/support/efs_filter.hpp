// Makes the server behind a proxy behave as Amazon EFS is documented to: which versions it answers
// (4.0 and 4.1), what it grants and refuses, how long it takes. What is refused is not sent to the
// server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "proxy.hpp"
#include "proxy_filter.hpp"

namespace nfsferry::test {

struct EfsCounts {
  std::atomic<unsigned> delays{0};  // answered DELAY, since the rate cap was reached
};

struct EfsOptions {
  std::uint32_t slots = 32;                       // granted at most, in a session of 4.1
  std::uint32_t operations = 50;                  // in a COMPOUND
  std::uint32_t open_owners = 128;                // of all clients; a further one gets DQUOT
  std::chrono::microseconds read_latency{600};    // of a COMPOUND
  std::chrono::microseconds write_latency{2700};  // of one that changes something
  std::uint32_t writes_per_second = 0;  // operations that change something; more: DELAY; 0: no cap
  bool access_point = false;            // owners other than the caller are refused
  std::shared_ptr<EfsCounts> counts{};  // kept, where there is one
};

// For ProxyOptions. All connections of the proxy share the rate cap and the open-owners, which are
// never forgotten: stricter than EFS, which counts those with open files, for each client.
MakeFilter efs_filters(const EfsOptions& options);
// A proxy of that kind to a server on 127.0.0.1. Errors: errno of what failed.
Result<std::unique_ptr<Proxy>> start_efs_proxy(std::uint16_t server_port,
                                               const EfsOptions& options);

}  // namespace nfsferry::test
