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
// place, and the RENAME waits until the bytes were compared (RenameQueue). That is more operations
// than every server takes: refused() are files for requests of fewer.
class PutBatch : public Batch {
 public:
  PutBatch(Nfs4Tree& tree, std::span<const PutFile> items, ReadBack read_back);

  std::string_view kind() const override { return "PUT"; }
  Repeat repeat() const override { return Repeat::kOnce; }
  std::size_t size() const override { return items_.size(); }
  Status accept(std::size_t item) const override;
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override;
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override;
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override;
  Task<void> undo(std::size_t item) override;
  void fail(std::size_t item, Error error) override;
  std::unique_ptr<Batch> take_head(const Cost& room) override;

  // Waits for the renames of the files that were compared, cleans up behind those that failed.
  Task<void> finish_renames();
  std::vector<Result<PutResult>>& results() { return results_; }
  // Items that may be put all the same, each in several requests.
  const std::vector<std::size_t>& refused() const { return refused_; }
  // The server wants an OPEN's own stateid, which 4.0 does not have in the same request.
  bool wants_opens() const { return wants_opens_; }

 private:
  struct State {
    std::string temporary;  // the one sent last
    Stateid stateid;
    bool open = false;  // the server holds an OPEN of ours
  };
  bool shares_directory(std::size_t item, std::optional<std::size_t> previous) const;
  bool sets_owner(std::size_t item) const;
  // `judged`: what we found wrong in results that are OK in themselves.
  Status decode_body(std::size_t item, CompoundReply& reply, Status& judged);
  void rename_later(std::size_t item);
  void renamed(std::size_t item, Status status);

  Nfs4Tree& tree_;
  std::span<const PutFile> items_;
  bool read_back_;
  const std::string beginning_;  // of temporary names
  std::vector<State> states_;
  std::vector<Result<PutResult>> results_;
  std::size_t renames_waiting_ = 0;
  Event all_renamed_;
  std::vector<std::size_t> not_renamed_;
  std::vector<std::size_t> refused_;
  bool wants_opens_ = false;
};

// Removes a name, whatever became of it. No error stops it.
Task<void> remove_quietly(Client& client, const Directory* parent, std::string name);
// CLOSE and REMOVE of a temporary that is still open.
Task<void> close_and_remove(Client& client, const Directory* parent, std::string name,
                            Stateid stateid);

}  // namespace nfsferry::nfs4
