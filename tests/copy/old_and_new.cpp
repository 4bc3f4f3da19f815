#include "old_and_new.hpp"

#include <algorithm>

#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr int kLeaseS = 2;

// Another seed gives other contents; each file is longer by `more`. Levels, since what stands side
// by side is replaced at nearly the same moment.
void make_tree(const fs::path& root, std::uint64_t seed, std::uint64_t more,
               std::uint64_t large_bytes) {
  fs::path folder = root;
  for (unsigned i = 0; i < 60; ++i) {
    if (i % 5 == 0) folder /= "level" + std::to_string(i / 5);
    fs::create_directories(folder);
    make_file(folder / ("file" + std::to_string(i)), 100 + 150 * i + more, seed + i);
  }
  for (unsigned i = 0; i < 2; ++i) {
    make_file(root / ("large" + std::to_string(i)), large_bytes + i + more, seed + 100 + i);
  }
}

}  // namespace

Contents contents_below(const fs::path& root) {
  Contents contents;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    std::string path = entry.path().lexically_relative(root);
    if (entry.is_regular_file() && path.find(".nfsferry-") == std::string::npos) {
      // A server may still carry out the last RENAME of a killed run.
      contents[path] = content_of(entry.path());
    }
  }
  return contents;
}

void expect_whole_files(const Ground& source, const Ground& target) {
  Contents wanted = contents_below(source.folder);
  for (const auto& [path, content] : contents_below(target.folder)) {
    EXPECT_TRUE(wanted.contains(path)) << path;
    EXPECT_TRUE(wanted[path] == content) << path << " is not whole";
  }
  for (const std::string& name : temporaries(target.folder)) ADD_FAILURE() << name;
}

void OldAndNew::prepare(Place place, std::uint64_t large_bytes) {
  place_ = place;
  source_ = source_ground(place);
  if (place != Place::kLocal) {
    GaneshaOptions server;
    server.lease_s = kLeaseS;
    ASSERT_EQ(server_.start(server), "");
    proxy_ = proxy_to(server_, std::chrono::milliseconds(3));
  }
  make_tree(source_.folder, 1, 0, large_bytes);
  old_ = source_ground(Place::kLocal).folder;
  make_tree(old_, 1000, 7, large_bytes);
  old_contents_ = contents_below(old_);
  new_contents_ = contents_below(source_.folder);
  ASSERT_EQ(old_contents_.size(), new_contents_.size());
}

Ground OldAndNew::old_target() {
  Ground target = place_ != Place::kLocal ? ground(server_, "/new", place_, proxy_->port())
                                          : target_ground(place_);
  fs::copy(old_, target.folder, fs::copy_options::recursive);
  return target;
}

std::vector<std::string> OldAndNew::arguments(const Ground& target) const {
  std::vector<std::string> all{"copy", source_.location, target.location};
  all.insert(all.end(), flags_.begin(), flags_.end());
  return all;
}

OldAndNew::Clock::duration OldAndNew::whole_run() {
  Clock::duration fastest = Clock::duration::max();
  for (int i = 0; i < 3; ++i) {
    Ground target = old_target();
    Clock::time_point started = Clock::now();
    Outcome whole = run_program(arguments(target));
    fastest = std::min(fastest, Clock::now() - started);
    EXPECT_EQ(whole.exit_code, 0) << whole.err;
  }
  return fastest;
}

unsigned OldAndNew::expect_old_or_new(const Ground& target) const {
  Contents found = contents_below(target.folder);
  EXPECT_EQ(found.size(), old_contents_.size());
  unsigned fresh = 0;
  for (const auto& [path, content] : found) {
    bool whole = old_contents_.contains(path) &&
                 (content == old_contents_.at(path) || content == new_contents_.at(path));
    EXPECT_TRUE(whole) << path << " holds " << content.size() << " other bytes";
    fresh += whole && content == new_contents_.at(path) ? 1 : 0;
  }
  return fresh;
}

}  // namespace nfsferry::test
