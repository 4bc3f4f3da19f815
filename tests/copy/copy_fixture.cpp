#include "copy_fixture.hpp"

#include <unistd.h>

#include <atomic>

namespace nfsferry::test {

namespace fs = std::filesystem;

Servers& servers() {
  static Servers* both = [] {
    static Servers instance;  // its destructor ends the servers
    instance.broken = instance.source.start();
    if (instance.broken.empty()) instance.broken = instance.target.start();
    return &instance;
  }();
  return *both;
}

std::string place_name(Place place) {
  switch (place) {
    case Place::kNfs: return "Nfs";
    case Place::kNfs40: return "Nfs40";
    case Place::kLocal: return "Local";
  }
  return "unknown";
}

void CopyTest::SetUp() {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  ASSERT_EQ(servers().broken, "");
}

void CopyTest::TearDown() {
  for (const fs::path& folder : made_) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
}

Ground CopyTest::ground(Ganesha& server, const std::string& pseudo, Place place,
                        std::uint16_t port) {
  static std::atomic<int> number{0};
  std::string name = "ground" + std::to_string(++number);
  Ground ground;
  if (place != Place::kLocal) {
    const std::string version = place == Place::kNfs40 ? "4.0" : "4.1";
    ground.folder = server.folder(pseudo) / name;
    ground.location = server.url(pseudo + "/" + name, version);
    if (port != 0) {
      ground.location =
          "nfs://127.0.0.1:" + std::to_string(port) + pseudo + "/" + name + "?version=" + version;
    }
  } else {
    ground.folder = server.folder("/new").parent_path() / ("local" + name);
    ground.location = ground.folder;
  }
  fs::create_directory(ground.folder);
  made_.push_back(ground.folder);
  return ground;
}

Ground CopyTest::source_ground(Place place, std::uint16_t port) {
  return ground(servers().source, "/old", place, port);
}

Ground CopyTest::target_ground(Place place, std::uint16_t port) {
  return ground(servers().target, "/new", place, port);
}

std::unique_ptr<Proxy> CopyTest::proxy_to(const Ganesha& server, std::chrono::milliseconds one_way,
                                          MakeFilter filters) {
  ProxyOptions options;
  options.server_port = static_cast<std::uint16_t>(server.port());
  options.delay_to_server = one_way;
  options.delay_to_client = one_way;
  options.make_filter = std::move(filters);
  auto proxy = Proxy::start(options);
  EXPECT_TRUE(proxy.has_value());
  return proxy ? *std::move(proxy) : nullptr;
}

CopyReport CopyTest::copy(const CopyOptions& options) {
  Observer quiet;
  StopFlag stop{0};
  return run(options, quiet, stop);
}

CopyOptions CopyTest::options(const Ground& source, const Ground& target) {
  CopyOptions options;
  options.threads = 1;
  options.source = source.location;
  options.target = target.location;
  options.timeout_ms = 30'000;
  return options;
}

// nfs-ganesha answers OK to the times of a symlink and keeps its own.
Expectation CopyTest::kept_on(Place target) {
  Expectation expectation;
  expectation.symlink_times = target == Place::kLocal;
  return expectation;
}

void SamePlaceTest::SetUp() {
  CopyTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  source_ = source_ground(GetParam());
  target_ = target_ground(GetParam());
}

void expect_equal(const Ground& source, const Ground& target, const Expectation& expectation) {
  for (const std::string& line : differences(source.folder, target.folder, expectation)) {
    ADD_FAILURE() << line;
  }
  for (const std::string& name : temporaries(target.folder)) {
    ADD_FAILURE() << "left behind: " << name;
  }
}

}  // namespace nfsferry::test
