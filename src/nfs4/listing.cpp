#include "nfs4/listing.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "nfs4/status_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kReplySpare = 1024;

void add_entry(ListingPage& page, Readdir::RawEntry& raw) {
  if (!is_usable_name(raw.name)) {
    Error error = own_error(Own::kBadName, "READDIR", "a name that must never be used");
    error.path = raw.name;
    page.refused.push_back(std::move(error));
    return;
  }
  auto entry = entry_from(std::string(raw.name), std::move(raw.fattr));
  if (entry)
    page.entries.push_back(*std::move(entry));
  else
    page.refused.push_back(std::move(entry).error());
}

// The names that a page tells nothing of.
std::set<std::string_view> refused_in(const Readdir::Reply& listed) {
  std::set<std::string_view> names;
  for (const Readdir::RawEntry& entry : listed.entries) {
    if (entry.fattr.rdattr_error != 0) names.insert(entry.name);
  }
  return names;
}

}  // namespace

Result<ListingPage> page_from(Readdir::Reply& listed, std::uint64_t& cookie) {
  ListingPage page;
  page.eof = listed.eof;
  page.entries.reserve(listed.entries.size());
  for (Readdir::RawEntry& raw : listed.entries) {
    // Cookies need not grow (a hash order is fine), but one that stands still would loop.
    if (raw.cookie == cookie && !listed.eof) {
      return own_error(Own::kListingLoops, "READDIR", "a cookie that does not advance");
    }
    cookie = raw.cookie;
    add_entry(page, raw);
  }
  return page;
}

Task<Result<ListingPage>> Nfs4Listing::next() {
  std::uint32_t most = client_.limits().response_bytes - kReplySpare;
  std::uint32_t maxcount = std::min(kMaxcount, most);
  std::uint64_t before = cookie_;
  if (before == 0) client_generation_ = client_.client_generation();
  auto page = co_await request_page(maxcount);
  if (!page && is_status(page.error(), Nfsstat4::kNotSame)) {
    co_return nfs4_error(Nfsstat4::kBadCookie, Op::kReaddir);  // it refuses the verifier instead
  }
  if (!page) co_return std::move(page).error();
  bool nothing = cookie_ == before && !page->eof;
  if (nothing) {
    page = co_await request_page(std::min(4 * maxcount, most));
    if (!page) co_return std::move(page).error();
    nothing = cookie_ == before && !page->eof;
  }
  if (client_.client_generation() != client_generation_) {
    co_return nfs4_error(Nfsstat4::kBadCookie, Op::kReaddir);
  }
  if (nothing || (!page->eof && circle_.closed_by(cookie_))) {
    co_return own_error(Own::kListingLoops, "READDIR",
                        "the server's directory listing does not advance");
  }
  co_return page;
}

// Whether a page may be another one without ACLs.
bool Nfs4Listing::may_be_for_acls(const Result<Listed>& listed) {
  if (listed) return !refused_in(listed->page).empty();
  const Error& error = listed.error();
  return !error.is(Own::kUnreachable) && !error.is(Own::kCancelled);
}

bool Nfs4Listing::is_better(const Result<Listed>& without, const Result<Listed>& with) {
  if (!without || !with) return without.has_value();
  std::set<std::string_view> still = refused_in(without->page);
  std::set<std::string_view> before = refused_in(with->page);
  return std::any_of(before.begin(), before.end(),
                     [&still](std::string_view name) { return !still.contains(name); });
}

// No ACL is worth an entry: a page that could not be had with them is asked for once more without.
Task<Result<ListingPage>> Nfs4Listing::request_page(std::uint32_t maxcount) {
  AttrMask mask = mask_;
  if (with_acls_) mask.add(Attr::kAcl);
  auto listed = co_await readdir(maxcount, mask);
  if (with_acls_ && may_be_for_acls(listed)) {
    auto without = co_await readdir(maxcount, mask_);
    if (is_better(without, listed)) {
      with_acls_ = tells_acls_ = false;
      listed = std::move(without);
    }
  }
  if (!listed) co_return std::move(listed).error();
  NFSFERRY_TRY(ListingPage page, page_from(listed->page, cookie_), co_return);
  verifier_ = listed->page.verifier;
  co_return page;
}

// Smaller where the server has no room for so large a page.
Task<Result<Nfs4Listing::Listed>> Nfs4Listing::readdir(std::uint32_t maxcount, AttrMask mask) {
  Readdir readdir;
  readdir.cookie = cookie_;
  readdir.verifier = verifier_;
  readdir.maxcount = maxcount;
  readdir.mask = mask;
  Compound request("READDIR", Repeat::kIdempotent);
  request.add(Putfh{{}, handle_of(directory_.get())});
  request.add(readdir);
  request.expect_reply_payload(maxcount);
  auto reply = co_await client_.call(request);
  if (!reply && Client::wants_less(request, reply.error())) {
    co_return co_await this->readdir(maxcount / 2, mask);
  }
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(NoReply at_directory, reply->take<Putfh>(), co_return);
  auto taken = reply->take<Readdir>();
  if (!taken) {
    if (!Client::wants_less(request, taken.error())) co_return std::move(taken).error();
    (void)client_.learn_smaller(request, taken.error(), reply->result_count());
    co_return co_await this->readdir(maxcount / 2, mask);
  }
  Listed listed{reply->buffer(), *std::move(taken)};
  co_return listed;
}

}  // namespace nfsferry::nfs4
