#include "nfs3/listing.hpp"

#include "base/nfsstat4.hpp"

namespace nfsferry::nfs3 {
namespace {

Error bad_cookie() {
  return Error{
      Domain::kNfs4, static_cast<std::uint32_t>(Nfsstat4::kBadCookie), "READDIRPLUS", {}, {}};
}

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

Result<std::uint64_t> last_cookie(const DirectoryPage& page, std::uint64_t cookie) {
  for (const RawEntry& raw : page.entries) {
    // Cookies need not grow (a hash order is fine), but one that stands still would loop.
    if (raw.cookie == cookie && !page.eof) {
      return own_error(Own::kListingLoops, "READDIRPLUS", "a cookie that does not advance");
    }
    cookie = raw.cookie;
  }
  return cookie;
}

Task<Result<Entry>> entry_of(Client& client, const FileHandle& directory, std::string name) {
  for (unsigned attempts = 1;; ++attempts) {
    auto found = co_await lookup(client, directory, name);
    if (!found) co_return std::move(found).error();
    if (!found->attributes) {
      auto attributes = co_await getattr(client, found->handle);
      bool stale = !attributes && means_stale(attributes.error());
      if (stale && attempts < Nfs3Tree::kAttemptsMost) continue;  // removed or replaced meanwhile
      if (!attributes) {
        Error error = std::move(attributes).error();
        error.path = std::move(name);
        co_return error;
      }
      found->attributes = *std::move(attributes);
    }
    co_return Entry{std::move(name), *std::move(found->attributes), std::move(found->handle)};
  }
}

Task<Result<DirectoryPage>> Nfs3Listing::request_page(std::uint32_t maxcount) {
  auto page =
      co_await readdirplus(client_, handle_of(directory_.get()), cookie_, verifier_, maxcount);
  bool forgotten = !page && (is_status(page.error(), Nfsstat3::kBadCookie) ||
                             is_status(page.error(), Nfsstat3::kNotSync));
  if (forgotten) co_return bad_cookie();
  co_return page;
}

Task<void> Nfs3Listing::complete(RawEntry& raw, ListingPage& page) {
  auto entry = co_await entry_of(client_, handle_of(directory_.get()), std::move(raw.name));
  if (entry)
    page.entries.push_back(*std::move(entry));
  else if (!is_status(entry.error(), Nfsstat3::kNoent))  // removed meanwhile
    page.refused.push_back(std::move(entry).error());
}

Task<Result<ListingPage>> Nfs3Listing::next() {
  std::uint64_t before = cookie_;
  if (before == 0) losses_ = client_.losses();
  auto listed = co_await request_page(kMaxcount);
  if (listed && listed->entries.empty() && !listed->eof)
    listed = co_await request_page(2 * kMaxcount);
  if (!listed) co_return std::move(listed).error();
  if (before != 0 && client_.losses() != losses_) co_return bad_cookie();
  NFSFERRY_TRY(std::uint64_t cookie, last_cookie(*listed, cookie_), co_return);
  cookie_ = cookie;
  verifier_ = listed->verifier;
  if (!listed->eof && (cookie_ == before || circle_.closed_by(cookie_))) {
    co_return own_error(Own::kListingLoops, "READDIRPLUS",
                        "the server's directory listing does not advance");
  }
  ListingPage page;
  page.eof = listed->eof;
  page.entries.reserve(listed->entries.size());
  TaskGroup incomplete;
  for (RawEntry& raw : listed->entries) {
    if (is_dot(raw.name)) continue;
    if (!is_usable_name(raw.name)) {
      Error error = own_error(Own::kBadName, "READDIRPLUS", "a name that must never be used");
      error.path = raw.name;
      page.refused.push_back(std::move(error));
    } else if (raw.handle.empty() || raw.handle.size() > kFileHandleMost || !raw.attributes) {
      incomplete.spawn(complete(raw, page));
    } else {
      page.entries.push_back(
          Entry{std::move(raw.name), *std::move(raw.attributes), std::move(raw.handle)});
    }
  }
  co_await incomplete.join();
  co_return page;
}

}  // namespace nfsferry::nfs3
