#pragma once

#include <string>

namespace nfsferry::test {

// What the schema docs/`schema_name` (draft-07) has against the text; empty if it fits.
std::string schema_complaint(const std::string& schema_name, const std::string& text);

}  // namespace nfsferry::test
