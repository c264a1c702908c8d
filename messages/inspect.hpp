// How base and log values travel between CAF nodes: fixed-size bytes raw, buffers as one byte vector.
#pragma once

#include <optional>
#include <string>

#include <caf/deserializer.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/serializer.hpp>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace corestore {

template <std::size_t Size, class Tag>
caf::error inspect(caf::serializer& sink, fixed_bytes<Size, Tag>& value) {
  return sink.apply_raw(Size, value.data.data());
}

template <std::size_t Size, class Tag>
caf::error inspect(caf::deserializer& source, fixed_bytes<Size, Tag>& value) {
  return source.apply_raw(Size, value.data.data());
}

template <std::size_t Size, class Tag>
std::string to_string(const fixed_bytes<Size, Tag>& value) {
  return text::to_hex(value.view());
}

/// A secret never reaches a log line.
inline std::string to_string(const secret_key& /*value*/) {
  return "<secret>";
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, key_pair& value) {
  return inspector(caf::meta::type_name("key_pair"), value.public_part, value.secret_part);
}

inline caf::error inspect(caf::serializer& sink, shared_bytes& value) {
  auto content = to_bytes(value.view());
  return sink(content);
}

inline caf::error inspect(caf::deserializer& source, shared_bytes& value) {
  bytes content;
  if (auto failure = source(content))
    return failure;
  value = shared_bytes{std::move(content)};
  return caf::none;
}

inline std::string to_string(const shared_bytes& value) {
  return "<" + std::to_string(value.size()) + " bytes>";
}

} // namespace corestore
