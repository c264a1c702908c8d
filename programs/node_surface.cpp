#include "programs/node_surface.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/all.hpp>

#include "config/settings_file.hpp"
#include "config/tls.hpp"
#include "programs/process_environment.hpp"

namespace corestore::programs {

namespace {

/// The configuration of the server on this machine, if there is one.
result<std::optional<config::settings>> local_settings() {
  std::string path;
  if (const auto* named = std::getenv("CORESTORE_CONFIG")) {
    path = named;
  } else {
    for (const auto* usual : {"config/corestored.conf", "/etc/corestore/corestored.conf"}) {
      std::error_code unknown;
      if (path.empty() && std::filesystem::exists(usual, unknown))
        path = usual;
    }
  }
  if (path.empty())
    return std::optional<config::settings>{};
  return config::load_settings(path, process_environment).map([](config::settings loaded) {
    return std::optional{std::move(loaded)};
  });
}

} // namespace

result<void> load_node_modules(config::system_config& config, const config::node_settings& node) {
  if (node.listen.kind == config::address_kind::off)
    return {};
  config.load<caf::io::middleman>();
  if (!node.has_tls())
    return {};
  config::tls_files files{node.tls_certificate, node.tls_key, node.tls_ca};
  if (auto checked = config::check_tls_files(files); !checked)
    return fail(checked.error());
  config.load<caf::openssl::manager>();
  config.use_tls(files);
  return {};
}

result<std::uint16_t> publish(caf::actor_system& system, const store_actor& store, const config::node_settings& node) {
  const auto& where = node.listen;
  constexpr auto may_reuse = true; // connections that a crash has cut off keep the address for a minute
  auto port = node.has_tls() ? caf::openssl::publish(store, where.port, where.host.c_str(), may_reuse)
                             : system.middleman().publish(store, where.port, where.host.c_str(), may_reuse);
  if (!port) {
    auto is_taken = port.error() == caf::sec::cannot_open_port;
    return fail(ec::storage_failed,
                "cannot listen on " + config::to_string(where) + " (node surface): " +
                  (is_taken ? "the address is in use, or not one of this machine" : system.render(port.error())));
  }
  return *port;
}

void withdraw(caf::actor_system& system, std::uint16_t port, bool has_tls) {
  if (has_tls)
    caf::anon_send(system.openssl_manager().actor_handle(), caf::close_atom::value, port);
  else
    system.middleman().close(port);
}

result<node_target> find_node(const std::string& given) {
  auto local = local_settings();
  if (!local)
    return fail(local.error());
  node_target target;
  if (*local)
    target.node = (*local)->node;
  auto is_named = target.node.listen.kind == config::address_kind::tcp && target.node.listen.port != 0;
  if (!given.empty() || !is_named) {
    auto text = given.empty() ? std::string{node_address_default} : given;
    auto where = config::parse_listen_address(text);
    if (!where)
      return fail(where.error());
    if (where->kind != config::address_kind::tcp || where->port == 0)
      return fail(ec::bad_argument, "--node " + text + ": host:port of a running corestored is expected");
    // A server on this machine is taken to be without TLS unless it is the one of the file.
    if (config::is_loopback(*where) && *where != target.node.listen)
      target.node = {};
    target.node.listen = *where;
  }
  if (!config::is_loopback(target.node.listen) && !target.node.has_tls())
    return fail(ec::bad_argument, "--node " + config::to_string(target.node.listen) +
                                    ": a node on another machine needs TLS: name node.tls-certificate, node.tls-key "
                                    "and node.tls-ca in the configuration file");
  return target;
}

result<store_actor> connect_to_store(caf::actor_system& system, const config::node_settings& node) {
  const auto& where = node.listen;
  auto store = node.has_tls() ? caf::openssl::remote_actor<store_actor>(system, where.host, where.port)
                              : system.middleman().remote_actor<store_actor>(where.host, where.port);
  if (!store) {
    auto is_nobody_there = store.error() == caf::sec::cannot_connect_to_node;
    return fail(ec::connection_closed, "no server answers at " + config::to_string(where) +
                                         (is_nobody_there ? "" : " (" + system.render(store.error()) + ")"));
  }
  return std::move(*store);
}

} // namespace corestore::programs
