#pragma once

#include "nfs4/nfs4_tree.hpp"
#include "tree/circle.hpp"

namespace nfsferry::nfs4 {

// A page from a result of READDIR; `cookie` goes from the one that was asked for to the last one.
// Errors: kListingLoops.
Result<ListingPage> page_from(Readdir::Reply& listed, std::uint64_t& cookie);

// READDIR pages with attributes and handles. A cookie that does not advance, cookies that go round,
// or an empty page without eof (asked for once more, larger) end the listing with kListingLoops.
// Names that are always new have no end that can be told; such a listing can be stopped. None is
// resumed after a server restart, where an old cookie can look like the end: it fails with
// BAD_COOKIE, as it does when the server itself refuses cookie or verifier.
class Nfs4Listing : public Listing {
 public:
  static constexpr std::uint32_t kMaxcount = 128u << 10;

  // `tells_acls`, which outlives this: whether ACLs are asked for; false once a page had to do
  // without them.
  Nfs4Listing(Client& client, DirectoryPtr directory, AttrMask mask, bool& tells_acls)
      : client_(client),
        directory_(std::move(directory)),
        mask_(mask),
        with_acls_(tells_acls),
        tells_acls_(tells_acls) {}
  Task<Result<ListingPage>> next() override;

 private:
  // A page, and what its names are views of.
  struct Listed {
    BufferRef record;
    Readdir::Reply page;
  };
  static bool may_be_for_acls(const Result<Listed>& listed);
  static bool is_better(const Result<Listed>& without, const Result<Listed>& with);

  Task<Result<ListingPage>> request_page(std::uint32_t maxcount);
  Task<Result<Listed>> readdir(std::uint32_t maxcount, AttrMask mask);

  Client& client_;
  DirectoryPtr directory_;
  AttrMask mask_;
  bool with_acls_;
  bool& tells_acls_;
  std::uint64_t client_generation_ = 0;  // of the first page
  std::uint64_t cookie_ = 0;
  Circle circle_;
  Verifier verifier_{};
};

}  // namespace nfsferry::nfs4
