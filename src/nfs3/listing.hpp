#pragma once

#include "nfs3/nfs3_tree.hpp"
#include "tree/circle.hpp"

namespace nfsferry::nfs3 {

// READDIRPLUS pages with attributes and handles; what the server leaves out is asked for by LOOKUP.
// A cookie that does not advance, cookies that go round, or an empty page without eof (asked for
// once more, larger) end the listing with kListingLoops. None is resumed after a connection was
// lost, since the server may have restarted: it fails with BAD_COOKIE, as it does when the server
// itself refuses cookie or verifier.
class Nfs3Listing : public Listing {
 public:
  // Small: libnfs (4 and 5) decodes the entries of a reply by a recursion as deep as their number.
  static constexpr std::uint32_t kMaxcount = 32u << 10;

  Nfs3Listing(Client& client, DirectoryPtr directory)
      : client_(client), directory_(std::move(directory)) {}
  Task<Result<ListingPage>> next() override;

 private:
  Task<Result<DirectoryPage>> request_page(std::uint32_t maxcount);
  Task<void> complete(RawEntry& raw, ListingPage& page);

  Client& client_;
  DirectoryPtr directory_;
  std::uint64_t losses_ = 0;  // of connections, at the first page
  std::uint64_t cookie_ = 0;
  Verifier verifier_{};
  Circle circle_;
};

// The last cookie of a page. Errors: kListingLoops.
Result<std::uint64_t> last_cookie(const DirectoryPage& page, std::uint64_t cookie);

// An entry by LOOKUP; by another where its handle is stale as soon as its attributes are asked for.
// Errors: the server's, kBadReply.
Task<Result<Entry>> entry_of(Client& client, const FileHandle& directory, std::string name);

}  // namespace nfsferry::nfs3
