// Our error values as CAF errors: category `corestore`, the detail as context.
#pragma once

#include <string>

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/message.hpp>

#include "base/error.hpp"

namespace corestore {

inline constexpr auto error_category = caf::atom("corestore");

/// For the result of a handler or a promise.
inline caf::error to_caf(const error& what) {
  return {static_cast<std::uint8_t>(what.code), error_category, caf::make_message(what.detail)};
}

inline caf::error make_error(ec code, std::string detail = {}) {
  return to_caf(error{code, std::move(detail)});
}

/// The other way round. CAF's own errors (a dead actor, a timeout) become the nearest cause of ours.
error from_caf(const caf::error& what);

} // namespace corestore
