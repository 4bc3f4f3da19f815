#pragma once

#include <string>
#include <vector>

#include "nfs4/batch.hpp"
#include "nfs4/nfs4_tree.hpp"

namespace nfsferry::nfs4 {

// Small files, each created under a guarded, unguessable name, written, owned, dated, committed,
// closed and renamed in one request:
//   PUTFH dir, SAVEFH, { OPEN, WRITE, VERIFY(size), SETATTR(mode, times), COMMIT, CLOSE,
//   RESTOREFH, RENAME } x N
// VERIFY stops the request before the RENAME when a server took fewer bytes than it was sent, so
// that a name never shows a part. With read-back a READ of the data and the fileid stand in its
// place, and the RENAME waits until the bytes were compared (RenameBatch).
class PutBatch : public Batch {
 public:
  PutBatch(Nfs4Tree& tree, std::span<const PutFile> items, ReadBack read_back);

  std::string_view kind() const override { return "PUT"; }
  Repeat repeat() const override { return Repeat::kOnce; }
  std::size_t size() const override { return items_.size(); }
  Status accept(std::size_t item) const override { return accept_name(items_[item].name); }
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override;
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override;
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override;
  Task<void> undo(std::size_t item) override;
  void fail(std::size_t item, Error error) override;

  const std::string& temporary(std::size_t item) const { return states_[item].temporary; }
  std::vector<Result<PutResult>>& results() { return results_; }

 private:
  struct State {
    std::string temporary;  // the one sent last
    Stateid stateid;
    bool open = false;  // the server holds an OPEN of ours
  };
  bool shares_directory(std::size_t item, std::optional<std::size_t> previous) const;
  bool sets_owner(std::size_t item) const;
  Status decode_body(std::size_t item, CompoundReply& reply);

  Nfs4Tree& tree_;
  std::span<const PutFile> items_;
  bool read_back_;
  std::vector<State> states_;
  std::vector<Result<PutResult>> results_;
};

// Temporary names to final names, in the same directory. A rename of unknown outcome is looked
// at: it was done if the final name holds the file.
class RenameBatch : public Batch {
 public:
  struct Item {
    const Directory* parent;
    std::string from;
    std::string to;
    std::uint64_t fileid;  // 0: not known, taken as done when `from` is gone
  };
  RenameBatch(Nfs4Tree& tree, std::vector<Item> items);

  std::string_view kind() const override { return "RENAME"; }
  Repeat repeat() const override { return Repeat::kOnce; }
  std::size_t size() const override { return items_.size(); }
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override;
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override;
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override;
  Task<void> undo(std::size_t item) override;
  void fail(std::size_t item, Error error) override;

  const std::vector<Status>& results() const { return results_; }

 private:
  Nfs4Tree& tree_;
  std::vector<Item> items_;
  std::vector<bool> found_done_;
  std::vector<Status> results_;
};

// Removes a name, whatever became of it. No error stops it.
Task<void> remove_quietly(Session& session, const Directory* parent, std::string name);
// CLOSE and REMOVE of a temporary that is still open.
Task<void> close_and_remove(Session& session, const Directory* parent, std::string name,
                            Stateid stateid);

}  // namespace nfsferry::nfs4
