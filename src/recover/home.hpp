#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// What a home directory may be called. `member` is the name that an error tells: kBadInput.
namespace nfsferry::recover {

enum class UidRule : std::uint8_t {
  kStudio,  // ^[1-9][0-9]{3,9}$, the uids that Studio gives
  kAny,     // any name of one directory, where --allow-any-uid was given
};

// A directory's name that cannot mean anything but one directory below the root: an empty one
// would mean everybody's homes.
Status check_home_uid(std::string_view member, std::string_view uid, UidRule rule);

// ^fs-[0-9A-Za-z-]{1,64}$: also part of a host's name.
Status check_file_system_id(std::string_view member, std::string_view id);

}  // namespace nfsferry::recover
