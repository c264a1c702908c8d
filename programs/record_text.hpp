// Records as users read them: JSON with the field names of the HTTP API, or lines of text.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "messages/types.hpp"

namespace corestore::programs {

/// Fields in the order in which they are written.
using json = nlohmann::ordered_json;

json to_json(const core_record& record);
json to_json(const store_record& record);
json to_json(const peer_record& record);
json to_json(const append_result& committed);

/// One line; bytes that are no UTF-8 (a name may be any bytes) are replaced.
std::string to_line(const json& value);

/// Several lines, each `field  value`, without the last line end.
std::string to_text(const core_record& record);
std::string to_text(const store_record& record);

/// One line.
std::string to_summary(const core_record& record);
std::string to_summary(const peer_record& record);

} // namespace corestore::programs
