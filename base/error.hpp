// Every error of the engine: a code that names the cause and a sentence about its subject.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/error_code.hpp"

namespace corestore {

struct error {
  ec code = ec::none;
  std::string detail; ///< what it was about: the file, key, index or peer

  friend bool operator==(const error&, const error&) = default;
};

/// `storage_full: no space left on device (./data)`
std::string to_string(const error& what);

template <class T>
using result = tl::expected<T, error>;

inline tl::unexpected<error> fail(ec code, std::string detail = {}) {
  return tl::unexpected<error>(error{code, std::move(detail)});
}

inline tl::unexpected<error> fail(error what) {
  return tl::unexpected<error>(std::move(what));
}

} // namespace corestore
