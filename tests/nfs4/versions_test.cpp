#include "nfs4/versions.hpp"

#include <gtest/gtest.h>

#include <map>

#include "fake_server.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint64_t kTimeoutMs = 5000;

FakeAnswer answer_of(const FakeCall& call) {
  FakeAnswer answer;
  Wire reply;
  reply.u32(call.xid).u32(1).u32(0).u32(0).u32(0);
  if (call.version == 3) {
    reply.u32(2).u32(4).u32(4);  // PROG_MISMATCH: only version 4
  } else if (call.minor_version == 1) {
    reply.u32(0).u32(0).opaque("").u32(0);
  } else if (call.minor_version == 2) {
    reply.u32(0).u32(10021).opaque("").u32(0);
  } else {
    answer.close = true;
  }
  Wire record;
  record.u32(0x80000000u | static_cast<std::uint32_t>(reply.bytes().size())).raw(reply.bytes());
  answer.raw = record.bytes();
  return answer;
}

TEST(AskVersions, TellsWhatTheServerSaidToEach) {
  FakeServer server(answer_of);
  auto loop = Loop::create(EngineChoice::kAuto);
  ASSERT_TRUE(loop);
  nfs4::Credentials nobody;
  auto asked =
      (*loop)->run(nfs4::ask_versions(**loop, "127.0.0.1", server.port(), nobody, kTimeoutMs));
  ASSERT_TRUE(asked) << asked.error().message();
  std::map<std::string, nfs4::VersionAnswer> answers;
  for (nfs4::VersionAnswer& answer : *asked) answers[answer.version] = answer;
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(answers["4.1"].offered);
  EXPECT_FALSE(answers["4.2"].offered);
  EXPECT_EQ(answers["4.2"].answer, "NFS4ERR_MINOR_VERS_MISMATCH");
  EXPECT_FALSE(answers["4.0"].offered);
  EXPECT_NE(answers["4.0"].answer.find("no answer"), std::string::npos);
  EXPECT_FALSE(answers["3"].offered);
  EXPECT_EQ(answers["3"].answer, "PROG_MISMATCH");
}

TEST(AskVersions, GivesUpOnAServerThatSaysNothing) {
  FakeServer server([](const FakeCall&) {
    FakeAnswer answer;
    answer.silent = true;
    return answer;
  });
  auto loop = Loop::create(EngineChoice::kAuto);
  ASSERT_TRUE(loop);
  nfs4::Credentials nobody;
  auto asked = (*loop)->run(nfs4::ask_versions(**loop, "127.0.0.1", server.port(), nobody, 50));
  ASSERT_FALSE(asked);
  EXPECT_TRUE(asked.error().is(Own::kTimeout)) << asked.error().message();
  EXPECT_EQ(server.calls().size(), 1u) << "it is not asked for every version";
}

}  // namespace
}  // namespace nfsferry::test
