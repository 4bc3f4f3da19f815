// Names of hosts, resolved off the loop.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"

namespace nfsferry {

// One resolved address of a server.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// Resolves on a thread of its own, which nobody waits for any more once it is cancelled: a resolver
// takes its time, and cannot be interrupted. Errors: kNameResolution with the resolver's words,
// kCancelled.
Task<Result<std::vector<Address>>> resolve(Loop& loop, std::string host, std::uint16_t port,
                                           CancelToken* cancel = nullptr);

}  // namespace nfsferry
