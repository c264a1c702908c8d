// From an address of the configuration to one of the engine.
#pragma once

#include "actors/engine.hpp"
#include "config/address.hpp"

namespace corestore::programs {

/// `what` is not `off`.
inline actors::endpoint endpoint_of(const config::address& what) {
  if (what.kind == config::address_kind::local)
    return {true, what.path, 0};
  return {false, what.host, what.port};
}

/// An address to dial. bad_argument for a malformed one, unsupported for generation 9.
inline result<actors::endpoint> dial_endpoint(const std::string& text) {
  auto where = config::parse_dial_address(text);
  if (!where)
    return fail(where.error());
  if (where->generation == 9)
    return fail(ec::unsupported, text + ": generation 9 is not offered by this build");
  return endpoint_of(*where);
}

} // namespace corestore::programs
