// The store of a server, seen from another CAF node: the same interface, by actors of this process that pass everything
// on. They fail what is under way when the node is lost, dial again for the next request, open the same cores again and
// keep their subscribers.
#pragma once

#include <cstdint>
#include <string>

#include <caf/fwd.hpp>

#include "base/error.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

struct node_address {
  std::string host;
  std::uint16_t port = 0;
  /// With certificates of both sides (`openssl.*` of the actor system's configuration). Anything but this machine
  /// needs it: a stranger on an open CAF port can end the process.
  bool has_tls = false;
};

/// Dials a server's node surface and answers a handle to its store. Blocks for up to 10 s; afterwards connections are
/// made again when they are needed. The actor system must have loaded caf::io::middleman (and caf::openssl::manager
/// with TLS). connection_closed: nobody answers there; unsupported: it does not speak this version's messages.
/// Drop the handle, and those of its cores, before the actor system ends; a subscription ends with the handle of its
/// core.
result<store_actor> connect_node(caf::actor_system& system, const node_address& where);

} // namespace corestore::actors
