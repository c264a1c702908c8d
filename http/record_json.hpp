// Records as JSON: the field names of the HTTP API, which the command line prints too.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "base/guard_totals.hpp"
#include "messages/core_types.hpp"
#include "messages/store_types.hpp"
#include "messages/types.hpp"

namespace corestore::http {

/// Fields in the order in which they are written.
using json = nlohmann::ordered_json;

json to_json(const core_record& record);
json to_json(const store_record& record);
json to_json(const peer_record& record);
json to_json(const ban_record& record);
json to_json(const guard_totals& guards);
json to_json(const core_peer_record& record);
json to_json(const core_switches& switches);
json to_json(const group_update& update);
json to_json(const append_result& committed);
json to_json(const extension_event& event);

/// One line; bytes that are no UTF-8 (a name may be any bytes) are replaced.
std::string to_line(const json& value);

} // namespace corestore::http
