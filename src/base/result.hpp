// base: values without I/O. Errors are values: what can fail because of the world returns a
// Result. Nothing here throws; wrong use (reading the value of an error) aborts, in release too.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/error.hpp"

namespace nfsferry {

// Aborts with a message on a programmer error, in every build type.
inline void check(bool condition, const char* what) {
  if (condition) [[likely]]
    return;
  std::fprintf(stderr, "nfsferry: internal error: %s\n", what);
  std::abort();
}

// Either a T or an Error; the part of std::expected's interface that we use (g++ 12 lacks it).
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // A good one with a T of its own making, to be filled in place.
  explicit Result(std::in_place_t) : state_(std::in_place_index<0>) {}
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return *get(); }
  const T& value() const& { return *const_cast<Result*>(this)->get(); }
  T&& value() && { return std::move(*get()); }
  T& operator*() & { return *get(); }
  const T& operator*() const& { return *const_cast<Result*>(this)->get(); }
  T&& operator*() && { return std::move(*get()); }
  T* operator->() { return get(); }
  const T* operator->() const { return const_cast<Result*>(this)->get(); }

  Error& error() & { return *get_error(); }
  const Error& error() const& { return *const_cast<Result*>(this)->get_error(); }
  Error&& error() && { return std::move(*get_error()); }

 private:
  T* get() {
    check(has_value(), "value of a failed result");
    return std::get_if<0>(&state_);
  }
  Error* get_error() {
    check(!has_value(), "error of a good result");
    return std::get_if<1>(&state_);
  }

  std::variant<T, Error> state_;
};

// Success without a value.
struct Ok {};
using Status = Result<Ok>;
inline Status ok() { return Status(Ok{}); }

}  // namespace nfsferry

// Unwraps a Result: NFSFERRY_TRY(auto value, expression, return) or, in a coroutine, with
// co_return.
#define NFSFERRY_JOIN_(a, b) a##b
#define NFSFERRY_JOIN(a, b) NFSFERRY_JOIN_(a, b)
#define NFSFERRY_TRY(declaration, expression, leave)        \
  auto NFSFERRY_JOIN(try_, __LINE__) = (expression);        \
  if (!NFSFERRY_JOIN(try_, __LINE__)) [[unlikely]]          \
    leave std::move(NFSFERRY_JOIN(try_, __LINE__)).error(); \
  [[maybe_unused]] declaration = *std::move(NFSFERRY_JOIN(try_, __LINE__))
