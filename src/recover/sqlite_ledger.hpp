#pragma once

#include <memory>
#include <string>

#include "recover/ledger.hpp"

namespace nfsferry::recover {

// A ledger in one file of this machine (not on NFS, where SQLite's shared memory does not work).
// Tables and columns bear the names of the contract. Errors: kBadInput for a file that a newer
// version of this program made.
Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const std::string& file, OpenMode mode);

}  // namespace nfsferry::recover
