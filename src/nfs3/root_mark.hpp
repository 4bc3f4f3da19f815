// The file `.nfsferry-lock` in a target's root, over a protocol without locks: a sign by which
// other runs see that this one is at work. It keeps out who looks for it over NFSv3, and spares the
// root from what deletes around it over any protocol; a lock it is not.
#pragma once

#include <cstdint>
#include <string>

#include "nfs3/procedures.hpp"
#include "tree/lock_holder.hpp"

namespace nfsferry::nfs3 {

class RootMark {
 public:
  explicit RootMark(Client& client) : client_(client) {}

  // Makes the file; no effect if this mark made it before. One of the same run is shared, and left
  // to who made it. One of a process of this host that is gone is replaced. Errors: kLocked, with
  // who made it; kTypeConflict: the name is taken by something else; of the requests.
  Task<Status> make(FileHandle root, std::string run_id);
  // Where the name is still that of the file that was made. No error stops it.
  Task<void> remove();

 private:
  enum class Attempt : std::uint8_t { kDone, kAgain };

  Task<Result<Attempt>> attempt();
  Task<Status> write_text(const FileHandle& file);
  Task<Result<Attempt>> look_at(const Found& there);
  Task<Status> remove_file(std::uint64_t fileid);

  Client& client_;
  FileHandle root_;
  std::string run_id_;
  std::uint64_t fileid_ = 0;
  bool made_ = false;
};

}  // namespace nfsferry::nfs3
