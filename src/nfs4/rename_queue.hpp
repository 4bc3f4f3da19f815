#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nfs4/batch.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs4 {

// A temporary name to its final name, in the same directory.
struct PendingRename {
  const Directory* parent = nullptr;
  std::string from;
  std::string to;
  std::uint64_t fileid = 0;
  std::function<void(Status)> done;  // called once
};

// Whether a rename whose outcome is not known was carried out: the final name holds the file. Where
// the server tells no fileids (0), the temporary name has to be gone as well. False where nobody
// can tell.
Task<bool> is_renamed(Client& client, const FileHandle& parent, std::string from, std::string to,
                      std::uint64_t fileid);

// Whether the directory has an entry of this name. Errors: nobody can tell.
Task<Result<bool>> is_there(Client& client, const FileHandle& directory, std::string name);

// Renames of files that were put and read back. They cost no requests of their own where the next
// put requests have room for them at their head; they go alone when they fill a request, or when
// no put is at work that could carry them. So a put waits for its renames at most as long as the
// others at work take.
class RenameQueue {
 public:
  explicit RenameQueue(Client& client) : client_(client) {}

  // Called while a put is at work.
  void add(PendingRename rename) { waiting_.push_back(std::move(rename)); }
  // The first that fit into this much of a request; null for none.
  std::unique_ptr<Batch> take(const Cost& room);
  void put_begins() { ++puts_; }
  // Sends what nobody carries any more.
  Task<void> put_ends();

 private:
  std::vector<PendingRename> take_first(std::size_t count);

  Client& client_;
  std::vector<PendingRename> waiting_;
  std::size_t puts_ = 0;
};

}  // namespace nfsferry::nfs4
