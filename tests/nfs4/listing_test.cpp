#include "nfs4/listing.hpp"

#include <memory>

#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

TEST_F(SessionTest, AListingThatTheServerLostIsOneRecognisableError) {
  for (Nfsstat4 refusal : {Nfsstat4::kBadCookie, Nfsstat4::kNotSame}) {
    FakeAnswer refused;
    refused.at = 1;
    refused.status = code_of(refusal);
    FakeServer server(nth(1, refused));
    Status listed = ok();
    auto body = [&](Session& session) -> Task<void> {
      auto directory = std::make_shared<nfs4::Nfs4Directory>("handle");
      nfs4::Nfs4Listing listing(session, directory, nfs4::kEntryAttrs);
      auto page = co_await listing.next();
      if (!page) listed = page.error();
    };
    run(server, body);
    EXPECT_TRUE(is_status(listed, Nfsstat4::kBadCookie)) << why(listed);
  }
}

}  // namespace
}  // namespace nfsferry::test
