#include "schema_check.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace nfsferry::test {

std::string schema_complaint(const std::string& schema_name, const std::string& text) {
  using Adapter = valijson::adapters::NlohmannJsonAdapter;
  std::ifstream file(std::string(NFSFERRY_DOCS_DIRECTORY) + "/" + schema_name);
  nlohmann::json schema_json = nlohmann::json::parse(file, nullptr, false);
  if (schema_json.is_discarded()) return "the schema is not JSON";
  nlohmann::json report = nlohmann::json::parse(text, nullptr, false);
  if (report.is_discarded()) return "the report is not JSON";

  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(Adapter(schema_json), schema);
  valijson::ValidationResults results;
  if (valijson::Validator().validate(schema, Adapter(report), &results)) return "";
  std::string out;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& part : error.context) out += part;
    out += ": " + error.description + "\n";
  }
  return out;
}

}  // namespace nfsferry::test
