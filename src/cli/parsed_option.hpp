#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace nfsferry::cli {

// A flag with a value that `parse` (text -> Result<Value>) reads and `use` (Value) takes.
template <typename Parse, typename Use>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& values,
                        const std::string& help, Parse parse, Use use) {
  auto check = [parse, use](const std::string& text) -> std::string {
    auto value = parse(text);
    if (!value) return value.error().detail;
    use(*std::move(value));
    return {};
  };
  return app.add_option_function<std::string>(
                name, [](const std::string&) {}, help)
      ->type_name(values)
      ->check(check);
}

}  // namespace nfsferry::cli
