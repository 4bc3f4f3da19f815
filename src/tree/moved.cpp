#include "tree/moved.hpp"

#include <string>

#include "base/treatment.hpp"

namespace nfsferry {

Result<bool> was_moved(const Result<bool>& new_name, const Result<bool>& old_name) {
  std::string why = "whether it was done cannot be told";
  bool told = true;
  for (const Result<bool>* look : {&new_name, &old_name}) {
    if (*look) continue;
    if (treatment(look->error()) == Treatment::kFatal) return look->error();
    why += ": " + look->error().message();
    told = false;
  }
  if (told && !(*new_name && *old_name)) return *new_name;
  return own_error(Own::kOutcomeUnknown, "RENAME", std::move(why));
}

}  // namespace nfsferry
