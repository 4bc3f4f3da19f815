#include "copy/sweep.hpp"

#include "base/escape.hpp"
#include "copy/scope.hpp"
#include "copy/start_over.hpp"
#include "tree/release_flat.hpp"

namespace nfsferry::copy {
namespace {

bool is_directory(const Entry& entry) { return entry.attributes.type == FileType::kDirectory; }

}  // namespace

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
  std::size_t pending = 1;              // this one and the directories in it that are to go
  bool stays = false;                   // as something in it does

  std::string path_of(const std::string& name) const {
    std::string path = name;
    const Place* place = this;
    for (; place->parent; place = place->parent.get()) path = place->entry.name + "/" + path;
    return place->node->path_of(path);
  }
};

Sweep::Sweep(Shared& shared, FullTree& target, Purpose purpose)
    : shared_(shared), target_(target), purpose_(purpose) {}

void Sweep::add_place(PlacePtr place) {
  ++left_;
  waiting_.push_back(std::move(place));
}

void Sweep::add(const Surplus::InDirectory& surplus) {
  auto place = std::make_shared<Place>();
  place->node = surplus.node;
  place->directory = surplus.node->target;
  place->names = &surplus.names;
  add_place(std::move(place));
}

void Sweep::add(const NodePtr& node, Entry entry) {
  auto place = std::make_shared<Place>();
  place->node = node;
  place->directory = node->target;
  place->only = std::move(entry);
  add_place(std::move(place));
}

Task<void> Sweep::run() {
  TaskGroup sweepers;
  for (std::size_t i = 0; i < kAtOnce; ++i) sweepers.spawn(sweeper());
  co_await sweepers.join();
  if (left_ > 0 && !why_) why_ = own_error(Own::kCancelled, "remove");
}

Task<void> Sweep::sweeper() {
  while (left_ > 0 && !shared_.stopping()) {
    if (waiting_.empty()) {
      co_await news_.wait();
      continue;
    }
    PlacePtr place = std::move(waiting_.back());
    waiting_.pop_back();
    co_await go_through(place);
    co_await leave(std::move(place));
  }
  news_.pulse();
}

// Page by page while nothing is changed; what goes is removed between two listings, never during
// one, which a server could lose its place in.
Task<void> Sweep::go_through(PlacePtr place) {
  Status opened = co_await open(place);
  if (!opened) {
    place_failed(*place, opened.error());
    co_return;
  }
  if (place->only) {
    std::vector<Entry> one;
    one.push_back(*place->only);
    co_await take(place, std::move(one));
    co_return;
  }
  for (unsigned restarts = 0; !shared_.stopping();) {
    std::vector<Entry> entries;
    std::uint64_t before = entries_;
    auto more = co_await list_some(place, entries);
    bool again = !more && means_start_over(more.error());
    if (again && ++restarts <= kRestartsMost && removes()) continue;
    if (!more) {
      place_failed(*place, more.error());
      co_return;
    }
    co_await take(place, std::move(entries));
    if (!*more || entries_ == before) co_return;
  }
}

Task<Status> Sweep::open(PlacePtr place) {
  if (place->directory) co_return ok();
  auto opened = co_await target_.open_directory(place->parent->directory, place->entry);
  if (!opened) co_return std::move(opened).error();
  place->directory = *std::move(opened);
  co_return ok();
}

// What goes of the directory; true: there is more of it than fits.
Task<Result<bool>> Sweep::list_some(PlacePtr place, std::vector<Entry>& entries) {
  auto listing = target_.list(place->directory);
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more && !shared_.stopping();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    if (!page->refused.empty()) co_return std::move(page->refused.front());
    more = !page->eof;
    for (Entry& entry : page->entries) {
      bool goes = !place->names || place->names->has(name_key(entry.name, shared_.name_seed),
                                                     entry.attributes.fileid);
      if (goes) entries.push_back(std::move(entry));
    }
    if (!removes()) {
      co_await take(place, std::move(entries));
      entries.clear();
    }
    if (more && entries.size() >= kEntriesMost) co_return true;
  }
  co_return false;
}

Task<void> Sweep::take(PlacePtr place, std::vector<Entry> entries) {
  std::vector<RemoveEntry> requests;
  std::vector<const Entry*> asked;
  for (Entry& entry : entries) {
    if (stays(*place, entry)) continue;
    if (is_directory(entry)) {
      auto below = std::make_shared<Place>();
      below->parent = place;
      below->entry = std::move(entry);
      ++place->pending;
      add_place(std::move(below));
    } else if (!removes()) {
      gone(*place, entry);
    } else {
      requests.push_back(RemoveEntry{place->directory.get(), entry.name, false});
      asked.push_back(&entry);
    }
  }
  news_.pulse();
  if (requests.empty()) co_return;
  auto removed = co_await target_.remove(requests);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (removed[i] || means_no_entry(removed[i].error()))
      gone(*place, *asked[i]);
    else
      failed(*place, *asked[i], removed[i].error());
  }
}

// Whether the entry must not be removed, and with it the directory that holds it.
bool Sweep::stays(Place& place, const Entry& entry) {
  bool mounted = entry.attributes.fsid != target_.root_entry().attributes.fsid;
  bool filtered = !shared_.filter.empty() &&
                  shared_.filter.leaves_out(place.path_of(entry.name), is_directory(entry));
  if (!mounted && !filtered && !is_protected(entry)) return false;
  place.stays = true;
  if (!why_) {
    why_ = own_error(Own::kTypeConflict, "remove",
                     mounted ? "another file system is mounted there"
                             : "it holds " + escape_for_terminal(place.path_of(entry.name)) +
                                   ", which is never removed");
  }
  if (purpose_ == Purpose::kDelete || purpose_ == Purpose::kForetell) {
    ++shared_.counters.deletion_refused;
    tell(place, entry, EntryAction::kSkipped, {});
  }
  return true;
}

// The directory is done with; if it was the last thing its parent waited for, that one as well.
Task<void> Sweep::leave(PlacePtr place) {
  while (place && --place->pending == 0) {
    PlacePtr parent = place->parent;
    if (parent && place->stays)
      parent->stays = true;
    else if (parent && !shared_.stopping())
      co_await remove_directory(place);
    --left_;
    place = std::move(parent);
  }
  news_.pulse();
}

Task<void> Sweep::remove_directory(PlacePtr place) {
  Place& parent = *place->parent;
  if (removes()) {
    RemoveEntry request{parent.directory.get(), place->entry.name, true};
    std::span<const RemoveEntry> one(&request, 1);
    auto removed = co_await target_.remove(one);
    if (!removed[0] && !means_no_entry(removed[0].error())) {
      failed(parent, place->entry, removed[0].error());
      co_return;
    }
  }
  gone(parent, place->entry);
}

void Sweep::gone(const Place& parent, const Entry& entry) {
  ++entries_;
  if (purpose_ == Purpose::kCount) return;
  ++(is_directory(entry) ? shared_.counters.folders_deleted : shared_.counters.files_deleted);
  tell(parent, entry, EntryAction::kDeleted, {});
}

// What is in the directory cannot be told.
void Sweep::place_failed(Place& place, const Error& error) {
  place.stays = true;
  if (place.parent) return failed(*place.parent, place.entry, error);
  nothing_failed_ = false;
  shared_.entry_failed(Phase::kDelete, place.node->path(), error, 1);
}

void Sweep::failed(Place& parent, const Entry& entry, const Error& error) {
  parent.stays = true;
  nothing_failed_ = false;
  if (!why_) why_ = error;
  if (purpose_ == Purpose::kClearTheWay) return;
  shared_.entry_failed(Phase::kDelete, parent.path_of(entry.name), error, 1);
  tell(parent, entry, EntryAction::kFailed, error.name());
}

void Sweep::tell(const Place& parent, const Entry& entry, EntryAction action,
                 std::string_view error) {
  if (!shared_.observer.wants_entries()) return;
  std::string path = parent.path_of(entry.name);
  const Attributes& attributes = entry.attributes;
  EntryRecord record;
  record.path = path;
  record.action = action;
  record.type = file_type_name(attributes.type);
  record.size_bytes = attributes.size_bytes;
  record.to = {owner_text(attributes.owner), owner_text(attributes.group), attributes.mode};
  record.error = error;
  shared_.observer.on_entry(record);
}

}  // namespace nfsferry::copy
