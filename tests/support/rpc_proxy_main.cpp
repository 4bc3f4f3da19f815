// rpc-proxy: the tests' proxy for scripts. Prints its port, forwards until SIGTERM or SIGINT, then
// prints what it counted; SIGUSR1 prints it in between, SIGUSR2 starts the counters over.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "efs_filter.hpp"
#include "proxy.hpp"

namespace {

using nfsferry::test::efs_filters;
using nfsferry::test::EfsOptions;
using nfsferry::test::Proxy;
using nfsferry::test::ProxyCounters;
using nfsferry::test::ProxyOptions;

constexpr const char* kUsage =
    "usage: rpc-proxy --to PORT [--port PORT] [--delay-ms N | --round-trip-ms N]\n"
    "  --to PORT          forward to 127.0.0.1:PORT\n"
    "  --port PORT        listen there instead of on a free port\n"
    "  --delay-ms N       delay of each direction, fractions allowed\n"
    "  --round-trip-ms N  delay of both directions together\n"
    "  --mode efs         behave as Amazon EFS does; with it:\n"
    "  --slots N          of a session (32)\n"
    "  --operations N     of a COMPOUND (50)\n"
    "  --write-rate N     operations a second that change something, 0 for no limit (0)\n"
    "  --access-point N   1: owners other than the caller are refused (0)\n";

template <typename T>
std::optional<T> number(std::string_view text, T most) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || !(value >= T{0}) || value > most) return std::nullopt;
  return value;
}

// False if it is no option of the mode, or its value is none.
bool parse_efs(std::string_view name, std::string_view value, EfsOptions& efs) {
  auto parsed = number<std::uint32_t>(value, 1'000'000);
  if (!parsed) return false;
  if (name == "--slots" && *parsed > 0)
    efs.slots = *parsed;
  else if (name == "--operations" && *parsed > 0)
    efs.operations = *parsed;
  else if (name == "--write-rate")
    efs.writes_per_second = *parsed;
  else if (name == "--access-point" && *parsed <= 1)
    efs.access_point = *parsed == 1;
  else
    return false;
  return true;
}

std::optional<ProxyOptions> parse(int count, char** arguments) {
  ProxyOptions options;
  EfsOptions efs;
  bool is_efs = false;
  if (count % 2 == 0) return std::nullopt;  // each option has a value
  for (int i = 1; i < count; i += 2) {
    std::string_view name = arguments[i];
    std::string_view value = arguments[i + 1];
    if (name == "--to" || name == "--port") {
      auto port = number<std::uint16_t>(value, 65535);
      if (!port) return std::nullopt;
      (name == "--to" ? options.server_port : options.listen_port) = *port;
    } else if (name == "--delay-ms" || name == "--round-trip-ms") {
      auto delay_ms = number<double>(value, 60'000.0);
      if (!delay_ms) return std::nullopt;
      double each_ns = *delay_ms * (name == "--delay-ms" ? 1e6 : 5e5);
      options.delay_to_server = std::chrono::nanoseconds(static_cast<std::int64_t>(each_ns));
      options.delay_to_client = options.delay_to_server;
    } else if (name == "--mode" && value == "efs") {
      is_efs = true;
    } else if (!parse_efs(name, value, efs)) {
      return std::nullopt;
    }
  }
  if (is_efs) options.make_filter = efs_filters(efs);
  if (options.server_port == 0) return std::nullopt;
  return options;
}

void print(const ProxyCounters& counters) {
  auto value = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
  std::printf(
      "{\"requests\":%llu,\"operations\":%llu,\"replies\":%llu,\"bytes_to_server\":%llu,"
      "\"bytes_to_client\":%llu,\"connections\":%llu}\n",
      value(counters.requests), value(counters.operations), value(counters.replies),
      value(counters.bytes_to_server), value(counters.bytes_to_client),
      value(counters.connections));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  auto options = parse(count, arguments);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before the proxy's thread inherits the mask

  auto proxy = Proxy::start(*options);
  if (!proxy) {
    std::fprintf(stderr, "rpc-proxy: %s\n", proxy.error().message().c_str());
    return 1;
  }
  std::printf("%u\n", static_cast<unsigned>((*proxy)->port()));
  std::fflush(stdout);
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGUSR2) {
      (*proxy)->reset_counters();
      continue;
    }
    print((*proxy)->counters());
    if (signal != SIGUSR1) return 0;
  }
}
