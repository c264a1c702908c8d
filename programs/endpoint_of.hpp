// From an address of the configuration to one of the engine.
#pragma once

#include "actors/engine.hpp"
#include "config/address.hpp"

namespace corestore::programs {

/// `what` is not `off`.
inline actors::endpoint endpoint_of(const config::address& what) {
  if (what.kind == config::address_kind::local)
    return {true, what.path, 0, what.generation};
  return {false, what.host, what.port, what.generation};
}

/// An address to dial, with the generation that its suffix names. bad_argument for a malformed one.
inline result<actors::endpoint> dial_endpoint(const std::string& text) {
  auto where = config::parse_dial_address(text);
  if (!where)
    return fail(where.error());
  return endpoint_of(*where);
}

} // namespace corestore::programs
