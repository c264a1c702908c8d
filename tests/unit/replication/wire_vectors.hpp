// The recorded conversations, and the recorded form of messages.
#pragma once

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "replication/wire/codec.hpp"

namespace corestore::replication::testing {

/// The whole file, read once.
const nlohmann::json& wire_vectors();

bytes unhex(const nlohmann::json& text);

template <class Fixed>
Fixed unhex_fixed(const nlohmann::json& text) {
  return Fixed::from(unhex(text)).value();
}

key_pair key_pair_of(const nlohmann::json& recorded);

/// Message type of a recorded name ("noData").
std::uint64_t type_of_name(const std::string& name);

/// The message as the recording writes it, and back.
nlohmann::json to_fields(const wire::message& source);
wire::message from_fields(const std::string& name, const nlohmann::json& fields);

nlohmann::json manifest_fields(byte_view encoded);
bytes manifest_bytes(const nlohmann::json& fields);

} // namespace corestore::replication::testing
