#include "efs_filter.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compound_walk.hpp"

namespace nfsferry::test {
namespace {

using Action = ProxyAction::Kind;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kPerm = 1;
constexpr std::uint32_t kDquot = 69;
constexpr std::uint32_t kBadtype = 10007;
constexpr std::uint32_t kDelay = 10008;
constexpr std::uint32_t kMinorVersMismatch = 10021;
constexpr std::uint32_t kBadStateid = 10025;
constexpr std::uint32_t kTooManyOps = 10070;

bool changes_something(Operation operation) {
  constexpr Operation kChanging[] = {kOpCommit, kOpCreate, kOpLink,    kOpOpen,
                                     kOpRemove, kOpRename, kOpSetattr, kOpWrite};
  return std::ranges::find(kChanging, operation) != std::end(kChanging);
}

// Goes through the arguments of an operation that has been walked, so that all of it is there.
class Arguments {
 public:
  Arguments(std::span<const std::byte> record, const WalkedOperation& operation)
      : record_(record), at_(operation.begin + 4) {}
  std::uint32_t word() {
    at_ += 4;
    return word_at(record_, at_ - 4);
  }
  void skip(std::size_t bytes) { at_ += bytes; }
  std::string bytes(std::size_t count) {
    std::string value(reinterpret_cast<const char*>(record_.data()) + at_, count);
    at_ += count;
    return value;
  }
  std::string text() {
    std::uint32_t length = word();
    std::string value = bytes(length);
    skip(-length & 3);
    return value;
  }
  // Owners among attributes to be set (RFC 8881 section 5: in the order of their numbers).
  std::vector<std::string> owners() {
    constexpr std::uint32_t kSize = 1 << 4;                                         // of word 0
    constexpr std::uint32_t kMode = 1 << 1, kOwner = 1 << 4, kOwnerGroup = 1 << 5;  // of word 1
    std::vector<std::uint32_t> mask(word());
    for (std::uint32_t& bits : mask) bits = word();
    mask.resize(std::max<std::size_t>(mask.size(), 2));
    word();  // length of the values
    if ((mask[0] & kSize) != 0) skip(8);
    if ((mask[1] & kMode) != 0) skip(4);
    std::vector<std::string> found;
    for (std::uint32_t bit : {kOwner, kOwnerGroup}) {
      if ((mask[1] & bit) != 0) found.push_back(text());
    }
    return found;
  }

 private:
  std::span<const std::byte> record_;
  std::size_t at_;
};

// The caller's uid and gid as an owner's text; a call that was walked has AUTH_SYS or nothing.
std::vector<std::string> caller_of(std::span<const std::byte> record) {
  constexpr std::size_t kCredential = 24;
  constexpr std::uint32_t kAuthSys = 1;
  if (word_at(record, kCredential) != kAuthSys) return {"", ""};
  std::size_t name = word_at(record, kCredential + 12);
  std::size_t uid_at = kCredential + 16 + ((name + 3) & ~std::size_t{3});
  return {std::to_string(word_at(record, uid_at)), std::to_string(word_at(record, uid_at + 4))};
}

// What all connections share: the file system.
class FileSystem {
 public:
  explicit FileSystem(const EfsOptions& options) : options_(options) {}

  const EfsOptions& options() const { return options_; }

  // The first operation that is refused, and with what.
  struct Refusal {
    std::size_t index = 0;
    Operation operation = kOpSequence;
    std::uint32_t status = 0;
  };
  std::optional<Refusal> refusal(std::span<const std::byte> record, const WalkedCall& call) {
    for (std::size_t i = 0; i < call.operations.size(); ++i) {
      const WalkedOperation& operation = call.operations[i];
      bool one_too_many = i >= options_.operations && i > 0;
      std::uint32_t status = one_too_many ? kTooManyOps : judge(record, call, operation);
      if (status != 0) return Refusal{i, operation.number, status};
    }
    return std::nullopt;
  }

 private:
  std::uint32_t judge(std::span<const std::byte> record, const WalkedCall& call,
                      const WalkedOperation& operation) {
    Arguments arguments(record, operation);
    switch (operation.number) {
      case kOpRead:
      case kOpWrite:
        if (is_anonymous(arguments)) return kBadStateid;
        break;
      case kOpOpen: {
        if (!take_open_owner(open_owner(record, call, arguments))) return kDquot;
        bool creates = arguments.word() == 1;
        if (creates && arguments.word() <= 1 && refuses(record, arguments)) return kPerm;
        break;
      }
      case kOpCreate: {
        std::uint32_t type = arguments.word();
        if (type == 3 || type == 4) return kBadtype;  // devices
        if (type == 5) arguments.text();
        arguments.text();
        if (refuses(record, arguments)) return kPerm;
        break;
      }
      case kOpSetattr:
        arguments.skip(16);
        if (refuses(record, arguments)) return kPerm;
        break;
      default: break;
    }
    if (!changes_something(operation.number) || take_write()) return 0;
    if (options_.counts) ++options_.counts->delays;
    return kDelay;
  }

  // By its client and its name: a 4.0 client is named here, one of 4.1 by its session.
  static std::string open_owner(std::span<const std::byte> record, const WalkedCall& call,
                                Arguments& arguments) {
    constexpr std::size_t kSessionBytes = 16;
    arguments.skip(12);
    std::string client = arguments.bytes(8);
    if (call.minor_version > 0) {
      client = Arguments(record, call.operations[0]).bytes(kSessionBytes);
    }
    return client + arguments.text();
  }

  bool take_open_owner(std::string owner) {
    if (open_owners_.contains(owner)) return true;
    if (open_owners_.size() >= options_.open_owners) return false;
    open_owners_.insert(std::move(owner));
    return true;
  }

  // All zeros, or all ones: the one that bypasses locks.
  static bool is_anonymous(Arguments& arguments) {
    std::uint32_t first = arguments.word();
    if (first != 0 && first != ~0u) return false;
    for (int i = 0; i < 3; ++i) {
      if (arguments.word() != first) return false;
    }
    return true;
  }

  bool refuses(std::span<const std::byte> record, Arguments& arguments) const {
    if (!options_.access_point) return false;
    auto caller = caller_of(record);
    return std::ranges::any_of(arguments.owners(), [&](const std::string& owner) {
      return std::ranges::find(caller, owner) == caller.end();
    });
  }

  // A bucket that holds what may be written in a tenth of a second.
  bool take_write() {
    if (options_.writes_per_second == 0) return true;
    auto now = Clock::now();
    std::chrono::duration<double> passed = now - filled_;
    double rate = options_.writes_per_second;
    filled_ = now;
    writes_ = std::min(std::max(rate / 10, 1.0), writes_ + passed.count() * rate);
    if (writes_ < 1) return false;
    writes_ -= 1;
    return true;
  }

  const EfsOptions options_;
  std::set<std::string> open_owners_;
  Clock::time_point filled_ = Clock::now();
  double writes_ = 1;
};

class EfsFilter final : public ProxyFilter {
 public:
  explicit EfsFilter(std::shared_ptr<FileSystem> file_system)
      : file_system_(std::move(file_system)) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    auto call = walk_call(record);
    if (is_old_nfs(record))
      actions.push_back({Action::kToClient, framed(version_4_alone(word_at(record, 0)))});
    else if (!call)
      actions.push_back({Action::kToServer, framed(record)});
    else if (call->minor_version > 1)
      actions.push_back({Action::kToClient, framed(mismatch(call->xid))});
    else
      pass_on(record, *call, actions);
  }

  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    Record reply(record.begin(), record.end());
    Waiting waiting;
    if (auto found = waiting_.extract(word_at(record, 0))) waiting = found.mapped();
    if (const auto& refused = waiting.refused) {
      fail_in_reply(reply, refused->operation, refused->index, refused->status);
    }
    grant_less(reply);
    actions.push_back({Action::kToClient, framed(reply), waiting.latency});
  }

 private:
  struct Waiting {
    std::optional<FileSystem::Refusal> refused;
    std::chrono::microseconds latency{0};
  };

  static bool is_old_nfs(std::span<const std::byte> record) {
    constexpr std::uint32_t kNfsProgram = 100003;
    return record.size() >= 20 && word_at(record, 12) == kNfsProgram && word_at(record, 16) < 4;
  }
  // RFC 5531 section 9: accepted, no verifier, PROG_MISMATCH with the lowest and the highest.
  static Record version_4_alone(std::uint32_t xid) {
    Record reply;
    for (std::uint32_t word : {xid, 1u, 0u, 0u, 0u, 2u, 4u, 4u}) append_word(reply, word);
    return reply;
  }
  static Record mismatch(std::uint32_t xid) {
    Record reply = error_reply(xid, kOpSequence, kMinorVersMismatch);
    set_word(reply, reply.size() - 12, 0);  // no results
    reply.resize(reply.size() - 8);
    return reply;
  }

  void pass_on(std::span<const std::byte> record, const WalkedCall& call, ProxyActions& actions) {
    Waiting waiting;
    bool writes = std::ranges::any_of(call.operations, [](const WalkedOperation& operation) {
      return changes_something(operation.number);
    });
    const EfsOptions& options = file_system_->options();
    waiting.latency = writes ? options.write_latency : options.read_latency;
    waiting.refused = file_system_->refusal(record, call);
    const auto& refused = waiting.refused;
    if (refused && refused->index == 0) {
      Record reply = error_reply(call.xid, refused->operation, refused->status);
      actions.push_back({Action::kToClient, framed(reply), waiting.latency});
      return;
    }
    if (refused) {
      Record to_fail = call_to_fail(record, call, refused->index, refused->status);
      actions.push_back({Action::kToServer, framed(to_fail)});
    } else {
      actions.push_back({Action::kToServer, framed(record)});
    }
    waiting_[call.xid] = waiting;
  }

  // Slots and operations, in the answers of CREATE_SESSION and SEQUENCE.
  void grant_less(Record& record) const {
    constexpr std::size_t kForeOperations = 8 + 24 + 16;  // from the result's beginning
    constexpr std::size_t kForeSlots = kForeOperations + 4;
    constexpr std::size_t kHighestSlot = 8 + 24;
    auto reply = walk_reply(record);
    if (!reply || reply->results.empty() || reply->results[0].status != 0) return;
    const WalkedOperation& first = reply->results[0];
    auto lower = [&](std::size_t at, std::uint32_t most) {
      set_word(record, first.begin + at, std::min(most, word_at(record, first.begin + at)));
    };
    const EfsOptions& options = file_system_->options();
    if (first.number == kOpCreateSession) {
      lower(kForeOperations, options.operations);
      lower(kForeSlots, options.slots);
    } else if (first.number == kOpSequence) {
      lower(kHighestSlot, options.slots - 1);
      lower(kHighestSlot + 4, options.slots - 1);
    }
  }

  std::shared_ptr<FileSystem> file_system_;
  std::map<std::uint32_t, Waiting> waiting_;  // by the xid of the call
};

}  // namespace

MakeFilter efs_filters(const EfsOptions& options) {
  auto file_system = std::make_shared<FileSystem>(options);
  return [file_system] { return std::make_unique<EfsFilter>(file_system); };
}

Result<std::unique_ptr<Proxy>> start_efs_proxy(std::uint16_t server_port,
                                               const EfsOptions& options) {
  ProxyOptions proxy;
  proxy.server_port = server_port;
  proxy.make_filter = efs_filters(options);
  return Proxy::start(proxy);
}

}  // namespace nfsferry::test
