// The engine between two trees in memory.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/nfsstat4.hpp"
#include "copy/copy.hpp"
#include "tree/memory_tree.hpp"

namespace nfsferry::copy {

// An error for one operation, on one name or on every one.
inline MemoryOptions failing(std::string operation, std::string name, int number) {
  MemoryOptions out;
  out.fail = [=](std::string_view op, std::string_view on) -> std::optional<Error> {
    bool meant = op == operation && (name == "*" || on == name);
    return meant ? std::optional(errno_error(number, op, on)) : std::nullopt;
  };
  return out;
}

// A source that forgets where its listing was, on each of these pages.
inline MemoryOptions forgetting(std::set<int> pages) {
  MemoryOptions out;
  out.page_entries = 10;
  out.fail = [pages, page = std::make_shared<int>(0)](std::string_view operation,
                                                      std::string_view) -> std::optional<Error> {
    if (operation != "list" || !pages.contains(++*page)) return {};
    auto forgot = static_cast<std::uint32_t>(Nfsstat4::kBadCookie);
    return Error{Domain::kNfs4, forgot, "READDIR", {}, {}};
  };
  return out;
}

// A tree that calls `act` once, before the operation on that name is carried out.
inline MemoryOptions before(std::string operation, std::string name, std::function<void()> act) {
  MemoryOptions out;
  out.fail = [=, done = std::make_shared<bool>(false)](
                 std::string_view op, std::string_view on) -> std::optional<Error> {
    bool now = op == operation && (name == "*" || on == name) && !*done;
    if (!now) return {};
    *done = true;
    act();
    return {};
  };
  return out;
}

class Engine : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = Loop::create(EngineChoice::kEpoll);
    ASSERT_TRUE(created);
    loop_ = *std::move(created);
  }

  std::unique_ptr<MemoryTree> tree(const std::shared_ptr<MemoryVolume>& volume,
                                   MemoryOptions options = {}) {
    return std::make_unique<MemoryTree>(*loop_, volume, std::move(options));
  }

  // Fills the source volume with `put` on an open tree.
  template <typename Fill>
  void fill(Fill put) {
    auto filler = tree(source_volume_);
    loop_->run(fill_task(*filler, put));
  }
  template <typename Fill>
  static Task<void> fill_task(MemoryTree& filler, Fill& put) {
    Status opened = co_await filler.open();
    EXPECT_TRUE(opened);
    co_await put(filler);
    co_await filler.close();
  }

  static Task<void> put(MemoryTree& to, DirectoryPtr directory, std::string name,
                        std::size_t size_bytes) {
    std::vector<std::byte> data(size_bytes, std::byte{42});
    PutFile file;
    file.parent = directory.get();
    file.name = name;
    file.data = data;
    file.attributes.mode = 0644;
    std::span<const PutFile> one(&file, 1);
    auto results = co_await to.put_files(one, ReadBack::kNo);
    EXPECT_TRUE(results[0]);
  }

  // Behind the trees' back; `path` is absolute, its directory exists.
  static MemoryNodePtr add(MemoryVolume& volume, std::string_view path, FileType type,
                           std::string_view content = {}) {
    std::size_t slash = path.rfind('/');
    MemoryNodePtr directory = at(volume, path.substr(0, slash));
    Attributes attributes;
    attributes.type = type;
    attributes.mode = type == FileType::kDirectory ? 0755 : 0644;
    attributes.mtime = Time{1'700'000'000, 5};
    bool link = type == FileType::kSymlink;
    auto node = volume.create(*directory, path.substr(slash + 1), attributes, link ? content : "");
    EXPECT_TRUE(node) << path;
    if (!link) volume.write(**node, 0, std::as_bytes(std::span(content)));
    set_mtime(volume, **node, attributes.mtime);
    return *node;
  }
  MemoryNodePtr from(std::string_view path, FileType type, std::string_view text = {}) {
    return add(*source_volume_, path, type, text);
  }
  MemoryNodePtr to(std::string_view path, FileType type, std::string_view text = {}) {
    return add(*target_volume_, path, type, text);
  }
  static void set_mtime(MemoryVolume& volume, MemoryNode& node, Time mtime) {
    NewAttributes attributes;
    attributes.mtime = mtime;
    volume.set_attributes(node, attributes);
  }
  static MemoryNodePtr at(MemoryVolume& volume, std::string_view path) {
    MemoryNodePtr node = volume.root();
    while (!path.empty()) {
      path.remove_prefix(1);
      std::size_t slash = std::min(path.find('/'), path.size());
      auto found = volume.find(*node, path.substr(0, slash));
      if (!found) return nullptr;
      node = *found;
      path.remove_prefix(slash);
    }
    return node;
  }
  static std::string content(MemoryVolume& volume, std::string_view path) {
    MemoryNodePtr node = at(volume, path);
    if (!node) return "(missing)";
    std::string out(volume.attributes(*node).size_bytes, '\0');
    volume.read(*node, 0, std::as_writable_bytes(std::span(out)));
    return out;
  }

  CopyReport copy(MemoryOptions source_options = {}, MemoryOptions target_options = {},
                  Observer* observer = nullptr) {
    Observer quiet;
    auto source = tree(source_volume_, std::move(source_options));
    auto target = tree(target_volume_, std::move(target_options));
    Pace pace(limits_, stop_);
    Job job = options_.dry_run ? Job::kDryRun : Job::kCopy;
    Shared shared(job, options_, observer ? *observer : quiet, stop_, pace);
    shared.filter = *Filter::compile(options_.filters);
    CopyReport report;
    loop_->run(copy_task(shared, *source, *target, report));
    target_counters_ = target->counters();
    waited_ms_ = pace.waited_ms();
    return report;
  }
  CopyReport verify(Observer* observer = nullptr, MemoryOptions source_options = {},
                    MemoryOptions target_options = {}) {
    Observer quiet;
    auto source = tree(source_volume_, std::move(source_options));
    auto target = tree(target_volume_, std::move(target_options));
    if (target_can_) target->adopt(*target_can_);
    Pace pace(limits_, stop_);
    Shared shared(Job::kVerify, options_, observer ? *observer : quiet, stop_, pace);
    shared.filter = *Filter::compile(options_.filters);
    CopyReport report;
    loop_->run(verify_task(shared, *source, *target, report));
    return report;
  }
  Task<void> verify_task(Shared& shared, MemoryTree& source, MemoryTree& target,
                         CopyReport& report) {
    Status opened = co_await source.open();
    EXPECT_TRUE(opened);
    opened = co_await target.open();
    EXPECT_TRUE(opened);
    Status ready = co_await prepare(shared, source, target, "run");
    EXPECT_TRUE(ready);
    Side side{&source, &target};
    begin_copy(shared, side, 1);
    co_await copy_on_this_thread(shared, *loop_, side, true);
    fill_verification(shared, report);
    co_await source.close();
    co_await target.close();
  }
  static Task<void> open_and_prepare(Shared& shared, MemoryTree& source, MemoryTree& target) {
    Status opened = co_await source.open();
    EXPECT_TRUE(opened);
    opened = co_await target.open();
    EXPECT_TRUE(opened);
    Status ready = co_await prepare(shared, source, target, "run");
    EXPECT_TRUE(ready) << (ready ? "" : ready.error().message());
  }
  Task<void> copy_task(Shared& shared, MemoryTree& source, MemoryTree& target, CopyReport& report) {
    co_await open_and_prepare(shared, source, target);
    Side side{&source, &target};
    begin_copy(shared, side, 1);
    co_await copy_on_this_thread(shared, *loop_, side, true);
    fill_report(shared, report);
    co_await source.close();
    co_await target.close();
  }

  std::unique_ptr<Loop> loop_;
  std::shared_ptr<MemoryVolume> source_volume_ = std::make_shared<MemoryVolume>();
  std::shared_ptr<MemoryVolume> target_volume_ = std::make_shared<MemoryVolume>();
  CopyOptions options_;
  StopFlag stop_{0};
  std::shared_ptr<RateLimits> limits_ = std::make_shared<RateLimits>(Rates{});
  std::uint64_t waited_ms_ = 0;             // of the last copy, for limits
  TreeCounters target_counters_;            // of the last copy
  std::optional<Capabilities> target_can_;  // of the target that is compared
};

}  // namespace nfsferry::copy
