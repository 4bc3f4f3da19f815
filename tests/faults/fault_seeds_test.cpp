// Several random faults at once, from seeds. NFSFERRY_FAULT_SEEDS=17 or =1000-1999 tries others.
#include <cstdlib>
#include <random>

#include "fault_fixture.hpp"

namespace nfsferry::test {
namespace {

using Kind = Fault::Kind;

constexpr Operation kOperations[] = {
    kOpSequence,  kOpPutfh,  kOpLookup,        kOpGetattr,    kOpReaddir, kOpRead,
    kOpReadlink,  kOpOpen,   kOpWrite,         kOpSetattr,    kOpCommit,  kOpClose,
    kOpRename,    kOpCreate, kOpLink,          kOpRemove,     kOpLock,    kOpSavefh,
    kOpRestorefh, kOpGetfh,  kOpCreateSession, kOpExchangeId,
};
constexpr std::uint32_t kStatuses[] = {10008, 10013, 10018, 10011, 10070, 10065, 10066, 70, 10014,
                                       5,     28,    69,    13,    1,     30,    31,    63, 10041};
constexpr std::uint32_t kPassingStatuses[] = {10008, 10013};
constexpr std::uint32_t kSequenceStatuses[] = {10008, 10052, 10078, 10022,
                                               10053, 10063, 10070, 10065};
constexpr Kind kKinds[] = {Kind::kStatus,      Kind::kStatus,      Kind::kStatus,
                           Kind::kOnlyFirst,   Kind::kCutCall,     Kind::kCutReply,
                           Kind::kEndInReply,  Kind::kDelayReply,  Kind::kBytewiseReply,
                           Kind::kDoubleReply, Kind::kShortReply,  Kind::kOldReply,
                           Kind::kGarbage,     Kind::kNewVerifier, Kind::kEndOnLarge};

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  template <typename T, std::size_t N>
  T one_of(const T (&values)[N]) {
    return values[below(N)];
  }

 private:
  std::mt19937 random_;
};

Fault random_fault(Dice& dice) {
  Fault fault;
  fault.kind = dice.one_of(kKinds);
  fault.at = dice.one_of(kOperations);
  fault.nth = 1 + dice.below(dice.below(2) == 0 ? 4 : 40);
  fault.times = 1 + dice.below(3);
  switch (fault.kind) {
    case Kind::kStatus: {
      // What a client needs to clean up is not refused for good.
      bool cleans = fault.at == kOpRemove || fault.at == kOpPutfh;
      fault.amount = fault.at == kOpSequence ? dice.one_of(kSequenceStatuses)
                     : cleans                ? dice.one_of(kPassingStatuses)
                                             : dice.one_of(kStatuses);
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

std::vector<std::string> chosen_seeds() {
  std::uint32_t first = 1;
  std::uint32_t last = 300;
  if (const char* wanted = std::getenv("NFSFERRY_FAULT_SEEDS")) {
    std::string text = wanted;
    std::size_t dash = text.find('-');
    first = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
    last = dash == std::string::npos
               ? first
               : static_cast<std::uint32_t>(std::strtoul(text.c_str() + dash + 1, nullptr, 10));
  }
  std::vector<std::string> seeds;
  for (std::uint32_t seed = first; seed <= last; ++seed) seeds.push_back(std::to_string(seed));
  return seeds;
}

class RandomFaults : public FaultTest {};

TEST_P(RandomFaults, are_dealt_with_or_told) {
  SCOPED_TRACE("NFSFERRY_FAULT_SEEDS=" + GetParam());
  Dice dice(static_cast<std::uint32_t>(std::stoul(GetParam())));
  TrialFaults faults;
  for (std::uint32_t left = 1 + dice.below(4); left > 0; --left) {
    auto& side = dice.below(3) == 0 ? faults.source : faults.target;
    side.push_back(random_fault(dice));
  }

  try_faults(faults, Expected::kTold);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults, ::testing::ValuesIn(chosen_seeds()), parameter_name);

}  // namespace
}  // namespace nfsferry::test
