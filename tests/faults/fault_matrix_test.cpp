// Each fault at each kind of operation, one at a time. NFSFERRY_FAULT_ROWS=all tries every row
// instead of a sample.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>
#include <string_view>

#include "fault_fixture.hpp"

namespace nfsferry::test {
namespace {

using Kind = Fault::Kind;

struct Row {
  FaultySide side = FaultySide::kTarget;
  Fault fault;
  Expected expected = Expected::kTold;
  std::uint64_t timeout_ms = 5'000;
};

struct NamedStatus {
  const char* name;
  std::uint32_t status;
};

// A client deals with these itself.
constexpr NamedStatus kPassing[] = {{"DELAY", 10008}, {"GRACE", 10013}};
// And with these where a request can be made smaller.
constexpr NamedStatus kSendLess[] = {
    {"RESOURCE", 10018},
    {"TOO_MANY_OPS", 10070},
    {"REQ_TOO_BIG", 10065},
    {"REP_TOO_BIG", 10066},
};
// These cost the entry, or end the run.
constexpr NamedStatus kLasting[] = {
    {"STALE", 70},      {"FHEXPIRED", 10014}, {"IO", 5},           {"NOSPC", 28},
    {"DQUOT", 69},      {"ACCESS", 13},       {"PERM", 1},         {"ROFS", 30},
    {"EXPIRED", 10011}, {"MLINK", 31},        {"NAMETOOLONG", 63}, {"BADNAME", 10041},
};
// Of a whole request, before anything of it is executed.
constexpr NamedStatus kAtSequence[] = {
    {"DELAY", 10008},          {"BADSESSION", 10052}, {"DEADSESSION", 10078},
    {"STALE_CLIENTID", 10022}, {"BADSLOT", 10053},    {"SEQ_MISORDERED", 10063},
};

constexpr Operation kOnTarget[] = {
    kOpPutrootfh, kOpPutfh,  kOpLookup,  kOpGetfh,  kOpGetattr, kOpReaddir, kOpSavefh,
    kOpOpen,      kOpWrite,  kOpSetattr, kOpCommit, kOpRead,    kOpClose,   kOpRestorefh,
    kOpRename,    kOpCreate, kOpLink,    kOpRemove, kOpLock,
};
constexpr Operation kOfSession[] = {kOpExchangeId, kOpCreateSession, kOpReclaimComplete};
constexpr Operation kOnSource[] = {
    kOpPutrootfh, kOpPutfh, kOpLookup, kOpGetfh, kOpGetattr, kOpReaddir, kOpRead, kOpReadlink,
};
constexpr Operation kOfFiles[] = {kOpRead,   kOpOpen,  kOpWrite,     kOpSetattr,
                                  kOpCommit, kOpClose, kOpRestorefh, kOpRename};
constexpr unsigned kNth[] = {1, 2, 4, 11};
constexpr unsigned kAmongFiles = 4;  // the first ones are the lock's and the probe's
constexpr unsigned kAlways = 1'000'000;

const char* side_name(FaultySide side) { return side == FaultySide::kSource ? "source" : "target"; }

class Rows {
 public:
  void add(const std::string& name, Row row) {
    std::string unique = name + "_at_" + std::string(name_of(row.fault.at)) + "_" +
                         std::to_string(row.fault.nth) + "_on_" + side_name(row.side);
    rows_.emplace(unique, row);
  }
  void add_statuses(FaultySide side, std::span<const Operation> operations) {
    for (Operation at : operations) {
      for (unsigned nth : kNth) {
        for (const NamedStatus& one : kPassing) {
          add(one.name, {side, {Kind::kStatus, at, one.status, nth, 1}, Expected::kSuccess});
        }
        if (at == kOpRemove) continue;  // a client that may not remove cannot clean up
        for (const NamedStatus& one : kSendLess) {
          bool smaller =
              nth >= kAmongFiles && std::ranges::find(kOfFiles, at) != std::end(kOfFiles);
          Expected expected = smaller ? Expected::kSuccess : Expected::kTold;
          add(one.name, {side, {Kind::kStatus, at, one.status, nth, 1}, expected});
        }
        for (const NamedStatus& one : kLasting) {
          add(one.name, {side, {Kind::kStatus, at, one.status, nth, 1}, Expected::kTold});
        }
      }
    }
    for (Operation at : {kOpWrite, kOpSetattr, kOpCommit, kOpClose}) {
      if (side == FaultySide::kSource) break;
      for (unsigned nth : kNth) {
        if (nth < kAmongFiles) continue;
        Fault fault{Kind::kStatus, at, 10011, nth, 1};
        add("STATE_EXPIRED", {side, fault, Expected::kSuccess});
      }
    }
    for (unsigned nth : kNth) {
      for (const NamedStatus& one : kAtSequence) {
        Fault fault{Kind::kStatus, kOpSequence, one.status, nth, 1};
        add(one.name, {side, fault, Expected::kSuccess});
      }
    }
  }
  void add_connection_faults(FaultySide side, std::span<const Operation> operations,
                             Expected expected) {
    for (Operation at : operations) {
      for (unsigned nth : kNth) {
        auto add_one = [&](const char* name, Kind kind, std::uint32_t amount) {
          std::uint64_t timeout_ms = kind == Kind::kBytewiseReply ? 60'000 : 5'000;
          add(name, {side, {kind, at, amount, nth, 1}, expected, timeout_ms});
        };
        add_one("CALL_CUT_AT_0", Kind::kCutCall, 0);
        add_one("CALL_CUT_AT_90", Kind::kCutCall, 90);
        add_one("CALL_CUT_AFTER_IT", Kind::kCutCall, ~0u);
        add_one("REPLY_LOST", Kind::kCutReply, 0);
        add_one("REPLY_CUT_AT_61", Kind::kCutReply, 61);
        add_one("END_IN_REPLY", Kind::kEndInReply, 40);
        add_one("REPLY_DELAYED", Kind::kDelayReply, 30);
        add_one("REPLY_IN_BYTES", Kind::kBytewiseReply, 0);
        add_one("REPLY_DOUBLED", Kind::kDoubleReply, 0);
        add_one("REPLY_SHORTENED", Kind::kShortReply, 44);
        add_one("OLD_REPLY", Kind::kOldReply, 0);
        add_one("GARBAGE", Kind::kGarbage, 1);
        add_one("GARBAGE_RECORD", Kind::kGarbage, 2);
      }
    }
  }
  const std::map<std::string, Row>& all() const { return rows_; }

 private:
  std::map<std::string, Row> rows_;
};

const std::map<std::string, Row>& rows() {
  static const Rows table = [] {
    Rows made;
    made.add_statuses(FaultySide::kTarget, kOnTarget);
    made.add_statuses(FaultySide::kSource, kOnSource);
    made.add_connection_faults(FaultySide::kTarget, kOnTarget, Expected::kSuccess);
    made.add_connection_faults(FaultySide::kSource, kOnSource, Expected::kSuccess);
    // A server that cannot be reached at the start is not waited for.
    made.add_connection_faults(FaultySide::kTarget, kOfSession, Expected::kTold);
    made.add_connection_faults(FaultySide::kSource, kOfSession, Expected::kTold);
    for (FaultySide side : {FaultySide::kSource, FaultySide::kTarget}) {
      for (std::uint32_t most : {13u, 14u, 16u, 21u, 34u, 50u}) {
        Fault limit{Kind::kOnlyFirst, kOpPutfh, most, 1, kAlways};
        made.add("ONLY_FIRST_" + std::to_string(most), {side, limit, Expected::kSuccess});
      }
    }
    for (unsigned nth : kNth) {
      for (Operation at : {kOpWrite, kOpCommit}) {
        made.add("NEW_VERIFIER",
                 {FaultySide::kTarget, {Kind::kNewVerifier, at, 0, nth, 1}, Expected::kSuccess});
      }
    }
    made.add("NO_REPLY",
             {FaultySide::kTarget, {Kind::kNoReply, kOpRename, 0, 1, 1}, Expected::kTold, 1'000});
    made.add("NO_REPLY",
             {FaultySide::kSource, {Kind::kNoReply, kOpRead, 0, 1, 1}, Expected::kTold, 1'000});
    made.add(
        "END_ON_LARGE",
        {FaultySide::kTarget, {Kind::kEndOnLarge, kOpWrite, 40'000, 1, kAlways}, Expected::kTold});
    return made;
  }();
  return table.all();
}

// A step that is coprime to the table's inner loops walks through all of its columns.
std::vector<std::string> chosen_rows() {
  constexpr std::size_t kStep = 5;
  const char* wanted = std::getenv("NFSFERRY_FAULT_ROWS");
  bool all = wanted && std::string_view(wanted) == "all";
  std::vector<std::string> names;
  std::size_t number = 0;
  for (const auto& [name, row] : rows()) {
    if (all || number++ % kStep == 0) names.push_back(name);
  }
  return names;
}

class FaultMatrix : public FaultTest {};

TEST_P(FaultMatrix, is_dealt_with_or_told) {
  const Row& row = rows().at(GetParam());
  TrialFaults faults;
  (row.side == FaultySide::kSource ? faults.source : faults.target).push_back(row.fault);

  try_faults(faults, row.expected, row.timeout_ms);

  if (row.fault.nth == 1 && row.fault.kind != Kind::kOnlyFirst) {
    EXPECT_GT(struck(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, FaultMatrix, ::testing::ValuesIn(chosen_rows()), parameter_name);

}  // namespace
}  // namespace nfsferry::test
