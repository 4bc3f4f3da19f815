#include "copy/restore.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"
#include "copy/lookups.hpp"
#include "copy/scope.hpp"
#include "copy/sweep.hpp"
#include "tree/release_flat.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kDirectoriesAtOnce = 16;  // directories under way
constexpr std::size_t kPutBackAtOnce = 256;     // little may happen between the look and the rename

// Of one file under two names, and no other that a server gives the same number.
bool are_links(const Attributes& a, const Attributes& b) {
  return a.fileid != 0 && a.number() == b.number() && a.type == b.type && a.link_count > 1;
}

NodePtr root_of(const FullTree& tree) {
  auto root = std::make_shared<DirectoryNode>();
  root->entry = tree.root_entry();
  root->source = root->target = tree.root();
  return root;
}

Task<Result<NodePtr>> open_in(FullTree& tree, NodePtr parent, Entry entry) {
  auto opened = co_await tree.open_directory(parent->target, entry);
  if (!opened) co_return std::move(opened).error();
  NodePtr node = DirectoryNode::child_of(std::move(parent), std::move(entry));
  node->source = node->target = *std::move(opened);
  co_return node;
}

Task<Result<ListingPage>> first_page(FullTree& tree, DirectoryPtr directory) {
  auto listing = tree.list(std::move(directory));
  if (!listing) co_return std::move(listing).error();
  auto page = co_await (*listing)->next();
  if (page && !page->refused.empty()) co_return std::move(page->refused.front());
  co_return page;
}

}  // namespace

Task<Result<std::vector<BackupPlace>>> find_backups(FullTree& tree) {
  std::vector<BackupPlace> found;
  NodePtr root = root_of(tree);
  NFSFERRY_TRY(std::vector<Entry> in_root, co_await list_all(tree, tree.root(), false), co_return);
  for (Entry& one : in_root) {
    if (!is_directory(one)) continue;
    auto folder = co_await open_in(tree, root, std::move(one));
    if (!folder) continue;  // not one that could be looked into
    auto note = co_await read_note(tree, (*folder)->target);
    bool unknown = !note && treatment(note.error()) != Treatment::kSkipEntry;
    if (unknown) co_return std::move(note).error();
    if (!note) {
      log(LogLevel::kWarning, "whether " + quote_for_terminal((*folder)->path()) +
                                  " holds backups cannot be told: " + note.error().message());
    }
    if (!note || !note->runs) continue;
    NFSFERRY_TRY(std::vector<Entry> runs, co_await list_all(tree, (*folder)->target), co_return);
    for (Entry& run : runs) {
      if (is_directory(run) && note->runs->contains(run.name))
        found.push_back(BackupPlace{*folder, std::move(run)});
    }
  }
  auto older = [](const BackupPlace& a, const BackupPlace& b) {
    return a.entry.attributes.mtime < b.entry.attributes.mtime;
  };
  std::sort(found.begin(), found.end(), older);
  co_return found;
}

// A directory of the backup, and the target's that it stands for.
struct Restore::Level {
  DirectoryPtr backup;
  NodePtr node;
  LevelPtr above;
  std::string name;                // in the one above
  std::vector<Entry> directories;  // on both sides
  std::size_t open = 1;            // of those, and itself until it was gone through
  bool changed = false;            // names of the target's
  bool left = false;               // something stays in the backup

  ~Level() { release_flat(std::move(above)); }
};

// A directory that is on both sides, not entered yet.
struct Restore::Inside {
  LevelPtr above;
  Entry entry;
};

Restore::Restore(Shared& shared, FullTree& tree) : shared_(shared), tree_(tree) {}
Restore::~Restore() = default;

Task<Status> Restore::go(const BackupPlace& place) {
  auto backup = co_await tree_.open_directory(place.folder->target, place.entry);
  if (!backup) co_return std::move(backup).error();
  auto top = std::make_shared<Level>();
  top->backup = *std::move(backup);
  top->node = root_of(tree_);
  Status filled = co_await fill(top);
  if (filled) co_await close_one(top);
  co_await lanes_.join();
  waiting_.clear();
  bool whole = filled && !top->left && top->open == 0 && !shared_.stopping();
  if (!whole) co_return filled;
  RemoveEntry empty{place.folder->target.get(), place.entry.name, true};
  auto removed = co_await tree_.remove(std::span<const RemoveEntry>(&empty, 1));
  co_return std::move(removed[0]);
}

// The deepest ones first, so that few wait.
Task<void> Restore::lane() {
  while (!waiting_.empty() && !shared_.stopping()) {
    Inside next = std::move(waiting_.back());
    waiting_.pop_back();
    Status entered = co_await enter(next.above, next.entry);
    if (entered) continue;
    failed(*next.above, next.entry.name, entered.error());
    co_await close_one(std::move(next.above));
  }
}

Task<Status> Restore::enter(const LevelPtr& above, const Entry& entry) {
  NFSFERRY_TRY(Entry there, co_await tree_.lookup(above->node->target, entry.name), co_return);
  auto backup = co_await tree_.open_directory(above->backup, entry);
  if (!backup) co_return std::move(backup).error();
  NFSFERRY_TRY(NodePtr node, co_await open_in(tree_, above->node, std::move(there)), co_return);
  auto level = std::make_shared<Level>();
  level->backup = *std::move(backup);
  level->node = std::move(node);
  level->above = above;
  level->name = entry.name;
  NFSFERRY_TRY(Ok filled, co_await fill(level), co_return);
  co_await close_one(std::move(level));
  co_return ok();
}

// Puts back what is in this directory, but for directories that are on both sides: those wait.
Task<Status> Restore::fill(LevelPtr level) {
  auto page = co_await first_page(tree_, level->backup);
  if (!page) co_return std::move(page).error();
  if (page->eof) {
    co_await take_all(*level, std::move(page->entries));
  } else {
    co_await large_.acquire();  // until then the listing may have lost its place: it begins again
    auto all = co_await list_all(tree_, level->backup);
    Status listed = ok();
    if (all)
      co_await take_all(*level, *std::move(all));
    else
      listed = std::move(all).error();
    large_.release();
    if (!listed) co_return listed;
  }
  level->open += level->directories.size();
  for (Entry& one : level->directories) waiting_.push_back(Inside{level, std::move(one)});
  level->directories.clear();
  std::uint64_t more =
      std::min<std::uint64_t>(lanes_.running() + waiting_.size(), kDirectoriesAtOnce);
  for (std::uint64_t n = lanes_.running(); n < more; ++n) lanes_.spawn(lane());
  co_return ok();
}

Task<void> Restore::take_all(Level& level, std::vector<Entry> entries) {
  for (std::size_t begin = 0; begin < entries.size() && !shared_.stopping();) {
    std::size_t end = std::min(entries.size(), begin + kPutBackAtOnce);
    auto first = entries.begin() + static_cast<std::ptrdiff_t>(begin);
    auto last = entries.begin() + static_cast<std::ptrdiff_t>(end);
    std::vector<Entry> some(std::make_move_iterator(first), std::make_move_iterator(last));
    begin = end;
    co_await take(level, std::move(some));
  }
  level.left = level.left || shared_.stopping();
}

Task<void> Restore::take(Level& level, std::vector<Entry> entries) {
  auto names = names_in(level.node->target, entries);
  auto answers = co_await look_up_all(shared_, tree_, std::move(names));
  std::vector<Entry> free;
  std::vector<Entry> taken;
  std::vector<Entry> same;
  std::vector<std::pair<Entry, Entry>> displacing;  // and the directory that is there
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    const Result<Entry>& there = answers[i];
    if (!there && means_no_entry(there.error()))
      free.push_back(std::move(entry));
    else if (!there)
      failed(level, entry.name, there.error());
    else if (is_directory(entry) && is_directory(*there))
      level.directories.push_back(std::move(entry));
    else if (are_links(entry.attributes, there->attributes))
      same.push_back(std::move(entry));  // it was kept, and then not replaced
    else if (is_directory(*there))
      displacing.emplace_back(std::move(entry), *there);
    else
      taken.push_back(std::move(entry));
  }
  co_await drop_links(level, std::move(same));
  co_await make_room(level, taken);
  std::move(taken.begin(), taken.end(), std::back_inserter(free));
  co_await put_back(level, std::move(free));
  for (auto& [entry, there] : displacing) {
    if (!shared_.stopping()) co_await displace(level, std::move(entry), std::move(there));
  }
}

// In the place of a directory, which is gone through first: it goes as a whole, and not where
// another run is at work in it or a file system is mounted there.
Task<void> Restore::displace(Level& level, Entry entry, Entry there) {
  Sweep inside(shared_, tree_, tree_, Sweep::Purpose::kCountAll);
  inside.add(level.node, there);
  co_await inside.run();
  if (inside.why_not_all()) co_return failed(level, entry.name, *inside.why_not_all());
  std::vector<Entry> one;
  auto now = co_await tree_.lookup(level.node->target, entry.name);
  if (!now && !means_no_entry(now.error())) co_return failed(level, entry.name, now.error());
  bool same = now && is_directory(*now) && now->attributes.fileid == there.attributes.fileid;
  if (now && !same) {
    co_return failed(level, entry.name,
                     own_error(Own::kTypeConflict, "restore",
                               "what stands there has changed meanwhile; run again"));
  }
  one.push_back(std::move(entry));
  if (now) co_await make_room(level, one);
  co_await put_back(level, std::move(one));
}

Task<void> Restore::drop_links(Level& level, std::vector<Entry> entries) {
  if (entries.empty()) co_return;
  std::vector<RemoveEntry> requests;
  for (const Entry& entry : entries) {
    requests.push_back(RemoveEntry{level.backup.get(), entry.name, false});
  }
  auto removed = co_await tree_.remove(requests);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ++unchanged_;
    if (!removed[i]) failed(level, entries[i].name, removed[i].error());
  }
}

// Moves what has the names of these entries now into this run's backup; those for which that fails
// are taken out.
Task<void> Restore::make_room(Level& level, std::vector<Entry>& entries) {
  if (entries.empty()) co_return;
  std::vector<Kept> standing;
  for (const Entry& entry : entries) standing.push_back(Kept{level.node, entry.name});
  auto moved = co_await keep_moved(shared_, tree_, std::move(standing));
  std::vector<Entry> roomy;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (moved[i])
      roomy.push_back(std::move(entries[i]));
    else
      failed(level, entries[i].name, moved[i].error());
  }
  level.changed = level.changed || !roomy.empty();
  entries = std::move(roomy);
}

Task<void> Restore::put_back(Level& level, std::vector<Entry> entries) {
  if (entries.empty()) co_return;
  std::vector<MoveEntry> requests;
  for (const Entry& entry : entries) {
    requests.push_back(
        MoveEntry{level.backup.get(), entry.name, level.node->target.get(), entry.name});
  }
  auto moved = co_await tree_.move(requests);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (moved[i]) {
      ++restored_;
      level.changed = true;
    } else {
      Error error = std::move(moved[i]).error();
      if (error.is(Own::kOutcomeUnknown)) {
        level.changed = true;  // perhaps
        error.add_detail("it may have been put back, if it is no longer in the backup: look there");
      }
      failed(level, entries[i].name, error);
    }
  }
}

// The level itself, or one in it, is done with. Where it was the last one, the one above is next.
Task<void> Restore::close_one(LevelPtr level) {
  while (level && --level->open == 0 && !shared_.stopping()) {
    co_await leave(*level);
    level = level->above;
  }
}

// All in it is done with: its directory in the backup goes if nothing is left in it, and the
// target's gets back the time that it had.
Task<void> Restore::leave(Level& level) {
  if (level.changed) {
    NewAttributes time;
    time.mtime = level.node->entry.attributes.mtime;
    SetAttributes request{level.node->target, {}, time};
    auto set = co_await tree_.set_attributes(std::span<const SetAttributes>(&request, 1));
    if (!set[0]) failed(level, {}, set[0].error());
  }
  if (!level.above) co_return;
  Level& above = *level.above;
  above.left = above.left || level.left;
  if (level.left) co_return;
  RemoveEntry empty{above.backup.get(), level.name, true};
  auto removed = co_await tree_.remove(std::span<const RemoveEntry>(&empty, 1));
  if (!removed[0]) failed(above, level.name, removed[0].error());
}

void Restore::failed(Level& level, const std::string& name, const Error& error) {
  level.left = true;
  std::string path = name.empty() ? level.node->path() : level.node->path_of(name);
  shared_.entry_failed(Phase::kTransfer, std::move(path), error, 1);
}

}  // namespace nfsferry::copy
