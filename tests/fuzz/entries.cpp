// What a server says of an entry, and of a directory's entries.
#include "base/treatment.hpp"
#include "nfs4/listing.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {
namespace {

void check_entry(const Entry& entry) {
  check(entry.attributes.mode <= 07777, "a mode is permission bits");
  check(entry.attributes.mtime.nanoseconds < 1'000'000'000, "a second has 10^9 nanoseconds");
  check(entry.attributes.atime.nanoseconds < 1'000'000'000, "a second has 10^9 nanoseconds");
  check(entry.handle.size() <= nfs4::kFileHandleMost, "a handle has a largest size");
  check(entry.attributes.owner.is_numeric() || entry.attributes.owner.id == 0,
        "an owner is a number or a text");
  check(entry.losses.size() <= 1, "a file has one ACL");
}

}  // namespace

void attributes(Bytes input) {
  nfs4::XdrReader in(input);
  nfs4::Getattr::Reply reply;
  nfs4::Getattr::decode(in, reply);
  if (in.failed()) return;
  auto entry = nfs4::entry_from("name", std::move(reply.fattr));
  if (entry) check_entry(*entry);
}

void listing(Bytes input) {
  nfs4::XdrReader in(input);
  std::uint64_t cookie = 0;
  for (int pages = 0; pages < 2; ++pages) {
    nfs4::Readdir::Reply listed;
    nfs4::Readdir::decode(in, listed);
    if (in.failed()) return;
    auto page = nfs4::page_from(listed, cookie);
    if (!page) return;
    for (const Entry& entry : page->entries) {
      check(is_usable_name(entry.name), "no name of a page leads elsewhere");
      check_entry(entry);
    }
  }
}

}  // namespace nfsferry::fuzz
