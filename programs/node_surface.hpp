// The actor-to-actor surface of a server, from both sides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <caf/actor_system.hpp>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "config/system_config.hpp"
#include "messages/interfaces.hpp"

namespace corestore::programs {

/// Where a node listens unless it is told otherwise.
inline constexpr std::string_view node_address_default = "127.0.0.1:49739";

/// What an actor system needs for this surface; before the system starts. bad_argument when a TLS file is wrong.
result<void> load_node_modules(config::system_config& config, const config::node_settings& node);

/// Publishes a store at `node.listen`; answers the port. storage_failed with the system's reason.
result<std::uint16_t> publish(caf::actor_system& system, const store_actor& store, const config::node_settings& node);
void withdraw(caf::actor_system& system, std::uint16_t port, bool has_tls);

/// The server that a command line means.
struct node_target {
  config::node_settings node; ///< address to dial, and the certificates to show
};

/// `given`, or else the address in the configuration file, or else the default. The file is the one that
/// CORESTORE_CONFIG names, config/corestored.conf, or /etc/corestore/corestored.conf; an address of another machine
/// takes its certificates from there. bad_argument.
result<node_target> find_node(const std::string& given);

/// connection_closed when nobody answers there or it is no store.
result<store_actor> connect_to_store(caf::actor_system& system, const config::node_settings& node);

} // namespace corestore::programs
