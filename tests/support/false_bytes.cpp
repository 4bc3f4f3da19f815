#include "false_bytes.hpp"

#include <algorithm>
#include <utility>

#include "base/result.hpp"

namespace nfsferry::test {
namespace {

std::string big_endian(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 255);
  return out;
}

std::string xdr_of(const std::string& name) {
  std::string out = big_endian(name.size(), 4) + name;
  out.resize((out.size() + 3) & ~std::size_t{3});
  return out;
}

class FalseBytesFilter final : public ProxyFilter {
 public:
  explicit FalseBytesFilter(std::vector<FalseBytes> lies) : lies_(std::move(lies)) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    std::string reply(reinterpret_cast<const char*>(record.data()), record.size());
    for (const FalseBytes& lie : lies_) tell(lie, reply);
    auto* bytes = reinterpret_cast<const std::byte*>(reply.data());
    actions.push_back({ProxyAction::Kind::kToClient, framed({bytes, reply.size()})});
  }

 private:
  static void tell(const FalseBytes& lie, std::string& reply) {
    for (std::size_t at = reply.find(lie.truth); at != std::string::npos;
         at = reply.find(lie.truth, at + lie.lie.size())) {
      reply.replace(at, lie.lie.size(), lie.lie);
    }
  }

  const std::vector<FalseBytes> lies_;
};

}  // namespace

FalseBytes false_name(const std::string& truth, const std::string& lie) {
  return {xdr_of(truth), xdr_of(lie)};
}

FalseBytes false_size(std::uint64_t truth, std::uint64_t lie) {
  return {big_endian(truth, 8), big_endian(lie, 8)};
}

MakeFilter false_bytes_filters(std::vector<FalseBytes> lies) {
  for (const FalseBytes& lie : lies) {
    check(lie.truth.size() == lie.lie.size(), "a lie is as long as the truth");
  }
  return [lies] { return std::make_unique<FalseBytesFilter>(lies); };
}

}  // namespace nfsferry::test
