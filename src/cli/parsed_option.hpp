#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/flags.hpp"
#include "report/option_names.hpp"

namespace nfsferry::cli {

// What CLI11 calls with each value: `parse` (text -> Result<Value>) reads it, `use` takes it.
template <typename Parse, typename Use>
std::function<std::string(const std::string&)> taking(Parse parse, Use use) {
  return [parse, use](const std::string& text) -> std::string {
    auto value = parse(text);
    if (!value) return value.error().detail;
    use(*std::move(value));
    return {};
  };
}

// A flag with a value.
template <typename Parse, typename Use>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& values,
                        const std::string& help, Parse parse, Use use) {
  return app.add_option_function<std::string>(
                name, [](const std::string&) {}, help)
      ->type_name(values)
      ->check(taking(parse, use));
}

// A flag with a value that may be given again and again.
template <typename Parse, typename Use>
CLI::Option* add_repeated(CLI::App& app, const std::string& name, const std::string& values,
                          const std::string& help, Parse parse, Use use) {
  return app
      .add_option_function<std::vector<std::string>>(
          name, [](const std::vector<std::string>&) {}, help)
      ->allow_extra_args(false)  // what follows the value may be an operand
      ->type_name(values)
      ->check(taking(parse, use));
}

// A flag with one of the named values.
template <typename T, std::size_t N>
CLI::Option* add_named(CLI::App& app, const std::string& name, const std::string& help,
                       const NamedValues<T, N>& names, T& into) {
  std::string values;
  for (const NamedValue<T>& named : names) {
    values += values.empty() ? "" : "|";
    values += named.name;
  }
  return add_parsed(
      app, name, values, help, [&names](std::string_view text) { return parse_named(text, names); },
      [&into](T value) { into = value; });
}

// A flag with a number from 1 to `most`; `things` says of what.
template <typename T>
CLI::Option* add_count(CLI::App& app, const std::string& name, const std::string& help,
                       std::uint32_t most, std::string_view things, T& into) {
  return add_parsed(
      app, name, "N", help,
      [most, things](std::string_view text) { return parse_count(text, most, things); },
      [&into](std::uint32_t value) { into = value; });
}

inline CLI::Option* add_switch(CLI::App& app, const std::string& name, const std::string& help,
                               bool& into) {
  return app.add_flag(name, into, help)->disable_flag_override();
}

}  // namespace nfsferry::cli
