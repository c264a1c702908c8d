// The vectors of data-11.json, and the two message bodies that they contain.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/compact.hpp"
#include "base/text.hpp"
#include "log/manifest.hpp"
#include "log/node_codec.hpp"
#include "log/proof.hpp"
#include "tests/unit/log/data_codec.hpp"
#include "tests/unit/log/memory_log.hpp"

namespace corestore::golden {

using test::decode_data;
using test::encode_data;
using json = nlohmann::json;

inline const json& vectors() {
  static const json all = json::parse(std::ifstream{CORESTORE_TEST_DATA "/data/data-11.json"});
  return all;
}

inline bytes hex(const json& value) {
  return text::from_hex(value.get<std::string>()).value();
}

template <class Fixed>
Fixed fixed(const json& value) {
  return Fixed::from(hex(value)).value();
}

/// Numbers above 2^53 - 1 are written as strings.
inline std::uint64_t number(const json& value) {
  return value.is_string() ? std::stoull(value.get<std::string>()) : value.get<std::uint64_t>();
}

inline log::node node(const json& value) {
  return {number(value[0]), number(value[1]), fixed<hash32>(value[2])};
}

inline std::vector<log::node> nodes(const json& value) {
  std::vector<log::node> result;
  for (const auto& one : value)
    result.push_back(node(one));
  return result;
}

inline std::vector<shared_bytes> blocks(const json& value) {
  std::vector<shared_bytes> result;
  for (const auto& one : value)
    result.emplace_back(hex(one));
  return result;
}

inline key_pair keys(const json& secret) {
  key_pair pair;
  pair.secret_part = fixed<secret_key>(secret);
  std::copy(pair.secret_part.data.begin() + 32, pair.secret_part.data.end(), pair.public_part.data.begin());
  return pair;
}

inline log::manifest manifest(const json& value) {
  log::manifest result;
  result.version = value["version"].get<std::uint8_t>();
  result.allow_patch = value["allowPatch"].get<bool>();
  result.quorum = number(value["quorum"]);
  for (const auto& one : value["signers"])
    result.signers.push_back({fixed<namespace_id>(one["namespace"]), fixed<public_key>(one["publicKey"])});
  if (!value["prologue"].is_null())
    result.beginning = log::prologue{fixed<hash32>(value["prologue"]["hash"]), number(value["prologue"]["length"])};
  if (!value["linked"].is_null()) {
    auto& linked = result.linked.emplace();
    for (const auto& one : value["linked"])
      linked.push_back(fixed<core_key>(one));
  }
  if (!value["userData"].is_null())
    result.user_data = hex(value["userData"]);
  return result;
}

inline log::proof_request request(const json& value) {
  log::proof_request result;
  if (value.contains("block"))
    result.block = log::block_request{number(value["block"]["index"]), number(value["block"]["nodes"])};
  if (value.contains("hash"))
    result.hash = log::hash_request{number(value["hash"]["index"]), number(value["hash"]["nodes"])};
  if (value.contains("seek"))
    result.seek = log::seek_request{number(value["seek"]["bytes"]),
                                    value["seek"].contains("padding") ? number(value["seek"]["padding"]) : 0};
  if (value.contains("upgrade"))
    result.upgrade = log::upgrade_request{number(value["upgrade"]["start"]), number(value["upgrade"]["length"])};
  result.manifest = value.value("manifest", false);
  return result;
}

inline log::proof proof(const json& wire) {
  return decode_data(hex(wire)).value().content;
}

/// A log whose content is given together with its signature.
inline test::memory_core source_core(const json& value, bytes signature) {
  return test::memory_core::with_blocks(fixed<core_key>(value["key"]), hex(value["manifest"]),
                                        value.contains("fork") ? number(value["fork"]) : 0, blocks(value["blocks"]),
                                        std::move(signature));
}

/// What the reference reports as `error`, in our terms. A bare `Error` is a decoding error.
inline ec error_code(const std::string& name) {
  if (name == "INVALID_OPERATION")
    return ec::invalid_operation;
  if (name == "INVALID_SIGNATURE" || name == "Error")
    return ec::invalid_signature;
  if (name == "INVALID_CHECKSUM")
    return ec::invalid_checksum;
  CORESTORE_CHECK(name == "INVALID_PROOF");
  return ec::invalid_proof;
}

} // namespace corestore::golden
