#pragma once

#include <string>

#include "nfsferry/backups.hpp"

namespace nfsferry {

// One JSON object and a newline (docs/backups.schema.json, docs/restore.schema.json).
std::string backups_report_json(const BackupsReport& report);
std::string restore_report_json(const RestoreReport& report);
// For people: a line for each backup; what was put back.
std::string backups_table(const BackupsReport& report);
std::string restore_text(const RestoreReport& report);

}  // namespace nfsferry
