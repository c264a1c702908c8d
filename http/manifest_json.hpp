// Manifests as JavaScript callers write them: an object with its keys in hex, or the encoded bytes in base64.
#pragma once

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::http {

/// The encoded manifest. bad_argument says what is wrong with the value.
result<bytes> read_manifest(const nlohmann::json& value);

} // namespace corestore::http
