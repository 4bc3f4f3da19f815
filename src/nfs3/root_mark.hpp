// The file `.nfsferry-lock` in a target's root over a protocol without locks: a sign by which other
// runs see that one is at work, so that what deletes around the target spares it. It keeps nobody
// out, and nothing but this sign depends on it.
#pragma once

#include <string>

#include "nfs3/procedures.hpp"

namespace nfsferry::nfs3 {

class RootMark {
 public:
  explicit RootMark(Client& client) : client_(client) {}

  // Makes the file. One that is there stays as it is and is said to be there, but for a mark of an
  // NFSv3 run of this host that is no more, which becomes this run's. Errors: of a client that is
  // dead; a file that cannot be made or written is said, and is no error.
  Task<Status> make(FileHandle root, std::string run_id);
  // Where it is still what was made. No error stops it.
  Task<void> remove();

 private:
  struct There;
  Task<Result<There>> look();
  Task<Status> make_now(const std::string& text, Verifier verifier, FileHandle& file);
  Task<Status> take_over(const There& there, const std::string& text);

  Client& client_;
  FileHandle root_;
  std::string text_;  // of the file that was made, and of no other; empty: none
};

}  // namespace nfsferry::nfs3
