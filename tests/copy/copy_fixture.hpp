#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "folder_compare.hpp"
#include "ganesha.hpp"
#include "nfsferry/run.hpp"
#include "proxy.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {

// Two servers for all tests of the process: one holds sources, one targets.
struct Servers {
  Ganesha source;
  Ganesha target;
  std::string broken;  // why they do not run, empty if they do
};
Servers& servers();

enum class Place { kNfs, kNfs40, kLocal };  // NFSv4.1, 4.0, a path
std::string place_name(Place place);

// A fresh folder that the program reaches by `location` and the test by `folder`.
struct Ground {
  std::string location;
  std::filesystem::path folder;
};

// Gives tests fresh grounds; removes them afterwards.
class CopyTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // `port`: a proxy's, instead of the server's own.
  Ground source_ground(Place place, std::uint16_t port = 0);
  Ground target_ground(Place place, std::uint16_t port = 0);

  static CopyReport copy(const CopyOptions& options);
  static CopyOptions options(const Ground& source, const Ground& target);

  static Expectation kept_on(Place target);

  // A ground of a server of the test's own.
  Ground ground(Ganesha& server, const std::string& pseudo, Place place, std::uint16_t port = 0);
  // Bytes take `one_way` in each direction.
  static std::unique_ptr<Proxy> proxy_to(const Ganesha& server,
                                         std::chrono::milliseconds one_way = {},
                                         MakeFilter filters = {});

 private:
  std::vector<std::filesystem::path> made_;
};

// Both grounds at the place that is the parameter.
class SamePlaceTest : public CopyTest, public ::testing::WithParamInterface<Place> {
 protected:
  void SetUp() override;

  Ground source_;
  Ground target_;
};

void expect_equal(const Ground& source, const Ground& target, const Expectation& expectation);

}  // namespace nfsferry::test
