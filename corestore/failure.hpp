// What the plain interface throws.
#pragma once

#include <stdexcept>
#include <string>

#include "base/error_code.hpp"

namespace corestore {

/// A request that failed: the cause as a value, and as text the cause with its subject.
class failure : public std::runtime_error {
public:
  failure(ec code, const std::string& text) : std::runtime_error(text), code_(code) {
    // nop
  }

  [[nodiscard]] ec code() const noexcept {
    return code_;
  }

private:
  ec code_;
};

} // namespace corestore
