#include "loop/resolve.hpp"

#include <netdb.h>

#include <cstring>

namespace nfsferry {
namespace {

Result<std::vector<Address>> resolve_blocking(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (status != 0) {
    return own_error(
        Own::kNameResolution, "resolve",
        "host '" + host + "': " + gai_strerror(status) + "; check the name and the network's DNS");
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address;
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.length = info->ai_addrlen;
    addresses.push_back(address);
  }
  freeaddrinfo(list);
  return addresses;
}

}  // namespace

Task<Result<std::vector<Address>>> resolve(Loop& loop, std::string host, std::uint16_t port) {
  auto work = [host, port] { return resolve_blocking(host, port); };
  co_return co_await loop.offload(std::move(work));
}

}  // namespace nfsferry
