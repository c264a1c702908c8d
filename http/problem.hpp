// How a request ends that cannot be answered: a status and the error that the body names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace corestore::http {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// The status that each cause of ours has in HTTP; the one table.
int status_of(ec code);

/// `Not Found`
std::string_view reason_of(int status);

struct problem {
  error what;
  int status = 0; ///< 0: that of the cause
  header_list headers;

  problem(error cause) : what(std::move(cause)) { // NOLINT(google-explicit-constructor): every error is a problem
    // nop
  }
  problem(int code, ec cause, std::string detail, header_list more = {})
      : what{cause, std::move(detail)}, status(code), headers(std::move(more)) {
    // nop
  }

  [[nodiscard]] int code() const {
    return status != 0 ? status : status_of(what.code);
  }
};

/// How a handler ends.
using outcome = tl::expected<void, problem>;

inline tl::unexpected<problem> refuse(problem why) {
  return tl::unexpected<problem>(std::move(why));
}

/// `{"error":{"code":"not_found","message":"..."}}`
std::string error_body(const error& what);

} // namespace corestore::http
