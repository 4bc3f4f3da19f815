// Several random faults at once, from seeds. NFSFERRY_FAULT_SEEDS=17 or =1000-1999 tries others.
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fault_fixture.hpp"

namespace nfsferry::test {
namespace {

using Kind = Fault::Kind;

constexpr std::uint32_t kPassingStatuses[] = {10008, 10013};
constexpr std::uint32_t kSequenceStatuses[] = {10008, 10052, 10078, 10022,
                                               10053, 10063, 10070, 10065};

// What the faults of a version choose from.
struct Choices {
  const char* version;
  std::vector<Kind> kinds;
  std::vector<Operation> operations;
  std::vector<std::uint32_t> statuses;
  std::uint32_t connections = 1;
};

Choices choices_of_41() {
  return {"4.1",
          {Kind::kStatus, Kind::kStatus, Kind::kStatus, Kind::kOnlyFirst, Kind::kCutCall,
           Kind::kCutReply, Kind::kEndInReply, Kind::kDelayReply, Kind::kBytewiseReply,
           Kind::kDoubleReply, Kind::kShortReply, Kind::kOldReply, Kind::kGarbage,
           Kind::kNewVerifier, Kind::kEndOnLarge},
          {kOpSequence,  kOpPutfh,  kOpLookup,        kOpGetattr,   kOpReaddir, kOpRead,
           kOpReadlink,  kOpOpen,   kOpWrite,         kOpSetattr,   kOpCommit,  kOpClose,
           kOpRename,    kOpCreate, kOpLink,          kOpRemove,    kOpLock,    kOpSavefh,
           kOpRestorefh, kOpGetfh,  kOpCreateSession, kOpExchangeId},
          {10008, 10013, 10018, 10011, 10070, 10065, 10066, 70, 10014, 5, 28, 69, 13, 1, 30, 31, 63,
           10041}};
}

Choices choices_of_connections() {
  Choices choices = choices_of_41();
  choices.connections = 3;
  choices.operations.push_back(kOpBindConnToSession);
  choices.statuses.push_back(10055);
  return choices;
}

// Without old replies: on 4.0 the xid is all that ties a reply to its request.
Choices choices_of_40() {
  return {
      "4.0",
      {Kind::kStatus, Kind::kStatus, Kind::kStatus, Kind::kOnlyFirst, Kind::kCutCall,
       Kind::kCutReply, Kind::kEndInReply, Kind::kDelayReply, Kind::kBytewiseReply,
       Kind::kDoubleReply, Kind::kShortReply, Kind::kGarbage, Kind::kNewVerifier,
       Kind::kEndOnLarge},
      {kOpPutfh,  kOpLookup,      kOpGetattr,   kOpReaddir, kOpRead,        kOpReadlink,
       kOpOpen,   kOpWrite,       kOpSetattr,   kOpCommit,  kOpClose,       kOpRename,
       kOpCreate, kOpLink,        kOpRemove,    kOpLock,    kOpLocku,       kOpSavefh,
       kOpRenew,  kOpSetclientid, kOpRestorefh, kOpGetfh,   kOpOpenConfirm, kOpSetclientidConfirm},
      {10008, 10013, 10018, 10011, 10022, 10023, 10024, 10025, 10026, 70,
       10014, 5,     28,    69,    13,    1,     30,    31,    63,    10041}};
}

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  template <typename Values>
  auto one_of(const Values& values) {
    return values[below(static_cast<std::uint32_t>(std::size(values)))];
  }

 private:
  std::mt19937 random_;
};

Fault random_fault(Dice& dice, const Choices& choices) {
  Fault fault;
  fault.kind = dice.one_of(choices.kinds);
  fault.at = dice.one_of(choices.operations);
  fault.nth = 1 + dice.below(dice.below(2) == 0 ? 4 : 40);
  fault.times = 1 + dice.below(3);
  switch (fault.kind) {
    case Kind::kStatus: {
      // What a client needs to clean up is not refused for good.
      bool cleans = fault.at == kOpRemove || fault.at == kOpPutfh;
      fault.amount = fault.at == kOpSequence ? dice.one_of(kSequenceStatuses)
                     : cleans                ? dice.one_of(kPassingStatuses)
                                             : dice.one_of(choices.statuses);
      break;
    }
    case Kind::kOnlyFirst: fault.amount = 1 + dice.below(50); break;
    case Kind::kNewVerifier: fault.at = dice.below(2) == 0 ? kOpWrite : kOpCommit; break;
    case Kind::kDelayReply: fault.amount = 1 + dice.below(40); break;
    case Kind::kEndOnLarge: fault.amount = 1000 + dice.below(20'000); break;
    default: fault.amount = dice.below(dice.below(2) == 0 ? 200 : 20'000); break;
  }
  return fault;
}

// Up to `last`, and those that failed once.
std::vector<std::string> chosen_seeds(std::uint32_t last,
                                      std::vector<std::string> failed_once = {}) {
  std::uint32_t first = 1;
  last /= sparser();
  if (const char* wanted = std::getenv("NFSFERRY_FAULT_SEEDS")) {
    std::string text = wanted;
    std::size_t dash = text.find('-');
    first = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
    last = dash == std::string::npos
               ? first
               : static_cast<std::uint32_t>(std::strtoul(text.c_str() + dash + 1, nullptr, 10));
    failed_once.clear();
  }
  std::vector<std::string> seeds = std::move(failed_once);
  for (std::uint32_t seed = first; seed <= last; ++seed) seeds.push_back(std::to_string(seed));
  return seeds;
}

class RandomFaults : public FaultTest {
 protected:
  void try_seed(const Choices& choices) {
    SCOPED_TRACE("NFSFERRY_FAULT_SEEDS=" + GetParam());
    Dice dice(static_cast<std::uint32_t>(std::stoul(GetParam())));
    Trial trial;
    trial.version = choices.version;
    trial.connections = choices.connections;
    for (std::uint32_t left = 1 + dice.below(4); left > 0; --left) {
      auto& side = dice.below(3) == 0 ? trial.source : trial.target;
      side.push_back(random_fault(dice, choices));
    }
    auto seed = std::stoul(GetParam());
    if (seed % 4 == 3) trial.verify = VerifyMode::kNone;
    if (seed % 8 == 6) trial.verify = VerifyMode::kAll;
    if (seed % 32 == 9) withhold(trial);
    try_faults(trial);
  }

 private:
  // The last fault becomes a reply that never comes. It costs the whole timeout, which is short.
  static void withhold(Trial& trial) {
    Fault& fault = (trial.target.empty() ? trial.source : trial.target).back();
    fault.kind = Kind::kNoReply;
    fault.times = 1;
    trial.timeout_ms = 2'000;
  }
};

class RandomFaultsOf41 : public RandomFaults {};
class RandomFaultsOf40 : public RandomFaults {};
class RandomFaultsOfConnections : public RandomFaults {};

TEST_P(RandomFaultsOf41, are_dealt_with_or_told) { try_seed(choices_of_41()); }
TEST_P(RandomFaultsOf40, are_dealt_with_or_told) { try_seed(choices_of_40()); }
TEST_P(RandomFaultsOfConnections, are_dealt_with_or_told) { try_seed(choices_of_connections()); }

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaultsOf41,
                         ::testing::ValuesIn(chosen_seeds(300, {"1064", "1809", "2298"})),
                         parameter_name);
INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaultsOf40, ::testing::ValuesIn(chosen_seeds(100)),
                         parameter_name);
INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaultsOfConnections,
                         ::testing::ValuesIn(chosen_seeds(100, {"1505", "2053", "2236"})),
                         parameter_name);

}  // namespace
}  // namespace nfsferry::test
