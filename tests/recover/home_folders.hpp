#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace nfsferry::test {

// Two folders as file systems: home 200005 of user1 in "old" (fs-0a), with one file, and its empty
// new home 200010 in "new" (fs-0b).
class HomeFolders {
 public:
  HomeFolders();

  // The workflow's input for that recovery.
  static nlohmann::json input();
  // `recover`'s arguments for this input, and more of them.
  std::vector<std::string> arguments(const nlohmann::json& input,
                                     const std::vector<std::string>& more = {}) const;

  const Folder& folder() const { return folder_; }
  bool is_untouched() const;  // the new home is empty

 private:
  Folder folder_;
};

}  // namespace nfsferry::test
