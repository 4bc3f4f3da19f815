// What of the source the target does not get though all goes well, between trees in memory.
#include <map>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

// What the trail of entries says, by path: actions, and what was lost.
class Trail : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override {
    std::string& said = lines[std::string(record.path)];
    if (record.losses.empty()) return;
    for (const Loss& loss : record.losses) {
      if (!said.empty()) said += ",";
      said += std::to_string(static_cast<int>(loss.kind)) + loss.detail;
    }
  }
  std::map<std::string, std::string> lines;
};

class EngineLosses : public Engine {
 protected:
  void lose(std::string_view path, std::vector<Loss> losses) {
    at(*source_volume_, path)->losses = std::move(losses);
  }
  // Two files, one that has two names, a directory, a symlink.
  void make_tree() {
    from("/plain", FileType::kRegular, "p");
    from("/file", FileType::kRegular, "f");
    from("/dir", FileType::kDirectory);
    from("/dir/inside", FileType::kRegular, "i");
    from("/link", FileType::kSymlink, "file");
    auto node = at(*source_volume_, "/file");
    EXPECT_TRUE(source_volume_->link(node, *at(*source_volume_, "/dir"), "name"));
    lose("/file", {{LossKind::kXattr, "user.a"}, {LossKind::kXattr, "user.b"}});
    lose("/dir", {{LossKind::kAcl, {}}});
    lose("/link", {{LossKind::kXattr, "trusted.l"}, {LossKind::kAcl, {}}});
  }
};

using Lines = std::map<std::string, std::string>;
const Lines kSaid{{"plain", ""}, {"dir/inside", ""},       {"file", "1user.a,1user.b"},
                  {"dir", "0"},  {"link", "1trusted.l,0"}, {"dir/name", "1user.a,1user.b"}};

TEST_F(EngineLosses, AreCountedAndNamedWhetherAnEntryIsCopiedOrWasThere) {
  make_tree();
  for (bool again : {false, true}) {
    Trail trail;
    CopyReport report = copy({}, {}, &trail);
    EXPECT_EQ(report.exit_code, ExitCode::kDone);
    EXPECT_EQ(report.losses.acls, 2u) << again;
    EXPECT_EQ(report.losses.xattrs, 3u) << again;
    EXPECT_EQ(trail.lines, kSaid) << again;
    EXPECT_EQ(report.losses.examples.size(), 5u);
    EXPECT_FALSE(report.losses.examples_truncated);
    for (const EntryLoss& example : report.losses.examples) {
      bool joined = example.path != "file" || example.loss.detail == "user.a user.b";
      EXPECT_TRUE(joined) << example.loss.detail;
    }
  }
}

TEST_F(EngineLosses, AreForetoldByADryRun) {
  make_tree();
  options_.dry_run = true;
  Trail trail;
  CopyReport report = copy({}, {}, &trail);
  EXPECT_EQ(report.losses.acls, 2u);
  EXPECT_EQ(report.losses.xattrs, 3u);
  EXPECT_EQ(trail.lines, kSaid);
}

TEST_F(EngineLosses, AreNotThoseOfWhatFiltersLeaveOut) {
  make_tree();
  options_.filters = {{false, "/file"}, {false, "dir/"}};
  Trail trail;
  CopyReport report = copy({}, {}, &trail);
  EXPECT_EQ(report.losses.acls, 1u);
  EXPECT_EQ(report.losses.xattrs, 1u);
  EXPECT_EQ(trail.lines["file"], "");
  EXPECT_EQ(trail.lines["dir"], "");
}

TEST_F(EngineLosses, AreNotSaidOfWhatFailedOrIsCompared) {
  make_tree();
  Trail trail;
  copy(failing("read_link", "link", EIO), {}, &trail);
  EXPECT_EQ(trail.lines["link"], "");
  EXPECT_EQ(trail.lines["file"], "1user.a,1user.b");
  Trail compared;
  verify(&compared);
  EXPECT_EQ(compared.lines.at("file"), "");
}

TEST_F(EngineLosses, AreNamedUpToABoundOfEachKindAndAllCounted) {
  for (std::size_t i = 0; i < kLossesKept + 1; ++i) {
    std::string path = "/" + std::to_string(i);
    from(path, FileType::kRegular, "x");
    lose(path, {{LossKind::kAcl, {}}});
    if (i < kLossesKept) at(*source_volume_, path)->losses.push_back({LossKind::kXattr, "user.x"});
  }
  CopyReport report = copy();
  EXPECT_EQ(report.losses.acls, kLossesKept + 1);
  EXPECT_EQ(report.losses.xattrs, kLossesKept);
  EXPECT_EQ(report.losses.examples.size(), 2 * kLossesKept);
  EXPECT_TRUE(report.losses.examples_truncated);
}

TEST_F(EngineLosses, AreDevicesThatTheTargetDoesNotHold) {
  from("/null", FileType::kCharacterDevice);
  lose("/null", {{LossKind::kXattr, "user.a"}});
  for (bool holds : {false, true}) {
    MemoryOptions target;
    target.capabilities.devices = holds;
    Trail trail;
    CopyReport report = copy({}, target, &trail);
    EXPECT_EQ(report.losses.devices, holds ? 0u : 1u);
    EXPECT_EQ(report.special_skipped, report.losses.devices);
    EXPECT_EQ(trail.lines["null"], holds ? "1user.a" : "2character device");
  }
}

// A file of which only a part is said to take room, and its copy, which is said to take `used`.
class EngineHoles : public EngineLosses {
 protected:
  CopyReport copy_file(const std::string& content, std::uint64_t used_in_source,
                       std::optional<std::uint64_t> used_in_target) {
    from("/file", FileType::kRegular, content);
    at(*source_volume_, "/file")->attributes.used_bytes = used_in_source;
    MemoryOptions target;
    // Once it has its name.
    target.fail = [this, used_in_target](std::string_view operation, std::string_view name) {
      MemoryNodePtr node = at(*target_volume_, "/file");
      bool looked_at = operation == "lookup" && name == "file";
      if (looked_at && node && used_in_target) node->attributes.used_bytes = *used_in_target;
      looks_ += looked_at ? 1 : 0;
      return std::optional<Error>();
    };
    return copy({}, target);
  }
  static std::string zeros(std::size_t size) { return std::string(size, '\0'); }

  unsigned looks_ = 0;  // at the target's file
};

TEST_F(EngineHoles, AreLostWhereTheTargetTakesRoomForThem) {
  std::string content = std::string(4096, 'x') + zeros(60 << 10);
  CopyReport report = copy_file(content, 4096, 64 << 10);
  EXPECT_EQ(report.losses.holes, 1u);
  EXPECT_EQ(report.losses.holes_bytes, 60u << 10);
  ASSERT_EQ(report.losses.examples.size(), 1u);
  EXPECT_EQ(report.losses.examples[0].loss.detail, std::to_string(60 << 10));
}

TEST_F(EngineHoles, AreLostInAFileThatGoesByRangesToo) {
  std::string content = zeros(1 << 20) + "x";
  CopyReport report = copy_file(content, 4096, (1 << 20) + 4096);
  EXPECT_EQ(report.losses.holes_bytes, (1u << 20) + 1 - 4096);
}

TEST_F(EngineHoles, AreKeptWhereTheTargetTakesNoMoreRoom) {
  EXPECT_EQ(copy_file(zeros(1 << 20) + "x", 4096, 4096).losses.holes, 0u);
  EXPECT_EQ(looks_, 1u);
}

TEST_F(EngineHoles, AreNotWhatACompressedFileLacks) {
  EXPECT_EQ(copy_file(std::string(64 << 10, 'x'), 4096, 64 << 10).losses.holes, 0u);
  EXPECT_EQ(looks_, 0u);
}

TEST_F(EngineHoles, OfAFileThatTakesAllItsRoomAreNone) {
  EXPECT_EQ(copy_file(zeros(60 << 10), 60 << 10, 120 << 10).losses.holes, 0u);
  EXPECT_EQ(looks_, 0u);
}

TEST_F(EngineHoles, AreNotCountedByATargetThatDoesNotTellWhatRoomAFileTakes) {
  EXPECT_EQ(copy_file(zeros(60 << 10), 0, std::nullopt).losses.holes, 0u);
}

TEST_F(EngineHoles, OfWhichAFewBytesAreLostAreKept) {
  EXPECT_EQ(copy_file(zeros(1 << 20), 0, 8192).losses.holes, 0u);
}

}  // namespace
}  // namespace nfsferry::copy
