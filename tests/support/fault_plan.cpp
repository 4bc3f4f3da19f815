#include "fault_plan.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace nfsferry::test {
namespace {

using Kind = Fault::Kind;
using Action = ProxyAction::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kStatus: return "status";
    case Kind::kOnlyFirst: return "only the first";
    case Kind::kCutCall: return "call cut";
    case Kind::kCutReply: return "reply cut";
    case Kind::kEndInReply: return "end in reply";
    case Kind::kDelayReply: return "reply delayed";
    case Kind::kBytewiseReply: return "reply in bytes";
    case Kind::kDoubleReply: return "reply doubled";
    case Kind::kNoReply: return "no reply";
    case Kind::kShortReply: return "reply shortened";
    case Kind::kOldReply: return "old reply";
    case Kind::kGarbage: return "garbage";
    case Kind::kNewVerifier: return "new verifier";
    case Kind::kEndOnLarge: return "end on large calls";
  }
  return "fault";
}

std::span<const std::byte> first(std::span<const std::byte> bytes, std::uint32_t amount) {
  return bytes.first(std::min<std::size_t>(bytes.size(), amount));
}

// Flips what a verifier holds in the results of one operation.
void change_verifiers(Record& record, Operation at) {
  auto reply = walk_reply(record);
  if (!reply) return;
  for (const WalkedOperation& result : reply->results) {
    if (result.number == at && result.status == 0) record[result.end - 1] ^= std::byte{0xff};
  }
}

}  // namespace

std::string to_string(const Fault& fault) {
  return std::string(name_of(fault.kind)) + " " + std::to_string(fault.amount) + " at " +
         std::string(name_of(fault.at)) + " " + std::to_string(fault.nth) + " x" +
         std::to_string(fault.times);
}

class FaultPlan::Filter final : public ProxyFilter {
 public:
  explicit Filter(FaultPlan& plan) : plan_(plan) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    auto call = walk_call(record);
    if (!call && word_at(record, 20) == 1) ++plan_.unread_;  // procedure COMPOUND
    const Strike* strike = call ? plan_.strike(*call, record.size()) : nullptr;
    if (strike && spoil_call(*strike, *call, record, actions)) return;
    if (strike) waiting_.emplace(call->xid, *strike);
    actions.push_back({Action::kToServer, framed(record)});
  }

  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    auto waiting = waiting_.extract(word_at(record, 0));
    if (waiting) return spoil_reply(waiting.mapped(), record, actions);
    if (record.size() <= kOldReplyMost) old_reply_.assign(record.begin(), record.end());
    actions.push_back({Action::kToClient, framed(record)});
  }

 private:
  static constexpr std::size_t kOldReplyMost = 65536;

  // What happens to a call; false if it is passed on and its reply is struck.
  bool spoil_call(const Strike& strike, const WalkedCall& call, std::span<const std::byte> record,
                  ProxyActions& actions) {
    const Fault& fault = strike.fault;
    switch (fault.kind) {
      case Kind::kStatus: fail(strike, call, record, actions); return true;
      case Kind::kOnlyFirst:
        actions.push_back(
            {Action::kToServer, framed(first_operations(record, call, fault.amount))});
        return true;
      case Kind::kCutCall: {
        auto bytes = framed(record);
        auto sent = first(bytes, fault.amount);
        actions.push_back({Action::kToServer, {sent.begin(), sent.end()}});
        actions.push_back({Action::kReset});
        return true;
      }
      case Kind::kOldReply:
        if (old_reply_.empty()) return false;
        set_word(old_reply_, 0, call.xid);
        actions.push_back({Action::kToClient, framed(old_reply_)});
        return true;
      case Kind::kGarbage: send_garbage(fault.amount, call.xid, actions); return true;
      case Kind::kEndOnLarge: actions.push_back({Action::kEnd}); return true;
      default: return false;
    }
  }

  void fail(const Strike& strike, const WalkedCall& call, std::span<const std::byte> record,
            ProxyActions& actions) {
    if (strike.index == 0) {
      Record reply = error_reply(call.xid, strike.fault.at, strike.fault.amount);
      actions.push_back({Action::kToClient, framed(reply)});
      return;
    }
    waiting_.emplace(call.xid, strike);
    Record to_fail = call_to_fail(record, call, strike.index, strike.fault.amount);
    actions.push_back({Action::kToServer, framed(to_fail)});
  }

  // Half of it is a record with the right xid, half begins a record that is too long for any: one
  // of a size that could be would be waited for, which is what kNoReply is about.
  static void send_garbage(std::uint32_t seed, std::uint32_t xid, ProxyActions& actions) {
    constexpr std::uint32_t kTooLong =
        0x4000'0000;  // bytes, in a record mark (RFC 5531 section 11)
    std::mt19937 random(seed);
    Record bytes(64 + random() % 192);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    bool is_record = seed % 2 == 0;
    set_word(bytes, 0, is_record ? xid : xid | kTooLong);
    actions.push_back({Action::kToClient, is_record ? framed(bytes) : bytes});
  }

  static void spoil_reply(const Strike& strike, std::span<const std::byte> record,
                          ProxyActions& actions) {
    const Fault& fault = strike.fault;
    Record reply(record.begin(), record.end());
    if (fault.kind == Kind::kStatus) fail_in_reply(reply, fault.at, strike.index, fault.amount);
    if (fault.kind == Kind::kNewVerifier) change_verifiers(reply, fault.at);
    if (fault.kind == Kind::kShortReply) reply.resize(first(record, fault.amount).size());
    if (fault.kind == Kind::kNoReply) return;
    auto bytes = framed(reply);
    bool cut = fault.kind == Kind::kCutReply || fault.kind == Kind::kEndInReply;
    if (cut) bytes.resize(first(bytes, fault.amount).size());
    auto delay = std::chrono::milliseconds(fault.kind == Kind::kDelayReply ? fault.amount : 0);
    bool bytewise = fault.kind == Kind::kBytewiseReply;
    actions.push_back({bytewise ? Action::kBytewise : Action::kToClient, bytes, delay});
    if (fault.kind == Kind::kDoubleReply) actions.push_back({Action::kToClient, bytes});
    if (cut) actions.push_back({fault.kind == Kind::kCutReply ? Action::kReset : Action::kEnd});
  }

  FaultPlan& plan_;
  std::map<std::uint32_t, Strike> waiting_;  // by the xid of the call: what its reply suffers
  Record old_reply_;
};

FaultPlan::FaultPlan(std::vector<Fault> faults) {
  for (Fault& fault : faults) faults_.push_back({fault});
}

MakeFilter FaultPlan::filters() {
  return [this] { return std::make_unique<Filter>(*this); };
}

const FaultPlan::Strike* FaultPlan::strike(const WalkedCall& call, std::size_t call_bytes) {
  const Strike* found = nullptr;
  for (Progress& progress : faults_) {
    const Fault& fault = progress.fault;
    if (fault.kind == Kind::kEndOnLarge && call_bytes < fault.amount) continue;
    if (fault.kind == Kind::kOnlyFirst && call.operations.size() <= fault.amount) continue;
    for (std::size_t i = 0; i < call.operations.size(); ++i) {
      if (call.operations[i].number != fault.at) continue;
      ++progress.seen;
      bool strikes = progress.seen >= fault.nth && progress.seen - fault.nth < fault.times;
      if (!strikes || found) continue;
      chosen_ = {fault, i};
      found = &chosen_;
    }
  }
  if (found) ++struck_;
  return found;
}

}  // namespace nfsferry::test
