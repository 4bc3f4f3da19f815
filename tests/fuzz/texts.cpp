#include <cstdint>
#include <limits>
#include <string>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "nfs4/xdr.hpp"
#include "recover/endpoint.hpp"
#include "report/next_pass.hpp"
#include "report/report_json.hpp"
#include "targets.hpp"
#include "tree/attributes.hpp"
#include "tree/location.hpp"
#include "tree/lock_holder.hpp"

namespace nfsferry::fuzz {
namespace {

void location(std::string_view text) {
  auto parsed = parse_location(text);
  if (!parsed) return;
  check(parsed->text == text, "a location is kept as it was given");
  check(parsed->groups.size() <= 16, "AUTH_SYS has 16 groups");
  if (parsed->kind != Location::Kind::kNfs) return;
  for (const std::string& component : parsed->components()) {
    bool leads_on =
        component != ".." && component.find_first_of(std::string("/\0", 2)) == std::string::npos;
    check(leads_on, "a location on a server leads nowhere else");
  }
}

void owner(std::string_view text) {
  Owner parsed = parse_owner(text);
  check(owner_text(parsed) == text || text.empty(), "an owner is what it was sent as");
}

void escape(std::string_view text) {
  for (char c : escape_for_terminal(text)) {
    auto byte = static_cast<unsigned char>(c);
    check(byte >= 0x20 && byte != 0x7f, "nothing that was escaped steers a terminal");
  }
  check(is_valid_utf8(lossy_utf8(text)), "lossy UTF-8 is UTF-8");
  check(!is_valid_utf8(text) || lossy_utf8(text) == text, "UTF-8 loses nothing");
}

void time(std::string_view text) {
  std::uint64_t ms = unix_ms(text);
  check(ms == 0 || rfc3339(ms) == text, "a time is what it was written as");
}

void previous_pass(std::string_view text) {
  auto previous = parse_previous_pass(text);
  if (!previous) return;
  check(unix_ms(rfc3339(previous->start_ms)) == previous->start_ms, "a pass has begun some time");
  check(!previous->is_batch || previous->source.empty(), "a batch has no locations of its own");
}

}  // namespace

void texts(Bytes input) {
  if (input.empty()) return;
  std::string_view text = nfs4::text_of(input.subspan(1));
  switch (std::to_integer<char>(input[0])) {
    case 'l': return location(text);
    case 'f': (void)recover::parse_file_system_map(text); return;
    case 's': (void)parse_size(text); return;
    case 'd': (void)parse_duration_ms(text); return;
    case 'u': (void)parse_unsigned(text, std::numeric_limits<std::uint64_t>::max()); return;
    case 'o': return owner(text);
    case 'h': return escape(LockHolder::from_text(text).locked("LOCK").message());
    case 'e': return escape(text);
    case 't': return time(text);
    case 'p': return previous_pass(text);
    default: return;
  }
}

}  // namespace nfsferry::fuzz
