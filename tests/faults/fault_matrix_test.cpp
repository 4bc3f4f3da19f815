// Each fault at each kind of operation, one at a time. NFSFERRY_FAULT_ROWS=all tries every row
// instead of a sample.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fault_fixture.hpp"

namespace nfsferry::test {
namespace {

using Kind = Fault::Kind;

struct Row {
  const char* version = "4.1";
  FaultySide side = FaultySide::kTarget;
  std::vector<Fault> faults;  // the last one names the row, the others lead up to it
  Expected expected = Expected::kTold;
  std::uint64_t timeout_ms = 5'000;
  VerifyMode verify = VerifyMode::kTransferred;
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
// These end the run where the target answers them.
constexpr NamedStatus kFull[] = {{"NOSPC", 28}, {"DQUOT", 69}, {"ROFS", 30}};
// Of a whole request, before anything of it is executed.
constexpr NamedStatus kAtSequence[] = {
    {"DELAY", 10008},          {"BADSESSION", 10052}, {"DEADSESSION", 10078},
    {"STALE_CLIENTID", 10022}, {"BADSLOT", 10053},    {"SEQ_MISORDERED", 10063},
};
constexpr NamedStatus kLessAtSequence[] = {
    {"TOO_MANY_OPS", 10070},
    {"REQ_TOO_BIG", 10065},
    {"REP_TOO_BIG", 10066},
    {"RESOURCE", 10018},  // not of 4.1, and seen all the same
};
// As a session is asked for and confirmed (RFC 8881 section 15.2).
constexpr NamedStatus kAtExchangeId[] = {
    {"SERVERFAULT", 10006}, {"PERM", 1}, {"CLID_INUSE", 10017}, {"INVAL", 22}};
constexpr NamedStatus kAtCreateSession[] = {{"SERVERFAULT", 10006},    {"NOSPC", 28},
                                            {"CLID_INUSE", 10017},     {"TOOSMALL", 10005},
                                            {"STALE_CLIENTID", 10022}, {"SEQ_MISORDERED", 10063}};
constexpr NamedStatus kAtReclaimComplete[] = {
    {"SERVERFAULT", 10006}, {"COMPLETE_ALREADY", 10054}, {"GRACE", 10013}};
// A connection is bound after each loss, where the server remembers the session.
constexpr NamedStatus kAtBind[] = {
    {"DELAY", 10008}, {"BADSESSION", 10052}, {"DEADSESSION", 10078}, {"SERVERFAULT", 10006}};
// At the end, when all is done.
constexpr NamedStatus kAtDestroy[] = {{"DELAY", 10008},          {"BADSESSION", 10052},
                                      {"STALE_CLIENTID", 10022}, {"CLIENTID_BUSY", 10074},
                                      {"BACK_CHAN_BUSY", 10057}, {"SERVERFAULT", 10006}};
// Of state on 4.0; each means that a file is to be opened again, or more than that.
constexpr NamedStatus kOfState[] = {
    {"BAD_SEQID", 10026},   {"BAD_STATEID", 10025}, {"STALE_STATEID", 10023},
    {"OLD_STATEID", 10024}, {"EXPIRED", 10011},
};
constexpr NamedStatus kGone = {"STALE_CLIENTID", 10022};  // where a request names the client id
// Of a client id on 4.0.
constexpr NamedStatus kOfClientid[] = {
    {"STALE_CLIENTID", 10022},
    {"EXPIRED", 10011},
    {"CLID_INUSE", 10017},
    {"LEASE_MOVED", 10031},
};

constexpr Operation kOnTarget[] = {
    kOpPutrootfh, kOpPutfh,  kOpLookup,  kOpGetfh,  kOpGetattr, kOpReaddir, kOpSavefh,
    kOpOpen,      kOpWrite,  kOpSetattr, kOpCommit, kOpRead,    kOpClose,   kOpRestorefh,
    kOpRename,    kOpCreate, kOpLink,    kOpRemove, kOpLock,    kOpLocku,
};
constexpr Operation kUnansweredOnTarget[] = {
    kOpLookup, kOpReaddir, kOpOpen, kOpWrite,  kOpSetattr, kOpCommit, kOpRead,
    kOpClose,  kOpRename,  kOpLink, kOpCreate, kOpRemove,  kOpLock,   kOpLocku,
};
// Servers that do not answer these for the first time were never reached.
constexpr Operation kOpening[] = {kOpExchangeId,  kOpCreateSession, kOpReclaimComplete,
                                  kOpSetclientid, kOpPutrootfh,     kOpLookup};
constexpr Operation kUnansweredOnSource[] = {kOpPutrootfh, kOpLookup, kOpReaddir, kOpRead,
                                             kOpReadlink};
constexpr Operation kOfSession[] = {kOpExchangeId, kOpCreateSession, kOpReclaimComplete};
constexpr Operation kEndingSession[] = {kOpDestroySession, kOpDestroyClientid};
constexpr Operation kOnTarget40[] = {kOpOpenConfirm};
// Without reading back: a name is taken in the request that writes the file.
constexpr Operation kUnread[] = {kOpOpen,   kOpWrite, kOpVerify,    kOpSetattr,
                                 kOpCommit, kOpClose, kOpRestorefh, kOpRename};
// When everything is compared at the end.
struct Compared {
  FaultySide side;
  Operation at;
  unsigned nth;  // the copy itself sends fewer
};
constexpr Compared kCompared[] = {
    {FaultySide::kSource, kOpReaddir, 6},  {FaultySide::kSource, kOpRead, 20},
    {FaultySide::kSource, kOpReadlink, 6}, {FaultySide::kTarget, kOpReaddir, 3},
    {FaultySide::kTarget, kOpRead, 20},    {FaultySide::kTarget, kOpReadlink, 2},
};
constexpr Operation kOfClient40[] = {kOpSetclientid, kOpSetclientidConfirm};
constexpr Operation kKeepingClient40[] = {kOpRenew};
constexpr Operation kTakingLock40[] = {kOpLock};
constexpr Operation kWithState40[] = {kOpOpen,    kOpOpenConfirm, kOpWrite, kOpRead,
                                      kOpSetattr, kOpClose,       kOpLock,  kOpLocku};
constexpr Operation kOnSource[] = {
    kOpPutrootfh, kOpPutfh, kOpLookup, kOpGetfh, kOpGetattr, kOpReaddir, kOpRead, kOpReadlink,
};
constexpr Operation kOnSourceOpened40[] = {kOpOpen, kOpOpenConfirm, kOpRead, kOpClose};
constexpr Operation kOfFiles[] = {kOpRead,   kOpOpen,  kOpWrite,     kOpSetattr,
                                  kOpCommit, kOpClose, kOpRestorefh, kOpRename};
constexpr unsigned kAmongFiles = 4;  // the first ones are the lock's and the probe's
constexpr unsigned kAlways = 1'000'000;
constexpr std::uint64_t kShortMs = 2'000;

// How often a copy of the tree sends what it sends less than eleven times. Rows beyond that would
// strike nothing, which fails them.
struct Seldom {
  FaultySide side;
  Operation at;
  unsigned times;
  unsigned times_on_40;
};
constexpr auto kAtSource = FaultySide::kSource;
constexpr auto kAtTarget = FaultySide::kTarget;
constexpr Seldom kSeldom[] = {
    {kAtSource, kOpPutrootfh, 2, 2},      {kAtSource, kOpLookup, 1, 1},
    {kAtSource, kOpGetfh, 1, 1},          {kAtSource, kOpReaddir, 4, 4},
    {kAtSource, kOpReadlink, 4, 4},       {kAtSource, kOpExchangeId, 1, 0},
    {kAtSource, kOpCreateSession, 1, 0},  {kAtSource, kOpReclaimComplete, 1, 0},
    {kAtSource, kOpDestroySession, 1, 0}, {kAtSource, kOpDestroyClientid, 1, 0},
    {kAtSource, kOpSetclientid, 0, 1},    {kAtSource, kOpSetclientidConfirm, 0, 1},
    {kAtTarget, kOpPutrootfh, 2, 2},      {kAtTarget, kOpLookup, 8, 8},
    {kAtTarget, kOpGetfh, 9, 24},         {kAtTarget, kOpReaddir, 1, 1},
    {kAtTarget, kOpCreate, 10, 10},       {kAtTarget, kOpLink, 4, 4},
    {kAtTarget, kOpRemove, 4, 4},         {kAtTarget, kOpClose, 17, 2},
    {kAtTarget, kOpLock, 3, 3},           {kAtTarget, kOpLocku, 1, 1},
    {kAtTarget, kOpOpenConfirm, 0, 3},    {kAtTarget, kOpExchangeId, 1, 0},
    {kAtTarget, kOpCreateSession, 1, 0},  {kAtTarget, kOpReclaimComplete, 1, 0},
    {kAtTarget, kOpDestroySession, 1, 0}, {kAtTarget, kOpDestroyClientid, 1, 0},
    {kAtTarget, kOpSetclientid, 0, 2},    {kAtTarget, kOpSetclientidConfirm, 0, 2},
};

const char* side_name(FaultySide side) { return side == FaultySide::kSource ? "source" : "target"; }

bool is_among(Operation at, std::span<const Operation> operations) {
  return std::ranges::find(operations, at) != operations.end();
}

class Rows {
 public:
  explicit Rows(const char* version) : version_(version) {}

  // Further rows: the word that their names begin with, what leads up to their faults, and which
  // operations are struck after that.
  void lead_up(std::string word, std::vector<Fault> faults, std::vector<unsigned> nth) {
    prefix_ = std::move(word);
    before_ = std::move(faults);
    nth_ = std::move(nth);
  }
  const std::vector<unsigned>& nth() const { return nth_; }
  void add(const std::string& name, FaultySide side, const Fault& fault, Expected expected,
           std::uint64_t timeout_ms = 5'000) {
    if (before_.empty() && fault.nth > times_of(side, fault.at)) return;
    std::string unique = prefix_ + name + "_at_" + std::string(name_of(fault.at)) + "_" +
                         std::to_string(fault.nth) + "_on_" + side_name(side);
    Row row{version_, side, before_, expected, timeout_ms, verify_};
    row.faults.push_back(fault);
    rows_.emplace(unique, row);
  }
  void add_status(const NamedStatus& one, FaultySide side, Operation at, unsigned nth,
                  Expected expected) {
    add(one.name, side, {Kind::kStatus, at, one.status, nth, 1}, expected);
  }
  void add_statuses(FaultySide side, std::span<const Operation> operations) {
    for (Operation at : operations) {
      for (unsigned nth : nth_) {
        for (const NamedStatus& one : kPassing) add_status(one, side, at, nth, Expected::kSuccess);
        if (at == kOpRemove) continue;  // a client that may not remove cannot clean up
        bool smaller = nth >= kAmongFiles && is_among(at, kOfFiles);
        for (const NamedStatus& one : kSendLess) {
          if (is_40() && one.status > kLastOf40) continue;
          add_status(one, side, at, nth, smaller ? Expected::kSuccess : Expected::kTold);
        }
        for (const NamedStatus& one : kLasting) add_status(one, side, at, nth, Expected::kTold);
      }
    }
  }
  void add_expiry() {
    for (Operation at : {kOpWrite, kOpSetattr, kOpCommit, kOpClose}) {
      for (unsigned nth : nth_) {
        if (nth < kAmongFiles) continue;
        add_status({"STATE_EXPIRED", 10011}, FaultySide::kTarget, at, nth, Expected::kSuccess);
      }
    }
  }
  void add_each(std::span<const NamedStatus> statuses, FaultySide side, Operation at,
                Expected expected) {
    for (unsigned nth : nth_) {
      for (const NamedStatus& one : statuses) add_status(one, side, at, nth, expected);
    }
  }
  // A reply that never comes costs the whole timeout.
  void add_unanswered(FaultySide side, std::span<const Operation> operations) {
    for (Operation at : operations) {
      for (unsigned nth : {1u, 4u}) {
        bool opening = side == FaultySide::kSource || is_among(at, kOpening);
        Expected expected = opening && nth == 1 ? Expected::kTold : Expected::kAway;
        add("NO_REPLY", side, {Kind::kNoReply, at, 0, nth, 1}, expected, kShortMs);
      }
    }
  }
  // From some moment on, every time.
  void add_full() {
    for (Operation at : {kOpOpen, kOpWrite, kOpCreate, kOpSetattr}) {
      for (const NamedStatus& one : kFull) {
        for (unsigned nth : nth_) {
          Fault fault{Kind::kStatus, at, one.status, nth, kAlways};
          add(std::string("ALWAYS_") + one.name, FaultySide::kTarget, fault, Expected::kFull);
        }
      }
    }
  }
  void add_connection_faults(FaultySide side, std::span<const Operation> operations,
                             Expected expected) {
    for (Operation at : operations) {
      for (unsigned nth : nth_) {
        auto add_one = [&](const char* name, Kind kind, std::uint32_t amount) {
          std::uint64_t timeout_ms = kind == Kind::kBytewiseReply ? 60'000 : 5'000;
          add(name, side, {kind, at, amount, nth, 1}, expected, timeout_ms);
        };
        add_one("CALL_CUT_AT_0", Kind::kCutCall, 0);
        add_one("CALL_CUT_AT_90", Kind::kCutCall, 90);
        add_one("CALL_CUT_AFTER_IT", Kind::kCutCall, ~0u);
        add_one("REPLY_LOST", Kind::kCutReply, 0);
        // The whole reply of a short one: after a loss that led up to it, requests that wait would
        // be lost twice, which is their end.
        bool is_short = at == kOpRenew || at == kOpSetclientidConfirm;
        if (before_.empty() || !is_short) add_one("REPLY_CUT_AT_61", Kind::kCutReply, 61);
        add_one("END_IN_REPLY", Kind::kEndInReply, 40);
        add_one("REPLY_DELAYED", Kind::kDelayReply, 30);
        add_one("REPLY_IN_BYTES", Kind::kBytewiseReply, 0);
        add_one("REPLY_DOUBLED", Kind::kDoubleReply, 0);
        add_one("REPLY_SHORTENED", Kind::kShortReply, 44);
        // On 4.0 the xid is all that ties a reply to its request.
        if (!is_40()) add_one("OLD_REPLY", Kind::kOldReply, 0);
        add_one("GARBAGE", Kind::kGarbage, 1);
        add_one("GARBAGE_RECORD", Kind::kGarbage, 2);
      }
    }
  }
  // What both versions have.
  void add_common() {
    add_statuses(FaultySide::kTarget, kOnTarget);
    add_statuses(FaultySide::kSource, kOnSource);
    add_expiry();
    add_connection_faults(FaultySide::kTarget, kOnTarget, Expected::kSuccess);
    add_connection_faults(FaultySide::kSource, kOnSource, Expected::kSuccess);
    for (FaultySide side : {FaultySide::kSource, FaultySide::kTarget}) {
      for (std::uint32_t most : {13u, 14u, 16u, 21u, 34u, 50u}) {
        bool asked = most < 50 || (side == FaultySide::kTarget && !is_40());
        if (!asked) continue;  // no request is of so many
        Fault limit{Kind::kOnlyFirst, kOpPutfh, most, 1, kAlways};
        add("ONLY_FIRST_" + std::to_string(most), side, limit, Expected::kSuccess);
      }
    }
    for (unsigned nth : nth_) {
      for (Operation at : {kOpWrite, kOpCommit}) {
        Fault other{Kind::kNewVerifier, at, 0, nth, 1};
        add("NEW_VERIFIER", FaultySide::kTarget, other, Expected::kSuccess);
      }
    }
    add_unanswered(FaultySide::kTarget, kUnansweredOnTarget);
    add_unanswered(FaultySide::kSource, kUnansweredOnSource);
    add_full();
    Fault large{Kind::kEndOnLarge, kOpWrite, 40'000, 1, kAlways};
    add("END_ON_LARGE", FaultySide::kTarget, large, Expected::kTold);
    verify_ = VerifyMode::kNone;
    lead_up("UNREAD_", {}, {1, 4});
    add_statuses(FaultySide::kTarget, kUnread);
    add_connection_faults(FaultySide::kTarget, kUnread, Expected::kSuccess);
    add_unanswered(FaultySide::kTarget, kUnread);
    verify_ = VerifyMode::kAll;
    for (const Compared& one : kCompared) {
      lead_up("COMPARED_", {}, {one.nth});
      add_statuses(one.side, {&one.at, 1});
      add_connection_faults(one.side, {&one.at, 1}, Expected::kSuccess);
    }
    verify_ = VerifyMode::kTransferred;
    lead_up("", {}, {1, 2, 4, 11});
  }
  std::map<std::string, Row> take() { return std::move(rows_); }

 private:
  static constexpr std::uint32_t kLastOf40 = 10048;  // CB_PATH_DOWN
  unsigned times_of(FaultySide side, Operation at) const {
    bool compared = verify_ == VerifyMode::kAll;
    const Seldom* found = std::ranges::find_if(
        kSeldom, [&](const Seldom& one) { return one.side == side && one.at == at; });
    if (compared || found == std::end(kSeldom)) return kAlways;
    return is_40() ? found->times_on_40 : found->times;
  }
  bool is_40() const { return std::string_view(version_) == "4.0"; }

  const char* version_;
  std::string prefix_;
  std::vector<Fault> before_;
  std::vector<unsigned> nth_{1, 2, 4, 11};
  VerifyMode verify_ = VerifyMode::kTransferred;
  std::map<std::string, Row> rows_;
};

// The session, as it is asked for, bound again and ended.
void add_session_rows(Rows& rows, FaultySide side) {
  rows.lead_up("", {}, {1});
  for (Operation at : kOfSession) rows.add_status(kPassing[0], side, at, 1, Expected::kSuccess);
  rows.add_each(kAtExchangeId, side, kOpExchangeId, Expected::kTold);
  rows.add_each(kAtCreateSession, side, kOpCreateSession, Expected::kTold);
  rows.add_each(kAtReclaimComplete, side, kOpReclaimComplete, Expected::kTold);
  for (Operation at : kEndingSession) rows.add_each(kAtDestroy, side, at, Expected::kSuccess);
  rows.add_connection_faults(side, kEndingSession, Expected::kSuccess);
  rows.add_unanswered(side, kOfSession);
  rows.add_unanswered(side, kEndingSession);
  Operation busy = side == FaultySide::kSource ? kOpRead : kOpWrite;
  Fault cut{Kind::kCutCall, busy, 0, 3, 1};
  rows.lead_up("AFTER_LOSS_", {cut}, {1});
  constexpr Operation kBinding[] = {kOpBindConnToSession};
  rows.add_each(kAtBind, side, kOpBindConnToSession, Expected::kSuccess);
  rows.add_connection_faults(side, kBinding, Expected::kSuccess);
  rows.add_unanswered(side, kBinding);
  Fault gone{Kind::kStatus, kOpSequence, 10022, 9, 1};  // STALE_CLIENTID
  rows.lead_up("AFTER_STALE_", {gone}, {2});
  for (Operation at : kOfSession) rows.add_status(kPassing[0], side, at, 2, Expected::kSuccess);
  rows.add_each(kAtExchangeId, side, kOpExchangeId, Expected::kTold);
  rows.add_each(kAtCreateSession, side, kOpCreateSession, Expected::kTold);
  rows.add_each(kAtReclaimComplete, side, kOpReclaimComplete, Expected::kTold);
  rows.lead_up("", {}, {1, 2, 4, 11});
}

std::map<std::string, Row> rows_of_41() {
  Rows rows("4.1");
  rows.add_common();
  for (FaultySide side : {FaultySide::kSource, FaultySide::kTarget}) {
    rows.add_each(kAtSequence, side, kOpSequence, Expected::kSuccess);
    rows.add_each(kLessAtSequence, side, kOpSequence, Expected::kTold);
    add_session_rows(rows, side);
    // A server that cannot be reached at the start is not waited for.
    rows.add_connection_faults(side, kOfSession, Expected::kTold);
  }
  return rows.take();
}

void add_state_statuses(Rows& rows, FaultySide side, std::span<const Operation> operations) {
  for (Operation at : operations) {
    for (unsigned nth : rows.nth()) {
      Expected expected = Expected::kSuccess;
      for (const NamedStatus& one : kOfState) rows.add_status(one, side, at, nth, expected);
      if (at == kOpOpen || at == kOpLock) rows.add_status(kGone, side, at, nth, expected);
    }
  }
}

// The client id, as it is asked for, kept and made anew.
void add_client_rows(Rows& rows, FaultySide side) {
  auto add_all = [&](std::span<const Operation> operations, std::span<const NamedStatus> statuses,
                     Expected expected) {
    for (Operation at : operations) {
      for (unsigned nth : rows.nth()) {
        for (const NamedStatus& one : statuses) rows.add_status(one, side, at, nth, expected);
      }
    }
  };
  rows.lead_up("", {}, {1, 2});
  // A server that cannot be reached at the start is not waited for.
  rows.add_connection_faults(side, kOfClient40, Expected::kTold);
  add_all(kOfClient40, kPassing, Expected::kSuccess);
  add_all(kOfClient40, kOfClientid, Expected::kTold);
  bool source = side == FaultySide::kSource;
  Operation busy = source ? kOpRead : kOpWrite;
  Fault cut{Kind::kCutCall, busy, 0, 3, 1};
  rows.lead_up("AFTER_LOSS_", {cut}, {1});
  rows.add_connection_faults(side, kKeepingClient40, Expected::kSuccess);
  add_all(kKeepingClient40, kPassing, Expected::kSuccess);
  add_all(kKeepingClient40, kOfClientid, Expected::kSuccess);
  Fault gone{Kind::kStatus, kOpRenew, 10022, 1, 1};
  rows.lead_up("AFTER_STALE_", {cut, gone}, source ? std::vector{2u} : std::vector{2u, 3u});
  rows.add_connection_faults(side, kOfClient40, Expected::kSuccess);
  add_all(kOfClient40, kPassing, Expected::kSuccess);
  if (source) return;
  // The lock is taken again.
  rows.lead_up("AFTER_STALE_", {cut, gone}, {3, 4});
  rows.add_connection_faults(side, kTakingLock40, Expected::kSuccess);
  add_all(kTakingLock40, kPassing, Expected::kSuccess);
}

std::map<std::string, Row> rows_of_40() {
  Rows rows("4.0");
  rows.add_common();
  rows.add_statuses(FaultySide::kTarget, kOnTarget40);
  rows.add_connection_faults(FaultySide::kTarget, kOnTarget40, Expected::kSuccess);
  rows.lead_up("STATE_", {}, {1, 2, 4, 11});
  add_state_statuses(rows, FaultySide::kTarget, kWithState40);
  Fault refused{Kind::kStatus, kOpRead, 10025, 1, 1};  // BAD_STATEID: the server wants OPENs
  rows.lead_up("OPENED_", {refused}, {2, 4, 11});
  rows.add_statuses(FaultySide::kSource, kOnSourceOpened40);
  rows.add_connection_faults(FaultySide::kSource, kOnSourceOpened40, Expected::kSuccess);
  rows.lead_up("OPENED_STATE_", {refused}, {2, 4, 11});
  add_state_statuses(rows, FaultySide::kSource, kOnSourceOpened40);
  for (FaultySide side : {FaultySide::kSource, FaultySide::kTarget}) add_client_rows(rows, side);
  return rows.take();
}

const std::map<std::string, Row>& rows() {
  static const std::map<std::string, Row> table = [] {
    auto made = rows_of_41();
    auto older = rows_of_40();
    for (auto& [name, row] : older) made.emplace("V40_" + name, std::move(row));
    return made;
  }();
  return table;
}

// Steps that are coprime to the table's inner loops walk through all of its columns.
std::vector<std::string> chosen_rows() {
  // They failed once, and are always tried.
  static constexpr std::string_view kFailedOnce[] = {
      "COMPARED_ROFS_at_READDIR_6_on_source",
      "NO_REPLY_at_OPEN_1_on_target",
      "ROFS_at_READDIR_2_on_source",
      "V40_CALL_CUT_AT_0_at_REMOVE_4_on_target",
      "V40_DELAY_at_LOCK_2_on_target",
      "V40_OPENED_STATE_STALE_CLIENTID_at_OPEN_4_on_source",
      "V40_REPLY_LOST_at_LOCK_2_on_target",
      "V40_REPLY_LOST_at_OPEN_CONFIRM_1_on_target",
      "V40_REPLY_SHORTENED_at_LOCK_1_on_target",
  };
  const char* wanted = std::getenv("NFSFERRY_FAULT_ROWS");
  bool all = wanted && std::string_view(wanted) == "all";
  std::map<std::string_view, std::size_t> steps{{"4.1", 5 * sparser()}, {"4.0", 11 * sparser()}};
  std::map<std::string_view, std::size_t> numbers;
  std::vector<std::string> names;
  for (const auto& [name, row] : rows()) {
    bool sampled = numbers[row.version]++ % steps[row.version] == 0;
    bool failed = std::ranges::find(kFailedOnce, name) != std::end(kFailedOnce);
    if (all || sampled || failed) names.push_back(name);
  }
  return names;
}

class FaultMatrix : public FaultTest {};

TEST_P(FaultMatrix, is_dealt_with_or_told) {
  const Row& row = rows().at(GetParam());
  Trial trial;
  trial.version = row.version;
  trial.expected = row.expected;
  trial.timeout_ms = row.timeout_ms;
  trial.verify = row.verify;
  (row.side == FaultySide::kSource ? trial.source : trial.target) = row.faults;

  try_faults(trial);

  // Where time is short, a slow machine may end the run before it comes to that.
  bool all_struck = struck() >= row.faults.size();
  EXPECT_TRUE(all_struck || row.timeout_ms == kShortMs) << "it tries nothing";
}

INSTANTIATE_TEST_SUITE_P(Rows, FaultMatrix, ::testing::ValuesIn(chosen_rows()), parameter_name);

}  // namespace
}  // namespace nfsferry::test
