#include "api/trees.hpp"

#include <algorithm>
#include <thread>

#include "api/close_on_stop.hpp"
#include "local/local_tree.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "nfs4/nfs4_tree.hpp"

namespace nfsferry::api {
namespace {

constexpr std::uint32_t kThreadsUnasked = 4;  // at most

}  // namespace

EngineChoice engine_choice(EngineMode mode) {
  switch (mode) {
    case EngineMode::kAuto: return EngineChoice::kAuto;
    case EngineMode::kIoUring: return EngineChoice::kIoUring;
    case EngineMode::kEpoll: return EngineChoice::kEpoll;
  }
  return EngineChoice::kAuto;
}

std::uint32_t thread_count(std::uint32_t asked) {
  if (asked > 0) return asked;
  return std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsUnasked);
}

Result<std::unique_ptr<FullTree>> make_tree(Loop& loop, const Location& location,
                                            const TreeOptions& options) {
  std::unique_ptr<FullTree> tree;
  if (location.kind == Location::Kind::kLocal) {
    LocalOptions local{options.run_id, false, options.pace, options.tells_losses};
    tree = std::make_unique<LocalTree>(loop, location, std::move(local));
  } else if (location.version != Location::Version::k3) {
    nfs4::Nfs4Options nfs4{options.run_id, options.timeout_ms, options.pace, options.connections,
                           options.tells_losses};
    tree = std::make_unique<nfs4::Nfs4Tree>(loop, location, nfs4);
  } else {
    nfs3::Nfs3Options nfs3{options.run_id, options.timeout_ms, options.pace, options.connections};
    tree = std::make_unique<nfs3::Nfs3Tree>(loop, location, nfs3);
  }
  return tree;
}

ParentAndName parent_of(const Location& location) {
  ParentAndName split{location, {}};
  std::string& path = split.parent.path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  std::size_t slash = path.rfind('/');
  split.name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (slash == std::string::npos)
    path = ".";
  else
    path.resize(slash == 0 ? 1 : slash);
  return split;
}

namespace {

// For a request or two.
Result<std::unique_ptr<FullTree>> make_parent_tree(Loop& loop, const Location& parent,
                                                   TreeOptions options) {
  options.connections = 1;
  return make_tree(loop, parent, options);
}

// True if it was not there.
Task<Result<bool>> make_directory(FullTree& tree, std::string name, NewAttributes attributes) {
  NFSFERRY_TRY(Ok opened, co_await tree.open(), co_return);
  auto there = co_await tree.lookup(tree.root(), name);
  if (there) co_return false;
  if (!means_no_entry(there.error())) co_return std::move(there).error();
  MakeDirectory request{tree.root(), std::move(name), attributes};
  std::span<const MakeDirectory> one(&request, 1);
  auto made = co_await tree.make_directories(one);
  if (!made[0]) co_return std::move(made[0]).error();
  if (!made[0]->created) co_return false;
  attributes.mtime = attributes.atime = std::nullopt;
  SetAttributes finish{made[0]->directory, {}, std::move(attributes)};
  std::span<const SetAttributes> last(&finish, 1);
  auto set = co_await tree.set_attributes(last);
  if (!set[0]) co_return std::move(set[0]).error();
  co_return true;
}

}  // namespace

Task<Result<bool>> make_root(Loop& loop, const Location& location, const TreeOptions& options,
                             const NewAttributes& attributes, const StopFlag& stop) {
  auto [parent, name] = parent_of(location);
  auto tree = make_parent_tree(loop, parent, options);
  if (!tree) co_return std::move(tree).error();
  CancelToken done;
  TaskGroup watching;
  watching.spawn(close_on_stop(loop, parent.kind, **tree, stop, done));
  auto made = co_await make_directory(**tree, std::move(name), attributes);
  done.cancel();
  co_await watching.join();
  co_await (*tree)->close();
  co_return made;
}

Task<Status> remove_root(Loop& loop, const Location& location, const TreeOptions& options,
                         const StopFlag& stop) {
  auto [parent, name] = parent_of(location);
  auto tree = make_parent_tree(loop, parent, options);
  if (!tree) co_return std::move(tree).error();
  CancelToken done;
  TaskGroup watching;
  const auto patience = std::chrono::milliseconds(1000);
  watching.spawn(close_on_stop(loop, parent.kind, **tree, stop, done, patience));
  Status status = co_await (*tree)->open();
  if (status) {
    RemoveEntry request{(*tree)->root().get(), name, true};
    std::span<const RemoveEntry> one(&request, 1);
    auto removed = co_await (*tree)->remove(one);
    status = removed[0];
  }
  done.cancel();
  co_await watching.join();
  co_await (*tree)->close();
  co_return status;
}

}  // namespace nfsferry::api
