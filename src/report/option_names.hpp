// What the values of flags are called, on the command line and in the report.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nfsferry/options.hpp"

namespace nfsferry {

template <typename T>
struct NamedValue {
  std::string_view name;
  T value;
};

template <typename T, std::size_t N>
using NamedValues = std::array<NamedValue<T>, N>;

inline constexpr NamedValues<OwnerErrors, 2> kOwnerErrorsNames{
    {{"fail", OwnerErrors::kFail}, {"warn", OwnerErrors::kWarn}}};
inline constexpr NamedValues<SuidMode, 2> kSuidNames{
    {{"keep", SuidMode::kKeep}, {"drop", SuidMode::kDrop}}};
inline constexpr NamedValues<CompareMode, 3> kCompareNames{{{"changed", CompareMode::kChanged},
                                                            {"all", CompareMode::kAll},
                                                            {"checksum", CompareMode::kChecksum}}};
inline constexpr NamedValues<OverwriteMode, 3> kOverwriteNames{{{"always", OverwriteMode::kAlways},
                                                                {"never", OverwriteMode::kNever},
                                                                {"older", OverwriteMode::kOlder}}};
inline constexpr NamedValues<VerifyMode, 3> kVerifyNames{{{"none", VerifyMode::kNone},
                                                          {"transferred", VerifyMode::kTransferred},
                                                          {"all", VerifyMode::kAll}}};
inline constexpr NamedValues<ChecksumMode, 2> kChecksumNames{
    {{"xxh3-128", ChecksumMode::kXxh3}, {"none", ChecksumMode::kNone}}};
inline constexpr NamedValues<EngineMode, 3> kEngineNames{{{"auto", EngineMode::kAuto},
                                                          {"io_uring", EngineMode::kIoUring},
                                                          {"epoll", EngineMode::kEpoll}}};

// Empty for a value that has no name.
template <typename T, std::size_t N>
constexpr std::string_view name_of(const NamedValues<T, N>& names, T value) {
  for (const NamedValue<T>& named : names) {
    if (named.value == value) return named.name;
  }
  return {};
}

}  // namespace nfsferry
