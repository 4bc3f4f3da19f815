#include "recover/recover.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "base/units.hpp"
#include "base/wall_clock.hpp"
#include "nfsferry/run.hpp"
#include "recover/ledger.hpp"
#include "recover/ledger_steps.hpp"
#include "recover/workflow_input.hpp"
#include "report/report_json.hpp"

namespace nfsferry::recover {
namespace {

// The id that an owner of the source's root becomes; none where one side has no number.
std::vector<IdMap> map_of(const std::string& from, const std::string& to) {
  constexpr std::uint64_t kIdMax = 0xffff'fffe;
  auto source = parse_unsigned(from, kIdMax);
  auto target = parse_unsigned(to, kIdMax);
  if (!source || !target) return {};
  return {IdMap{static_cast<std::uint32_t>(*source), static_cast<std::uint32_t>(*target)}};
}

// One recovery; the report fills as it goes.
class Recovery {
 public:
  Recovery(const RecoverOptions& options, Observer& observer, const StopFlag& stop)
      : options_(options), observer_(observer), stop_(stop), copy_(options.copy) {
    result_.report.start_ms = wall_clock_ms();
    result_.report.run_id = copy_.run_id;
  }

  Recovered go(std::string_view text) {
    if (read_input(text) && open_ledger_row()) {
      if (find_homes()) result_.report = run(copy_, observer_, stop_);
      close_report();
      write_results();
    } else {
      close_report();
    }
    return std::move(result_);
  }

 private:
  void fail(ExitCode code, std::string error_code, std::string detail) {
    result_.report.exit_code = code;
    result_.report.prepare.success = result_.report.transfer.success = false;
    result_.report.error_code = std::move(error_code);
    result_.report.error_detail = std::move(detail);
  }

  bool fail(const Error& error, std::string_view what) {
    ExitCode code = error.is(Own::kBadInput)              ? ExitCode::kUsage
                    : error.is(AwsFailure::kAccessDenied) ? ExitCode::kTargetUnusable
                                                          : ExitCode::kTemporary;
    fail(code, error.name(), std::string(what) + error.message());
    return false;
  }

  bool read_input(std::string_view text) {
    auto input = parse_workflow_input(text, options_.uid_rule);
    if (!input) return fail(input.error(), "input: ");
    auto source = home_location(input->source, "Source", options_.maps);
    if (!source) return fail(source.error(), "input: ");
    auto target = home_location(input->target, "Target", options_.maps);
    if (!target) return fail(target.error(), "input: ");
    row_ = input->row();
    task_ = std::move(input->options);
    result_.notes = task_.notes;
    copy_.source = *std::move(source);
    copy_.target = *std::move(target);
    copy_.verify = task_.verify;
    copy_.overwrite = task_.overwrite;
    copy_.compare = task_.compare;
    copy_.delete_surplus = task_.delete_surplus;
    copy_.owner = task_.keep_uid || task_.keep_gid ? OwnerRule::kKeep : OwnerRule::kTarget;
    result_.report.options = copy_;
    return true;
  }

  bool open_ledger_row() {
    if (options_.ledger.empty()) return true;
    auto ledger = open_ledger(options_.ledger, OpenMode::kCreate);
    if (!ledger) return fail(ledger.error(), "");
    ledger_ = *std::move(ledger);
    Status noted = note_start();
    return noted ? true : fail(noted.error(), "");
  }

  // The history first: a row says PENDING when nothing but the copy can fail. It has what the row
  // knows of the home and the input does not.
  Status note_start() {
    NFSFERRY_TRY(auto there, ledger_->get(row_.key()), return);
    if (there && there->names_home_of(row_)) row_ = *std::move(there);
    NFSFERRY_TRY(std::uint64_t time, ledger_->append_history(row_, result_.report.start_ms),
                 return);
    row_.bytes_written = row_.files_transferred = row_.total_duration_ms = "0";
    row_.replication_status = "PENDING";
    return write_row();
  }

  // A row that nobody entered before is entered as the input describes it. One that names another
  // home, of a profile that was made again, is left as it is.
  Status write_row() {
    NFSFERRY_TRY(bool updated, ledger_->update_results(row_), return);
    if (updated) return ok();
    NFSFERRY_TRY(bool entered, ledger_->insert(row_), return);
    if (entered) return ok();
    log(LogLevel::kWarning, "ledger: " + named(row_.key()) + " has another home than " +
                                copy_.target + " by now: " + row_.replication_status +
                                " is not noted there");
    return ok();
  }

  // The source must be there; the target may still be on its way.
  bool find_homes() {
    AwaitOptions look;
    look.location = copy_.source;
    look.timeout_ms = copy_.timeout_ms;
    look.engine = copy_.engine;
    DirectoryReport source = await_directory(look, stop_);
    if (source.exit_code != ExitCode::kDone) {
      bool missing = source.exit_code == ExitCode::kTargetUnusable;
      fail(missing ? ExitCode::kSourceUnreachable : source.exit_code, source.error_code,
           "source " + copy_.source + ": " + source.error_detail);
      return false;
    }
    look.location = copy_.target;
    look.wait_ms = options_.wait_target_ms;
    look.on_wait = options_.on_wait;
    DirectoryReport target = await_directory(look, stop_);
    if (target.exit_code != ExitCode::kDone) {
      fail(target.exit_code, target.error_code,
           "target " + copy_.target + ": " + target.error_detail + ", after a wait of " +
               format_duration(target.waited_ms));
      return false;
    }
    if (task_.keep_uid != task_.keep_gid) {
      if (task_.keep_gid) copy_.map_uid = map_of(source.owner, target.owner);
      if (task_.keep_uid) copy_.map_gid = map_of(source.group, target.group);
    }
    return true;
  }

  void close_report() {
    CopyReport& report = result_.report;
    if (report.end_ms == 0) {
      report.end_ms = wall_clock_ms();
      report.duration_ms = report.end_ms - report.start_ms;
    }
    result_.outcome = outcome_of(report);
    report.exit_code = result_.outcome.exit_code;
    if (result_.outcome.error.empty()) return;
    result_.detail = report.error_detail;
  }

  void write_results() {
    if (!ledger_) return;
    const CopyReport& report = result_.report;
    row_.bytes_written = std::to_string(report.bytes_written);
    row_.files_transferred = std::to_string(report.files_transferred);
    row_.total_duration_ms = std::to_string(report.duration_ms);
    row_.replication_status = status_text(report.exit_code);
    Status written = write_row();
    if (written) return;
    if (!result_.outcome.error.empty()) {
      log(LogLevel::kWarning, "ledger: the result is not written: " + written.error().message());
      return;
    }
    // Started again it finds everything copied, and writes the row.
    result_.outcome = {std::string(kTransient), ExitCode::kTemporary};
    result_.detail = "the copy is done, its result is not written: " + written.error().message();
    result_.report.exit_code = ExitCode::kTemporary;
    result_.report.error_code = written.error().name();
    result_.report.error_detail = result_.detail;
  }

  const RecoverOptions& options_;
  Observer& observer_;
  const StopFlag& stop_;
  CopyOptions copy_;
  TaskOptions task_;
  std::unique_ptr<Ledger> ledger_;
  LedgerRow row_;
  Recovered result_;
};

}  // namespace

Recovered recover_home(std::string_view input, const RecoverOptions& options, Observer& observer,
                       const StopFlag& stop) {
  return Recovery(options, observer, stop).go(input);
}

}  // namespace nfsferry::recover
