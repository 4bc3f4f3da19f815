#include "nfs4/xdr.hpp"
#include "recover/aws_error.hpp"
#include "recover/batch_input.hpp"
#include "recover/credentials.hpp"
#include "recover/endpoint.hpp"
#include "recover/json.hpp"
#include "recover/row_json.hpp"
#include "recover/stream_record.hpp"
#include "recover/task_options.hpp"
#include "recover/typed_row.hpp"
#include "recover/workflow_input.hpp"
#include "targets.hpp"
#include "tree/location.hpp"

namespace nfsferry::fuzz {
namespace {

using recover::UidRule;

void check_home(const recover::Endpoint& endpoint) {
  auto location = recover::home_location(endpoint, "Source", {});
  if (!location) return;
  auto parsed = parse_location(*location);
  check(!parsed || !parsed->components().empty(), "a home is never the file system's root");
}

void workflow_input(std::string_view text) {
  for (UidRule rule : {UidRule::kStudio, UidRule::kAny}) {
    auto input = recover::parse_workflow_input(text, rule);
    if (!input) continue;
    check_home(input->source);
    check_home(input->target);
  }
}

void stream_record(std::string_view text) {
  auto record = recover::parse_stream_record(text);
  if (!record || !record->after) return;
  auto again =
      recover::parse_stream_record(recover::stream_record_json(record->before, *record->after));
  check(again.has_value(), "a record that is written can be read");
}

void rows(std::string_view text) {
  auto rows = recover::parse_rows(text, UidRule::kAny);
  if (!rows) return;
  std::string list;
  for (const recover::LedgerRow& row : *rows) list += (list.empty() ? "[" : ",") + row_json(row);
  list += list.empty() ? "[]" : "]";
  auto again = recover::parse_rows(list, UidRule::kAny);
  check(again && again->size() == rows->size(), "rows that are written can be read");
}

void item(std::string_view text) {
  auto json = recover::parse_json(text, "the item");
  if (!json) return;
  auto row = recover::parse_typed_row(*json, "");
  if (!row) return;
  auto again = recover::parse_typed_row(recover::typed_row(*row, recover::kTextAttributes), "");
  check(again && *again == *row, "an item that is written can be read");
}

void credentials(std::string_view text) {
  auto read = recover::parse_credentials(text);
  if (!read) return;
  check(read->access_key.find_first_of("\r\n") == std::string::npos, "a key is one line");
  check(read->session_token.find_first_of("\r\n") == std::string::npos, "a token is one line");
}

void options(std::string_view text) {
  auto json = recover::parse_json(text, "the input");
  if (json) (void)recover::parse_task_options(&*json);
}

}  // namespace

void recover_inputs(Bytes input) {
  if (input.empty()) return;
  std::string_view text = nfs4::text_of(input.subspan(1));
  switch (std::to_integer<char>(input[0])) {
    case 'w': return workflow_input(text);
    case 's': return stream_record(text);
    case 'r': return rows(text);
    case 'b': (void)recover::parse_recover_batch(text, UidRule::kStudio, {}); return;
    case 'c': (void)recover::parse_copy_batch(text); return;
    case 'o': return options(text);
    case 'i': return item(text);
    case 'k': return credentials(text);
    case 'e': (void)recover::parse_aws_error(400, text).message(); return;
    default: return;
  }
}

}  // namespace nfsferry::fuzz
