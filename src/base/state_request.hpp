#pragma once

#include <cstdint>
#include <string_view>

// Somebody asks what the process waits for (SIGUSR1). Those who know look at the count now and
// then, and each says its part.
namespace nfsferry {

void request_state();  // may be called in a signal handler
std::uint32_t state_requests();
// Lines for people, to stderr whatever the log's level is. Thread-safe; parts stay whole.
void say_state(std::string_view lines);

}  // namespace nfsferry
