#include "node_packages.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "ci.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

constexpr const char* kInstall = NFSFERRY_SOURCE_DIR "/tests/recover/node/install";

const std::string& missing_packages() {
  static const std::string missing = [] {
    Program install(kInstall, {NFSFERRY_NODE_FOLDER}, "/dev/null");
    Outcome outcome = install.wait(std::chrono::seconds(300));
    return outcome.exit_code == 0 ? std::string() : "no Node packages: " + outcome.err;
  }();
  return missing;
}

}  // namespace

std::string require_packages() {
  if (!missing_packages().empty() && under_ci()) ADD_FAILURE() << missing_packages();
  return missing_packages();
}

}  // namespace nfsferry::test
