#include "api/close_on_stop.hpp"

namespace nfsferry::api {

Task<void> close_on_stop(Loop& loop, Location::Kind kind, FullTree& tree, const StopFlag& stop,
                         CancelToken& done, std::chrono::milliseconds patience) {
  const auto look = std::chrono::milliseconds(50);
  while (stop.load() == 0) {
    Status slept = co_await loop.sleep_for(look, &done);
    if (!slept) co_return;
  }
  Status slept = co_await loop.sleep_for(patience, &done);
  if (!slept) co_return;
  if (kind == Location::Kind::kNfs) co_await tree.close();
}

Task<Status> open_until_stop(Loop& loop, Location::Kind kind, FullTree& tree,
                             const StopFlag& stop) {
  CancelToken opened;
  TaskGroup watching;
  watching.spawn(close_on_stop(loop, kind, tree, stop, opened));
  Status status = co_await tree.open();
  opened.cancel();
  co_await watching.join();
  co_return status;
}

}  // namespace nfsferry::api
