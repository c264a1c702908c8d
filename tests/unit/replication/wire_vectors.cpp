#include "wire_vectors.hpp"

#include <array>
#include <fstream>
#include <stdexcept>

#include "base/text.hpp"
#include "log/manifest.hpp"

namespace corestore::replication::testing {

namespace {

using json = nlohmann::json;
using namespace corestore::replication::wire;

constexpr std::array<const char*, message_types> names{"sync", "request", "cancel",   "data",  "noData",
                                                       "want", "unwant",  "bitfield", "range", "extension"};

json hex(byte_view source) {
  return text::to_hex(source);
}

json node_fields(const std::vector<log::node>& nodes) {
  auto fields = json::array();
  for (const auto& node : nodes)
    fields.push_back({{"index", node.index}, {"size", node.size}, {"hash", hex(node.hash.view())}});
  return fields;
}

std::vector<log::node> nodes_of(const json& fields) {
  std::vector<log::node> nodes;
  for (const auto& node : fields)
    nodes.push_back({node["index"], node["size"], unhex_fixed<hash32>(node["hash"])});
  return nodes;
}

struct field_writer {
  json operator()(const sync& m) const {
    return {{"fork", m.fork},
            {"length", m.length},
            {"remoteLength", m.remote_length},
            {"canUpgrade", m.can_upgrade},
            {"uploading", m.uploading},
            {"downloading", m.downloading},
            {"hasManifest", m.has_manifest},
            {"allowPush", m.allow_push}};
  }
  json operator()(const request& m) const {
    json fields{{"id", m.id},
                {"fork", m.fork},
                {"manifest", m.wanted.manifest},
                {"priority", m.priority},
                {"block", nullptr},
                {"hash", nullptr},
                {"seek", nullptr},
                {"upgrade", nullptr}};
    if (const auto& part = m.wanted.block)
      fields["block"] = {{"index", part->index}, {"nodes", part->nodes}};
    if (const auto& part = m.wanted.hash)
      fields["hash"] = {{"index", part->index}, {"nodes", part->nodes}};
    if (const auto& part = m.wanted.seek)
      fields["seek"] = {{"bytes", part->bytes}, {"padding", part->padding}};
    if (const auto& part = m.wanted.upgrade)
      fields["upgrade"] = {{"start", part->start}, {"length", part->length}};
    return fields;
  }
  json operator()(const cancel& m) const {
    return {{"request", m.id}};
  }
  json operator()(const data& m) const {
    json fields{{"request", m.id}, {"fork", m.content.fork}, {"block", nullptr},   {"hash", nullptr},
                {"seek", nullptr}, {"upgrade", nullptr},     {"manifest", nullptr}};
    if (const auto& part = m.content.block)
      fields["block"] = {
        {"index", part->index}, {"value", hex(part->value.view())}, {"nodes", node_fields(part->nodes)}};
    if (const auto& part = m.content.hash)
      fields["hash"] = {{"index", part->index}, {"nodes", node_fields(part->nodes)}};
    if (const auto& part = m.content.seek)
      fields["seek"] = {{"bytes", part->bytes}, {"nodes", node_fields(part->nodes)}};
    if (const auto& part = m.content.upgrade)
      fields["upgrade"] = {{"start", part->start},
                           {"length", part->length},
                           {"nodes", node_fields(part->nodes)},
                           {"additionalNodes", node_fields(part->additional_nodes)},
                           {"signature", part->signature.empty() ? json(nullptr) : hex(part->signature)}};
    if (const auto& part = m.content.manifest)
      fields["manifest"] = manifest_fields(*part);
    return fields;
  }
  json operator()(const no_data& m) const {
    return {{"request", m.id}, {"reason", static_cast<int>(m.reason)}};
  }
  json operator()(const want& m) const {
    return {{"start", m.start}, {"length", m.length}, {"any", m.any}};
  }
  json operator()(const unwant& m) const {
    return {{"start", m.start}, {"length", m.length}, {"any", m.any}};
  }
  json operator()(const bitfield& m) const {
    return {{"start", m.start}, {"bitfield", m.words}};
  }
  json operator()(const range& m) const {
    return {{"drop", m.drop}, {"start", m.start}, {"length", m.length}};
  }
  json operator()(const extension& m) const {
    return {{"name", m.name}, {"message", hex(m.payload)}};
  }
};

request request_of(const json& f) {
  request m{f["id"], f["fork"], {}, f["priority"]};
  m.wanted.manifest = f["manifest"];
  if (const auto& part = f["block"]; !part.is_null())
    m.wanted.block = log::block_request{part["index"], part["nodes"]};
  if (const auto& part = f["hash"]; !part.is_null())
    m.wanted.hash = log::hash_request{part["index"], part["nodes"]};
  if (const auto& part = f["seek"]; !part.is_null())
    m.wanted.seek = log::seek_request{part["bytes"], part["padding"]};
  if (const auto& part = f["upgrade"]; !part.is_null())
    m.wanted.upgrade = log::upgrade_request{part["start"], part["length"]};
  return m;
}

data data_of(const json& f) {
  data m;
  m.id = f["request"];
  m.content.fork = f["fork"];
  if (const auto& part = f["block"]; !part.is_null())
    m.content.block = log::block_proof{part["index"], unhex(part["value"]), nodes_of(part["nodes"])};
  if (const auto& part = f["hash"]; !part.is_null())
    m.content.hash = log::hash_proof{part["index"], nodes_of(part["nodes"])};
  if (const auto& part = f["seek"]; !part.is_null())
    m.content.seek = log::seek_proof{part["bytes"], nodes_of(part["nodes"])};
  if (const auto& part = f["upgrade"]; !part.is_null())
    m.content.upgrade =
      log::upgrade_proof{part["start"], part["length"], nodes_of(part["nodes"]), nodes_of(part["additionalNodes"]),
                         part["signature"].is_null() ? bytes{} : unhex(part["signature"])};
  if (const auto& part = f["manifest"]; !part.is_null())
    m.content.manifest = manifest_bytes(part);
  return m;
}

sync sync_of(const json& f) {
  return {f["fork"],      f["length"],      f["remoteLength"], f["canUpgrade"],
          f["uploading"], f["downloading"], f["hasManifest"],  f["allowPush"]};
}

} // namespace

const json& wire_vectors() {
  static const json all = [] {
    std::ifstream file{CORESTORE_TEST_DATA "/wire/wire-11.json"};
    return json::parse(file);
  }();
  return all;
}

bytes unhex(const json& text) {
  return text::from_hex(text.get<std::string>()).value();
}

key_pair key_pair_of(const json& recorded) {
  return {unhex_fixed<public_key>(recorded["publicKey"]), unhex_fixed<secret_key>(recorded["secretKey"])};
}

std::uint64_t type_of_name(const std::string& name) {
  for (std::size_t type = 0; type < names.size(); ++type)
    if (name == names.at(type))
      return type;
  throw std::invalid_argument{name};
}

json to_fields(const message& source) {
  return std::visit(field_writer{}, source);
}

message from_fields(const std::string& name, const json& f) {
  switch (type_of_name(name)) {
  case 0:
    return sync_of(f);
  case 1:
    return request_of(f);
  case 2:
    return cancel{f["request"]};
  case 3:
    return data_of(f);
  case 4:
    return no_data{f["request"], static_cast<no_data_reason>(f["reason"].get<int>())};
  case 5:
    return want{f["start"], f["length"], f["any"]};
  case 6:
    return unwant{f["start"], f["length"], f["any"]};
  case 7:
    return bitfield{f["start"], f["bitfield"]};
  case 8:
    return range{f["drop"], f["start"], f["length"]};
  default:
    return extension{f["name"], unhex(f["message"])};
  }
}

json manifest_fields(byte_view encoded) {
  auto m = log::decode_manifest(encoded).value();
  json fields{{"version", m.version}, {"hash", "blake2b"}, {"allowPatch", m.allow_patch}, {"quorum", m.quorum},
              {"prologue", nullptr},  {"linked", nullptr}, {"userData", nullptr},         {"signers", json::array()}};
  for (const auto& signer : m.signers)
    fields["signers"].push_back(
      {{"signature", "ed25519"}, {"namespace", hex(signer.name_space.view())}, {"publicKey", hex(signer.key.view())}});
  if (m.beginning)
    fields["prologue"] = {{"hash", hex(m.beginning->tree_hash.view())}, {"length", m.beginning->length}};
  if (m.linked) {
    fields["linked"] = json::array();
    for (const auto& key : *m.linked)
      fields["linked"].push_back(hex(key.view()));
  }
  if (m.user_data)
    fields["userData"] = hex(*m.user_data);
  return fields;
}

bytes manifest_bytes(const json& f) {
  log::manifest m;
  m.version = f["version"];
  m.allow_patch = f["allowPatch"];
  m.quorum = f["quorum"];
  for (const auto& signer : f["signers"])
    m.signers.push_back({unhex_fixed<namespace_id>(signer["namespace"]), unhex_fixed<public_key>(signer["publicKey"])});
  if (const auto& part = f["prologue"]; !part.is_null())
    m.beginning = log::prologue{unhex_fixed<hash32>(part["hash"]), part["length"]};
  if (const auto& part = f["linked"]; !part.is_null()) {
    m.linked.emplace();
    for (const auto& key : part)
      m.linked->push_back(unhex_fixed<core_key>(key));
  }
  if (const auto& part = f["userData"]; !part.is_null())
    m.user_data = unhex(part);
  return log::encode_manifest(m);
}

} // namespace corestore::replication::testing
