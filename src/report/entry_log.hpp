#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "nfsferry/observer.hpp"
#include "report/output_file.hpp"

namespace nfsferry {

// The audit trail: what became of every entry, one JSON object a line (docs/report.md).
class EntryLog : public Observer {
 public:
  explicit EntryLog(OutputFile file) : file_(std::move(file)) {}

  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& entry) override;
  // Little is lost with a run that dies, and a trail can be followed while it grows.
  void on_progress(const Progress&) override { file_.flush(); }

  // The last call. Errors: the first one there was.
  Status finish() { return file_.finish(); }

 private:
  OutputFile file_;
};

// The line of an entry that was done at `unix_ms`, with its newline.
std::string entry_line(const EntryRecord& entry, std::uint64_t unix_ms);

}  // namespace nfsferry
