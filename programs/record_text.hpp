// Records as users read them: JSON with the field names of the HTTP API, or lines of text.
#pragma once

#include <string>

#include "http/record_json.hpp"
#include "messages/types.hpp"

namespace corestore::programs {

using http::json;
using http::to_json;
using http::to_line;

/// Several lines, each `field  value`, without the last line end.
std::string to_text(const core_record& record);
std::string to_text(const store_record& record);

/// One line.
std::string to_summary(const core_record& record);
std::string to_summary(const peer_record& record);

} // namespace corestore::programs
