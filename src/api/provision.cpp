#include <cstdio>
#include <utility>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/trees.hpp"
#include "base/nfsstat4.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry {
namespace {

std::string described(const Attributes& attributes) {
  char mode[16];
  std::snprintf(mode, sizeof mode, "%04o", attributes.mode);
  return owner_text(attributes.owner) + ":" + owner_text(attributes.group) + " " + mode;
}

// One directory in its parent's tree.
class Provision {
 public:
  Provision(const ProvisionOptions& options, Location parent, std::string name,
            const StopFlag& stop)
      : options_(options), parent_(std::move(parent)), name_(std::move(name)), stop_(stop) {
    wanted_.mode = options.mode;
    wanted_.owner = options.owner_uid;
    wanted_.group = options.owner_gid;
  }

  Task<Status> go(Loop& loop, FullTree& tree) {
    CancelToken done;
    TaskGroup watching;
    watching.spawn(api::close_on_stop(loop, parent_.kind, tree, stop_, done));
    Status status = co_await tree.open();
    reached_ = status.has_value();
    if (reached_) status = co_await make_or_check(tree);
    done.cancel();
    co_await watching.join();
    co_await tree.close();
    co_return status;
  }

  Provisioned result() const { return result_; }
  bool reached() const { return reached_; }

 private:
  Task<Status> make_or_check(FullTree& tree) {
    auto entry = co_await tree.lookup(tree.root(), name_);
    if (entry) co_return co_await check_entry(tree, *entry);
    if (!means_no_entry(entry.error())) co_return entry.error();
    MakeDirectory request{tree.root(), name_, wanted_};
    std::span<const MakeDirectory> one(&request, 1);
    auto made = co_await tree.make_directories(one);
    if (!made[0]) co_return made[0].error();
    if (!made[0]->created) co_return co_await check_entry(tree, made[0]->entry);
    result_ = Provisioned::kCreated;
    co_return co_await set_attributes(tree, made[0]->directory, std::string());
  }

  Task<Status> check_entry(FullTree& tree, const Entry& entry) {
    const Attributes& is = entry.attributes;
    if (is.type != FileType::kDirectory) {
      co_return own_error(Own::kTypeConflict, "provision",
                          "a " + std::string(file_type_name(is.type)) +
                              " stands there; move it away or choose another name");
    }
    bool right = is.owner == Owner{options_.owner_uid, {}} &&
                 is.group == Owner{options_.owner_gid, {}} && is.mode == options_.mode;
    result_ = right ? Provisioned::kUnchanged : Provisioned::kRepaired;
    if (right) co_return ok();
    if (!options_.repair) {
      co_return own_error(Own::kDiffers, "provision",
                          "the directory is " + described(is) + "; it may not be repaired");
    }
    co_return co_await set_attributes(tree, tree.root(), name_);
  }

  Task<Status> set_attributes(FullTree& tree, DirectoryPtr directory, std::string name) {
    SetAttributes request{std::move(directory), std::move(name), wanted_};
    std::span<const SetAttributes> one(&request, 1);
    auto set = co_await tree.set_attributes(one);
    co_return set[0];
  }

  const ProvisionOptions& options_;
  const Location parent_;
  const std::string name_;
  const StopFlag& stop_;
  NewAttributes wanted_;
  Provisioned result_ = Provisioned::kNot;
  bool reached_ = false;
};

Result<Provisioned> run_provision(const ProvisionOptions& options, const Location& location,
                                  const StopFlag& stop, bool& reached) {
  auto [parent, name] = api::parent_of(location);
  NFSFERRY_TRY(Ok usable, check_name("provision", name), return);
  NFSFERRY_TRY(auto loop, Loop::create(api::engine_choice(options.engine)), return);
  NFSFERRY_TRY(auto tree, api::make_tree(*loop, parent, {"provision", options.timeout_ms}), return);
  Provision provision(options, parent, name, stop);
  Status done = loop->run(provision.go(*loop, *tree));
  reached = provision.reached();
  if (!done) return std::move(done).error();
  return provision.result();
}

}  // namespace

ProvisionReport provision(const ProvisionOptions& options, const StopFlag& stop) {
  ProvisionReport report;
  auto location = parse_location(options.location);
  bool reached = false;
  auto done = location ? run_provision(options, *location, stop, reached)
                       : Result<Provisioned>(std::move(location).error());
  if (done) {
    report.result = *done;
    return report;
  }
  const Error& error = done.error();
  bool bad_name = error.is(Own::kBadName);
  report.exit_code =
      bad_name ? ExitCode::kUsage : api::side_exit_code(api::Role::kTarget, error, reached);
  report.error_code = error.name();
  report.error_detail = options.location + ": " + error.message();
  if (int signal = stop.load(); signal != 0) {
    report.exit_code = stopped_by(signal);
  }
  return report;
}

}  // namespace nfsferry
