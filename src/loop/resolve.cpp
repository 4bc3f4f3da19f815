#include "loop/resolve.hpp"

#include <netdb.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

#include "loop/engine.hpp"

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

// What the thread and who waits for it share: it may be needed by either when the other has gone.
struct Question {
  std::string host;
  std::uint16_t port = 0;
  UniqueFd answered;  // an eventfd
  std::promise<Result<std::vector<Address>>> answer;
};

void answer(Question& question) {
  question.answer.set_value(resolve_blocking(question.host, question.port));
  signal_wake(question.answered.get());
}

// Detached, since the process may have to end before the resolver does. It uses what it owns alone.
void answer_in_a_thread(const std::shared_ptr<Question>& question) {
  try {
    std::thread([question] { answer(*question); }).detach();
  } catch (const std::system_error&) {  // EAGAIN: the limit on processes
    answer(*question);
  }
}

}  // namespace

Task<Result<std::vector<Address>>> resolve(Loop& loop, std::string host, std::uint16_t port,
                                           CancelToken* cancel) {
  if (cancel != nullptr && cancel->is_cancelled()) co_return own_error(Own::kCancelled, "resolve");
  auto question = std::make_shared<Question>();
  question->host = std::move(host);
  question->port = port;
  question->answered = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!question->answered) co_return errno_error(errno, "eventfd");
  auto given = question->answer.get_future();
  answer_in_a_thread(question);
  Status ready = co_await loop.readable(question->answered.get(), cancel);
  loop.forget_socket(question->answered.get());
  if (ready) co_return given.get();
  if (ready.error().is_errno(ECANCELED)) co_return own_error(Own::kCancelled, "resolve");
  co_return std::move(ready).error();
}

}  // namespace nfsferry
