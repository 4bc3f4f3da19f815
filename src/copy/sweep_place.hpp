// The sweep's inner struct, for its own source files.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "copy/sweep.hpp"
#include "tree/release_flat.hpp"

namespace nfsferry::copy {

// A directory that is gone through. Those without a parent are directories of the copy: they stay.
struct Sweep::Place {
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { release_flat(std::move(parent)); }

  PlacePtr parent;
  NodePtr node;  // without a parent
  Entry entry;   // with one
  DirectoryPtr directory;
  const SurplusNames* names = nullptr;  // what goes of it; null: all
  std::optional<Entry> only;            // what goes of it
  // Names that are still there after they were dealt with, where the directory is listed again.
  std::set<Hash128> met;
  // Names that were dealt with though the listing goes on: one that is started over shows them
  // again.
  std::vector<Hash128> taken;
  std::vector<PlacePtr> below;  // directories in it that go, once it is listed no more
  std::size_t pending = 1;      // this one and the directories in it that are to go
  bool stays = false;           // as something in it does
  bool gone = false;            // somebody else has removed or moved it

  std::string path_of(const std::string& name) const {
    std::string path = name;
    const Place* place = this;
    for (; place->parent; place = place->parent.get()) path = place->entry.name + "/" + path;
    return place->node->path_of(path);
  }
};

}  // namespace nfsferry::copy
