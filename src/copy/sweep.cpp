#include "copy/sweep.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/nfsstat4.hpp"
#include "copy/backup.hpp"
#include "copy/scope.hpp"
#include "copy/start_over.hpp"
#include "copy/sweep_place.hpp"

namespace nfsferry::copy {

Sweep::Sweep(Shared& shared, Source& source, FullTree& target, Purpose purpose)
    : shared_(shared), source_(source), target_(target), purpose_(purpose) {}

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
  bool unfinished = left_ > 0 || shared_.stopping();  // what was left out is in no count
  if (unfinished && !why_) why_ = own_error(Own::kCancelled, "remove");
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
  if (place->only) {
    co_await take_only(place);
  } else {
    Status opened = co_await open(place);
    if (!opened) place_failed(*place, opened.error());
    bool left_alone = !opened || place->gone;
    if (!left_alone) left_alone = co_await is_left_alone(place);
    if (!left_alone) co_await clear_out(place);
  }
  place->pending += place->below.size();
  for (PlacePtr& below : place->below) add_place(std::move(below));
  place->below.clear();
  news_.pulse();
}

// Only if it is still what was in the way.
Task<void> Sweep::take_only(PlacePtr place) {
  const Entry& only = *place->only;
  auto now = co_await target_.lookup(place->directory, only.name);
  if (!now) {
    if (!means_no_entry(now.error())) failed(*place, only, now.error());
    co_return;
  }
  bool same = now->attributes.type == only.attributes.type &&
              now->attributes.fileid == only.attributes.fileid;
  if (!same) {
    refuse(*place, only, "it has changed since it was listed");
    co_return;
  }
  std::vector<Entry> one;
  one.push_back(*std::move(now));
  co_await take_some(place, std::move(one), false);
}

Task<void> Sweep::clear_out(PlacePtr place) {
  for (unsigned restarts = 0; !shared_.stopping();) {
    std::vector<Entry> entries;
    auto more = co_await list_some(place, entries);
    bool again = !more && means_start_over(more.error());
    if (again && ++restarts <= kRestartsMost) {
      place->met.insert(place->taken.begin(), place->taken.end());
      place->taken.clear();
      continue;
    }
    if (!more) {
      place_failed(*place, more.error());
      co_return;
    }
    if (shared_.stopping()) co_return;
    std::uint64_t before = removals_ + place->met.size();
    co_await take_some(place, std::move(entries), *more);
    if (!*more) co_return;
    if (removals_ + place->met.size() == before) {
      place_failed(*place,
                   own_error(Own::kListingLoops, "list", "what was removed is still listed"));
      co_return;
    }
  }
}

// A part after the other, so that little happens between the question and the removal. Directories
// that are moved aside are gone through first, which can take long: each is a part of its own.
Task<void> Sweep::take_some(PlacePtr place, std::vector<Entry> entries, bool more) {
  std::vector<Entry> alone;
  if (moves()) {
    auto first = std::partition(entries.begin(), entries.end(), std::not_fn(is_directory));
    alone.assign(std::make_move_iterator(first), std::make_move_iterator(entries.end()));
    entries.erase(first, entries.end());
  }
  for (std::size_t begin = 0; begin < entries.size() && !shared_.stopping();) {
    std::size_t end = std::min(entries.size(), begin + kTakenAtOnce);
    std::vector<Entry> some(std::make_move_iterator(entries.begin() + std::ptrdiff_t(begin)),
                            std::make_move_iterator(entries.begin() + std::ptrdiff_t(end)));
    begin = end;
    if (asks(*place)) co_await ask_the_source(place, some);
    if (moves())
      co_await move_aside(place, std::move(some));
    else
      co_await take(place, std::move(some), more);
  }
  TaskGroup lanes;
  for (std::size_t i = 0; i < std::min(kAtOnce, alone.size()); ++i) {
    lanes.spawn(move_each_aside(place, alone));
  }
  co_await lanes.join();
}

Task<void> Sweep::move_each_aside(PlacePtr place, std::vector<Entry>& directories) {
  while (!directories.empty() && !shared_.stopping()) {
    std::vector<Entry> one;
    one.push_back(std::move(directories.back()));
    directories.pop_back();
    co_await looked_through_.acquire();
    co_await move_aside(place, std::move(one));
    looked_through_.release();
  }
}

// By its name first: a handle would lead to wherever somebody has moved the directory meanwhile.
Task<Status> Sweep::open(PlacePtr place) {
  if (place->directory) co_return ok();
  auto now = co_await target_.lookup(place->parent->directory, place->entry.name);
  place->gone =
      now ? now->attributes.fileid != place->entry.attributes.fileid : means_no_entry(now.error());
  if (place->gone) co_return ok();
  if (!now) co_return std::move(now).error();
  auto opened = co_await target_.open_directory(place->parent->directory, place->entry);
  if (!opened) co_return std::move(opened).error();
  place->directory = *std::move(opened);
  co_return ok();
}

// What goes of the directory; true: there is more of it than fits, and all of it goes or is met.
Task<Result<bool>> Sweep::list_some(PlacePtr place, std::vector<Entry>& entries) {
  auto listing = target_.list(place->directory);
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more && !shared_.stopping();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    if (!page->refused.empty()) co_return std::move(page->refused.front());
    more = !page->eof;
    for (Entry& entry : page->entries) {
      if (goes(*place, entry)) entries.push_back(std::move(entry));
    }
    if (!more || entries.size() < (removes() ? kEntriesMost : kTakenAtOnce)) continue;
    if (removes()) co_return true;
    if (shared_.stopping()) break;
    for (const Entry& entry : entries) {
      place->taken.push_back(name_key(entry.name, shared_.name_seed));
    }
    co_await take_some(place, std::move(entries), false);
    entries.clear();
  }
  co_return false;
}

bool Sweep::goes(Place& place, const Entry& entry) {
  if (!place.names && place.met.empty()) return true;
  Hash128 key = name_key(entry.name, shared_.name_seed);
  if (place.met.contains(key)) return false;
  if (!place.names) return true;
  switch (place.names->look_for(key, entry.attributes)) {
    case SurplusNames::Answer::kNotHere: return false;
    case SurplusNames::Answer::kSame: return true;
    case SurplusNames::Answer::kChanged: break;
  }
  refuse(place, entry, "it has changed since it was compared");
  meet(place, entry);
  return false;
}

// What is still there afterwards is not dealt with again. False: it was met before.
bool Sweep::meet(Place& place, const Entry& entry) {
  return place.met.insert(name_key(entry.name, shared_.name_seed)).second;
}

// `more`: the directory is listed again afterwards.
Task<void> Sweep::take(PlacePtr place, std::vector<Entry> entries, bool more) {
  std::vector<RemoveEntry> requests;
  std::vector<const Entry*> asked;
  for (Entry& entry : entries) {
    if (stays(*place, entry)) {
      if (more) meet(*place, entry);
    } else if (is_directory(entry)) {
      bool first = meet(*place, entry);
      if (!first) continue;
      auto below = std::make_shared<Place>();
      below->parent = place;
      below->entry = std::move(entry);
      place->below.push_back(std::move(below));
    } else if (!removes()) {
      gone(*place, entry);
    } else if (is_allowed(*place)) {
      requests.push_back(RemoveEntry{place->directory.get(), entry.name, false});
      asked.push_back(&entry);
    } else if (more) {
      meet(*place, entry);
    }
  }
  if (requests.empty()) co_return;
  auto removed = co_await target_.remove(requests);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (removed[i]) ++removals_;
    if (removed[i] || means_no_entry(removed[i].error())) {
      gone(*place, *asked[i]);
    } else {
      if (more) meet(*place, *asked[i]);
      failed(*place, *asked[i], removed[i].error());
    }
  }
}

// Into the backup, whole. A directory in which something must stay is left alone.
Task<void> Sweep::move_aside(PlacePtr place, std::vector<Entry> entries) {
  std::vector<Kept> kept;
  std::vector<const Entry*> asked;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;  // entries, folders
  for (const Entry& entry : entries) {
    if (stays(*place, entry)) {
      meet(*place, entry);
      continue;
    }
    Sweep inside(shared_, source_, target_, Purpose::kCount);
    if (is_directory(entry)) {
      inside.add(place->node, entry);
      co_await inside.run();
    }
    if (shared_.stopping()) co_return;
    if (inside.why_not_all()) {
      const Error& why = *inside.why_not_all();
      if (inside.nothing_failed())
        refuse(*place, entry, why.message());
      else
        failed(*place, entry, why);
      meet(*place, entry);
      continue;
    }
    if (is_directory(entry) && asks(*place)) {
      std::vector<Entry> one{entry};
      co_await ask_the_source(place, one);
      if (one.empty()) continue;
    }
    std::uint64_t number = is_directory(entry) ? inside.entries_ : 1;
    if (removes() && !is_allowed(*place, number)) {
      meet(*place, entry);
      continue;
    }
    kept.push_back(Kept{place->node, entry.name});
    asked.push_back(&entry);
    counts.emplace_back(number, inside.folders_);
  }
  std::vector<Status> moved(kept.size(), ok());
  if (removes() && !kept.empty()) moved = co_await keep_moved(shared_, target_, std::move(kept));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!moved[i]) {
      meet(*place, *asked[i]);
      failed(*place, *asked[i], moved[i].error());
      continue;
    }
    ++removals_;
    place->node->touched = true;
    if (!removes()) ++shared_.counters.backed_up;
    auto [number, folders] = counts[i];
    entries_ += number;
    shared_.counters.folders_deleted += folders;
    shared_.counters.files_deleted += number - folders;
    tell(*place, *asked[i], EntryAction::kDeleted, {});
  }
}

// The directory is done with; if it was the last thing its parent waited for, that one as well.
Task<void> Sweep::leave(PlacePtr place) {
  while (place && --place->pending == 0) {
    PlacePtr parent = place->parent;
    bool goes = parent && !place->stays && !place->gone && !shared_.stopping();
    if (parent && place->stays) parent->stays = true;
    if (goes) co_await remove_directory(place);
    --left_;
    place = std::move(parent);
  }
  news_.pulse();
}

Task<void> Sweep::remove_directory(PlacePtr place) {
  Place& parent = *place->parent;
  if (removes()) {
    if (!is_allowed(parent)) co_return;
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
  if (is_directory(entry)) {
    ++folders_;
    newest_ = std::max(newest_, entry.attributes.mtime);
  }
  if (entry.attributes.type == FileType::kRegular) bytes_ += entry.attributes.size_bytes;
  if (counts()) return;
  if (parent.node) parent.node->touched = true;
  ++(is_directory(entry) ? shared_.counters.folders_deleted : shared_.counters.files_deleted);
  tell(parent, entry, EntryAction::kDeleted, {});
}

// What is in the directory cannot be told.
void Sweep::place_failed(Place& place, const Error& error) {
  place.stays = true;
  if (place.parent) return failed(*place.parent, place.entry, error);
  nothing_failed_ = false;
  if (!why_) why_ = error;
  if (reports()) shared_.entry_failed(Phase::kDelete, place.node->path(), error, 1);
}

void Sweep::failed(Place& parent, const Entry& entry, const Error& error) {
  parent.stays = true;
  nothing_failed_ = false;
  if (!why_) why_ = error;
  if (!reports()) return;
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
