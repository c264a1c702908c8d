#include "http/record_json.hpp"

#include "base/text.hpp"

namespace corestore::http {

json to_json(const core_record& record) {
  json value{{"key", text::to_hex(record.key.view())},
             {"discoveryKey", text::to_hex(record.discovery.view())},
             {"generation", record.generation},
             {"length", record.length},
             {"byteLength", record.byte_length},
             {"fork", record.fork},
             {"contiguousLength", record.contiguous_length},
             {"writable", record.writable},
             {"active", record.active},
             {"peers", record.peers},
             {"treeHash", text::to_hex(record.tree_hash.view())},
             {"mirrored", record.mirrored}};
  if (!record.name.empty())
    value["name"] = record.name;
  if (!record.manifest.empty())
    value["manifest"] = text::to_hex(record.manifest);
  return value;
}

json to_json(const store_record& record) {
  return {{"cores", record.cores_known},    {"coresLoaded", record.cores_loaded}, {"sessions", record.sessions},
          {"usedBytes", record.used_bytes}, {"limitBytes", record.limit_bytes},   {"commits", record.commits},
          {"refusals", record.refusals},    {"durability", record.durability},    {"version", record.version}};
}

json to_json(const peer_record& record) {
  return {{"id", record.id},
          {"address", record.address},
          {"state", record.state},
          {"publicKey", record.public_key.empty() ? json(nullptr) : json(record.public_key)},
          {"initiator", record.is_initiator},
          {"channels", record.channels},
          {"bytesIn", record.bytes_in},
          {"bytesOut", record.bytes_out}};
}

json to_json(const append_result& committed) {
  return {{"length", committed.length}, {"byteLength", committed.byte_length}};
}

std::string to_line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace corestore::http
