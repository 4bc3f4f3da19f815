#pragma once

#include <string_view>
#include <vector>

#include "loop/loop.hpp"
#include "tree/tree.hpp"

namespace nfsferry::api {

// A tree, and what it is called.
struct NamedTree {
  std::string_view side;
  const FullTree* tree = nullptr;
};

// Says what these trees wait for whenever somebody asks, until `done` is cancelled.
Task<void> say_state_when_asked(Loop& loop, std::vector<NamedTree> trees, CancelToken& done);

}  // namespace nfsferry::api
