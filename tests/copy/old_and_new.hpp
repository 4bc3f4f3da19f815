// A target full of old content that a copy replaces by new content, name by name.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "copy_fixture.hpp"

namespace nfsferry::test {

using Contents = std::map<std::string, std::string>;  // by path below the root

// Of all regular files but the program's own temporaries.
Contents contents_below(const std::filesystem::path& root);
// What is in the target is whole, and nothing else is there.
void expect_whole_files(const Ground& source, const Ground& target);

class OldAndNew : public CopyTest {
 protected:
  using Clock = std::chrono::steady_clock;

  // Both trees; NFS targets are on a server of the test's own, far enough for a run to spend its
  // time on its work, not on its start.
  void prepare(Place place, std::uint64_t large_bytes = 3 << 20);

  // A folder with the old content that no server has looked at.
  Ground old_target();
  std::vector<std::string> arguments(const Ground& target) const;
  // What a run takes that nobody stops, by the fastest of a few.
  Clock::duration whole_run();

  // Each name holds its whole old or its whole new content. Returns how many are new.
  unsigned expect_old_or_new(const Ground& target) const;

  Ground source_;
  Contents new_contents_;
  std::vector<std::string> flags_{"--quiet"};  // of every run

 private:
  Place place_ = Place::kLocal;
  Ganesha server_;  // of the targets: one that soon forgets a lock's dead holder
  std::unique_ptr<Proxy> proxy_;
  std::filesystem::path old_;
  Contents old_contents_;
};

}  // namespace nfsferry::test
