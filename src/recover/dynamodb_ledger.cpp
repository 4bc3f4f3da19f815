#include "recover/dynamodb_ledger.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "recover/aws_client.hpp"
#include "recover/typed_row.hpp"

namespace nfsferry::recover {
namespace {

constexpr std::uint64_t kEpoctimeMax = 99'999'999'999'999;  // the year 5138
constexpr unsigned kClashesMax = 10'000;

bool is_table_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

Json text_value(std::string_view text) { return {{"S", text}}; }
Json number_value(std::uint64_t number) { return {{"N", std::to_string(number)}}; }

Json key_json(const LedgerKey& key) {
  return {{"profile_name", text_value(key.profile_name)},
          {"domain_name", text_value(key.domain_name)}};
}

Error bad_item(const Error& error) { return own_error(Own::kBadReply, "", error.detail); }

constexpr const char* kIsThere = "attribute_exists(profile_name)";

// Names and values stand apart from an expression: any of them may be a reserved word.
class Update {
 public:
  explicit Update(Json& request) : request_(request) {}

  void set(std::string_view attribute, Json value) {
    append(sets_, equation(attribute, std::move(value)));
  }
  void remove(std::string_view attribute) { append(removes_, "#a" + note(attribute)); }
  // A condition.
  std::string is_now(std::string_view attribute, std::string_view text) {
    return equation(attribute, text_value(text));
  }
  std::string expression() const {
    return (sets_.empty() ? "" : "SET " + sets_) + (removes_.empty() ? "" : " REMOVE " + removes_);
  }

 private:
  std::string equation(std::string_view attribute, Json value) {
    std::string index = note(attribute);
    request_["ExpressionAttributeValues"][":v" + index] = std::move(value);
    return "#a" + index + " = :v" + index;
  }
  std::string note(std::string_view attribute) {
    std::string index = std::to_string(count_++);
    request_["ExpressionAttributeNames"]["#a" + index] = attribute;
    return index;
  }
  static void append(std::string& list, const std::string& part) {
    list += (list.empty() ? "" : ", ") + part;
  }

  Json& request_;
  std::string sets_;
  std::string removes_;
  unsigned count_ = 0;
};

class DynamodbLedger : public Ledger {
 public:
  DynamodbLedger(AwsClient client, std::string table, std::string history_table)
      : client_(std::move(client)),
        table_(std::move(table)),
        history_table_(std::move(history_table)) {}

  Result<std::optional<LedgerRow>> get(const LedgerKey& key) override {
    NFSFERRY_TRY(Json item, get_item(table_, key_json(key)), return);
    if (item.is_null()) return std::optional<LedgerRow>();
    NFSFERRY_TRY(LedgerRow row, read_row(item), return);
    return std::optional(std::move(row));
  }

  // The row is looked at first, for the case that the answer to the put is lost: sent again, it
  // would find its own row in place of the old one.
  Result<std::optional<LedgerRow>> put(const LedgerRow& row) override {
    NFSFERRY_TRY(auto before, get(row.key()), return);
    Json request = {{"TableName", table_},
                    {"Item", typed_row(row, kTextAttributes)},
                    {"ReturnValues", "ALL_OLD"}};
    NFSFERRY_TRY(Json answer, call("PutItem", table_, request), return);
    const Json* old_item = find_member(answer, "Attributes");
    if (old_item == nullptr) return std::optional<LedgerRow>();
    NFSFERRY_TRY(LedgerRow replaced, read_row(*old_item), return);
    if (client_.repeated() && replaced == row) return before;
    return std::optional(std::move(replaced));
  }

  Result<bool> insert(const LedgerRow& row) override {
    return put_new(table_, typed_row(row, kTextAttributes), key_json(row.key()));
  }

  Result<bool> update_results(const LedgerRow& row) override {
    Json request;
    Update update(request);
    for (const TextAttribute& result : kResultAttributes) {
      const std::string& text = row.*result.member;
      if (text.empty()) {
        update.remove(result.name);
      } else {
        update.set(result.name, text_value(text));
      }
    }
    std::string expression = update.expression();
    std::string condition = update.is_now("efs_sys_id", row.efs_sys_id) + " AND " +
                            update.is_now("efs_uid", row.efs_uid);
    return update_item(row.key(), std::move(request), expression, condition);
  }

  Result<bool> set_replication(const LedgerKey& key, bool replication) override {
    Json request;
    Update update(request);
    update.set("replication", {{"BOOL", replication}});
    return update_item(key, std::move(request), update.expression(), kIsThere);
  }

  Result<std::vector<LedgerRow>> list() override {
    Json request = {{"TableName", table_}, {"ConsistentRead", true}};
    NFSFERRY_TRY(std::vector<Json> items, all_items("Scan", table_, std::move(request)), return);
    std::vector<LedgerRow> rows;
    for (const Json& item : items) {
      NFSFERRY_TRY(LedgerRow row, read_row(item), return);
      rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end(), [](const LedgerRow& one, const LedgerRow& other) {
      return std::tie(one.profile_name, one.domain_name) <
             std::tie(other.profile_name, other.domain_name);
    });
    return rows;
  }

  Result<std::uint64_t> append_history(const LedgerRow& row, std::uint64_t epoctime) override {
    Json item = typed_row(row, kHomeAttributes);
    std::uint64_t time = epoctime;
    for (unsigned clashes = 0; clashes < kClashesMax; ++clashes) {
      item["epoctime"] = number_value(time);
      Json key = {{"profile_name", item["profile_name"]}, {"epoctime", item["epoctime"]}};
      NFSFERRY_TRY(bool added, put_new(history_table_, item, key), return);
      if (added) return time;
      NFSFERRY_TRY(std::uint64_t next, free_time(row.profile_name, time), return);
      time = next;
    }
    Error error = own_error(Own::kTimeout, "PutItem", "others always took the time first");
    error.path = history_table_;
    return error;
  }

  Result<std::vector<HistoryEntry>> history(std::string_view profile_name) override {
    return history_from(profile_name, 0);
  }

 private:
  Result<Json> call(const std::string& operation, const std::string& table, const Json& request) {
    auto answer = client_.call(operation, request);
    if (answer) return answer;
    Error error = std::move(answer).error();
    if (error.domain == Domain::kAws) error.path = table;
    return error;
  }

  // Null if there is none.
  Result<Json> get_item(const std::string& table, const Json& key) {
    Json request = {{"TableName", table}, {"Key", key}, {"ConsistentRead", true}};
    NFSFERRY_TRY(Json answer, call("GetItem", table, request), return);
    const Json* item = find_member(answer, "Item");
    return item == nullptr ? Json() : *item;
  }

  // Whether a call that is bound to a condition was carried out.
  Result<bool> call_if(const std::string& operation, const std::string& table,
                       const Json& request) {
    auto answer = call(operation, table, request);
    if (answer) return true;
    if (answer.error().is(AwsFailure::kConditionFailed)) return false;
    return std::move(answer).error();
  }

  // False if there is an item with that key. An item that a lost attempt of this very call put
  // there is taken for what it is.
  Result<bool> put_new(const std::string& table, const Json& item, const Json& key) {
    Json request = {{"TableName", table},
                    {"Item", item},
                    {"ConditionExpression", "attribute_not_exists(profile_name)"}};
    NFSFERRY_TRY(bool put, call_if("PutItem", table, request), return);
    if (put || !client_.repeated()) return put;
    NFSFERRY_TRY(Json found, get_item(table, key), return);
    return nlohmann::json(found) == nlohmann::json(item);  // in any order
  }

  Result<bool> update_item(const LedgerKey& key, Json request, const std::string& expression,
                           const std::string& condition) {
    request["TableName"] = table_;
    request["Key"] = key_json(key);
    request["UpdateExpression"] = expression;
    request["ConditionExpression"] = condition;
    return call_if("UpdateItem", table_, request);
  }

  Result<std::vector<Json>> all_items(const std::string& operation, const std::string& table,
                                      Json request) {
    std::vector<Json> items;
    for (;;) {
      NFSFERRY_TRY(Json page, call(operation, table, request), return);
      const Json* found = find_member(page, "Items");
      if (found == nullptr || !found->is_array()) {
        return own_error(Own::kBadReply, operation, "the answer has no Items");
      }
      items.insert(items.end(), found->begin(), found->end());
      const Json* last = find_member(page, "LastEvaluatedKey");
      if (last == nullptr || last->is_null()) return items;
      Json& start = request["ExclusiveStartKey"];
      if (start == *last) return own_error(Own::kBadReply, operation, "the same page comes again");
      start = *last;
    }
  }

  Result<std::vector<HistoryEntry>> history_from(std::string_view profile_name,
                                                 std::uint64_t epoctime) {
    Json request = {{"TableName", history_table_},
                    {"ConsistentRead", true},
                    {"KeyConditionExpression", "profile_name = :name AND epoctime >= :time"},
                    {"ExpressionAttributeValues",
                     {{":name", text_value(profile_name)}, {":time", number_value(epoctime)}}}};
    NFSFERRY_TRY(std::vector<Json> items, all_items("Query", history_table_, std::move(request)),
                 return);
    std::vector<HistoryEntry> entries;
    for (const Json& item : items) {
      const Json* time = find_member(item, "epoctime");
      auto text = typed_text(time == nullptr ? Json() : *time, "epoctime");
      auto number = text ? parse_unsigned(*text, kEpoctimeMax) : text.error();
      if (!number) return own_error(Own::kBadReply, "", "epoctime is no time");
      NFSFERRY_TRY(LedgerRow row, read_row(item), return);
      entries.push_back(HistoryEntry{*number, std::move(row)});
    }
    return entries;
  }

  // The first one after `taken`.
  Result<std::uint64_t> free_time(std::string_view profile_name, std::uint64_t taken) {
    NFSFERRY_TRY(auto entries, history_from(profile_name, taken), return);
    for (const HistoryEntry& entry : entries) {
      if (entry.epoctime != taken) break;
      ++taken;
    }
    return taken;
  }

  static Result<LedgerRow> read_row(const Json& item) {
    auto row = parse_typed_row(item, "");
    return row ? row : bad_item(row.error());
  }

  AwsClient client_;
  const std::string table_;
  const std::string history_table_;
};

}  // namespace

Result<std::unique_ptr<Ledger>> open_dynamodb_ledger(std::string_view tables,
                                                     AwsPatience patience) {
  std::size_t comma = tables.find(',');
  std::string table(tables.substr(0, comma));
  std::string history_table =
      comma == std::string_view::npos ? table + "History" : std::string(tables.substr(comma + 1));
  if (!is_table_name(table) || !is_table_name(history_table)) {
    return own_error(Own::kBadInput, "ledger",
                     quote_for_terminal(tables) +
                         " names no tables; write dynamodb:TABLE or dynamodb:TABLE,HISTORY");
  }
  NFSFERRY_TRY(AwsClient client, AwsClient::open(kDynamodb, patience), return);
  return std::unique_ptr<Ledger>(std::make_unique<DynamodbLedger>(
      std::move(client), std::move(table), std::move(history_table)));
}

}  // namespace nfsferry::recover
