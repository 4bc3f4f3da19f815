#include "cli/batch.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "base/wall_clock.hpp"
#include "cli/batch_progress.hpp"
#include "cli/console.hpp"
#include "cli/parsed_option.hpp"
#include "report/batch_json.hpp"
#include "report/output_file.hpp"
#include "report/report_file.hpp"
#include "report/report_json.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kSummary = "summary.json";
constexpr std::size_t kFileNameMax = 64;

// "0007-user1.json": the line keeps names apart that look the same once they are made safe.
std::string report_name(const recover::BatchHome& home) {
  std::string line = std::to_string(home.line);
  std::string name = std::string(line.size() < 4 ? 4 - line.size() : 0, '0') + line + "-";
  for (char c : home.name.substr(0, kFileNameMax)) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-' || c == '.';
    name += plain ? c : '_';
  }
  return name + ".json";
}

// Hands a home's progress on.
class HomeObserver : public Observer {
 public:
  HomeObserver(BatchProgress& progress, std::size_t index) : progress_(progress), index_(index) {}
  void on_progress(const Progress& now) override { progress_.note(index_, now); }

 private:
  BatchProgress& progress_;
  const std::size_t index_;
};

class Batch {
 public:
  Batch(const BatchRun& run, const StopFlag& stop)
      : run_(run),
        stop_(stop),
        progress_(run.progress, run.quiet, run.homes.size()),
        entries_(run.homes.size()) {
    // So it stays where the batch is killed.
    report_.exit_code = ExitCode::kTemporary;
    report_.not_begun = run.homes.size();
    report_.start_ms = report_.end_ms = wall_clock_ms();
    report_.previous_start_ms = run.previous_start_ms;
    report_.dry_run = run.dry_run;
  }

  // Finds out at the start whether the results can be written at the end.
  Status prepare() {
    NFSFERRY_TRY(Ok apart, refuse_shared_outputs(batch_outputs(run_.flags)), return);
    if (run_.flags.failed) {
      NFSFERRY_TRY(ReportFile failed, ReportFile::prepare(*run_.flags.failed), return);
      failed_ = std::move(failed);
    }
    if (!run_.flags.report_dir) return ok();
    std::error_code error;
    std::filesystem::create_directory(*run_.flags.report_dir, error);
    if (error) return errno_error(error.value(), "mkdir", *run_.flags.report_dir);
    return write_report(kSummary, batch_report_json(report_));
  }

  int go() {
    std::size_t count = std::min<std::size_t>(run_.flags.homes, run_.homes.size());
    workers_left_ = count;
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
    watch();
    for (std::thread& worker : workers) worker.join();
    progress_.erase();
    report_.end_ms = wall_clock_ms();
    return finish();
  }

 private:
  void work() {
    while (stop_.load() == 0) {
      std::size_t index = next_.fetch_add(1);
      if (index >= run_.homes.size()) break;
      run_one(index);
    }
    std::lock_guard lock(mutex_);
    --workers_left_;
    idle_.notify_one();
  }

  // Draws until the last worker has left.
  void watch() {
    std::unique_lock lock(mutex_);
    const std::chrono::milliseconds interval(run_.progress_interval_ms);
    while (!idle_.wait_for(lock, interval, [this] { return workers_left_ == 0; })) {
      progress_.draw();
    }
  }

  void run_one(std::size_t index) {
    const recover::BatchHome& home = run_.homes[index];
    HomeObserver observer(progress_, index);
    progress_.begin(index, home.name);
    HomeEnd end = run_.run_home(index, observer, stop_);
    BatchEntry entry{home.line, home.name, end.error, end.detail, {}, end.report.exit_code};
    entry.files_transferred = end.report.files_transferred;
    entry.bytes_written = end.report.bytes_written;
    entry.duration_ms = end.report.duration_ms;
    entry.changed_during_copy = end.report.changed_during_copy;
    if (run_.flags.report_dir) {
      entry.report_file = report_name(home);
      note_output(write_report(entry.report_file, copy_report_json(end.report)));
    }
    progress_.end(index, entry);
    if (entry.failed()) {
      progress_.print("line " + std::to_string(home.line) + ", " + escape_for_terminal(home.name) +
                      ": " + end.error + ": " + end.detail);
    }
    entries_[index] = std::move(entry);
  }

  Status write_report(const std::string& name, const std::string& text) {
    NFSFERRY_TRY(ReportFile file, ReportFile::prepare(*run_.flags.report_dir + "/" + name), return);
    return file.write(text);
  }

  void note_output(const Status& written) {
    if (written) return;
    output_failed_ = true;
    progress_.print("a result cannot be written: " + written.error().message());
  }

  ExitCode exit_code() const {
    int signal = stop_.load();
    if (signal != 0) return stopped_by(signal);
    bool all_temporary = true;
    bool changed = false;
    for (const BatchEntry& home : report_.homes) {
      if (home.failed() && home.exit_code != ExitCode::kTemporary) all_temporary = false;
      if (home.exit_code == ExitCode::kOnlyChangedFiles) changed = true;
    }
    if (report_.failed() > 0) {
      return all_temporary ? ExitCode::kTemporary : ExitCode::kEntriesFailed;
    }
    if (output_failed_) return ExitCode::kEntriesFailed;
    return changed ? ExitCode::kOnlyChangedFiles : ExitCode::kDone;
  }

  int finish() {
    std::string again;
    report_.not_begun = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      bool begun = entries_[i].has_value();
      if (!begun) ++report_.not_begun;
      if (!begun || entries_[i]->failed()) again += run_.homes[i].text + "\n";
      if (begun) report_.homes.push_back(*std::move(entries_[i]));
    }
    if (failed_) note_output(failed_->write(again));
    report_.exit_code = exit_code();
    if (run_.flags.report_dir) {
      note_output(write_report(kSummary, batch_report_json(report_)));
    }
    bool stdout_taken = run_.flags.failed && is_stdout(*run_.flags.failed);
    if (!run_.quiet && !stdout_taken) note_output(print_result(batch_summary(report_)));
    return static_cast<int>(exit_code());
  }

  const BatchRun& run_;
  const StopFlag& stop_;
  BatchProgress progress_;
  BatchReport report_;
  std::optional<ReportFile> failed_;
  std::vector<std::optional<BatchEntry>> entries_;  // each written by the worker that ran it
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> output_failed_{false};
  std::mutex mutex_;  // of workers_left_
  std::condition_variable idle_;
  std::size_t workers_left_ = 0;
};

}  // namespace

void add_batch_flags(CLI::App& command, BatchFlags& flags) {
  CLI::Option* batch =
      command.add_option("--batch", flags.file, "Many homes, a JSON object a line")
          ->type_name("FILE|-|env:NAME");
  add_count(command, "--homes", "With --batch: homes at the same time, 1 to 256 (4)", kHomesMax,
            "homes", flags.homes)
      ->needs(batch);
  command
      .add_option("--report-dir", flags.report_dir, "With --batch: a report for each home there")
      ->type_name("DIRECTORY")
      ->needs(batch);
  command.add_option("--failed", flags.failed, "With --batch: write the homes to be run again")
      ->type_name("FILE|-")
      ->needs(batch);
}

std::vector<NamedOutput> batch_outputs(const BatchFlags& flags) {
  std::vector<NamedOutput> outputs{{"--failed", flags.failed}};
  if (flags.report_dir) {
    outputs.push_back({"--report-dir", *flags.report_dir + "/" + kSummary});
  }
  return outputs;
}

Error bad_line(const recover::BatchHome& home, const std::string& what) {
  return own_error(Own::kBadInput, "", "line " + std::to_string(home.line) + ": " + what);
}

std::string home_run_id(const std::string& batch_id, const recover::BatchHome& home) {
  std::string line = "-" + std::to_string(home.line);
  return batch_id.substr(0, kRunIdMax - line.size()) + line;
}

int run_batch(const BatchRun& run, const StopFlag& stop) {
  Batch batch(run, stop);
  if (Status ready = batch.prepare(); !ready) {
    print_error("the results cannot be written: " + ready.error().message());
    return static_cast<int>(ExitCode::kUsage);
  }
  return batch.go();
}

}  // namespace nfsferry::cli
