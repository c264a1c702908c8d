// The vectors of legacy-9.json.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "log/node.hpp"

namespace corestore::golden::legacy {

using json = nlohmann::json;

inline const json& vectors() {
  static const json all = json::parse(std::ifstream{CORESTORE_TEST_DATA "/legacy/legacy-9.json"});
  return all;
}

inline bytes hex(const json& value) {
  return text::from_hex(value.get<std::string>()).value();
}

template <class Fixed>
Fixed fixed(const json& value) {
  return Fixed::from(hex(value)).value();
}

inline log::node node(const json& value) {
  return {value["index"], value["size"], fixed<hash32>(value["hash"])};
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

} // namespace corestore::golden::legacy
