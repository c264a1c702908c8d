#include "config/settings.hpp"

#include <set>
#include <string_view>

#include "base/text.hpp"

namespace corestore::config {

namespace {

std::string subject(const settings& what, const std::string& key) {
  auto origin = what.origins.find(key);
  return origin == what.origins.end() ? key + ": " : origin->second + ": " + key + ": ";
}

auto not_offered(const settings& what, const std::string& key, std::string_view feature) {
  return fail(ec::unsupported, subject(what, key) + std::string{feature} + " is not offered by this build");
}

/// Room for the file's own pages and a first block; less would refuse everything.
constexpr std::uint64_t quota_bytes_min = std::uint64_t{1} << 20U;

result<void> check_store(const settings& what) {
  const auto& store = what.store;
  if (store.quota_bytes != 0 && store.quota_bytes < quota_bytes_min)
    return fail(ec::bad_argument, subject(what, "store.quota") + "less than 1MiB; 0 is no quota");
  if (store.quota_bytes > store.map_bytes_max)
    return fail(ec::bad_argument, subject(what, "store.quota") + "larger than store.map-size-max");
  return {};
}

/// Surfaces that are named in the file and that this build does not have.
result<void> check_offered(const settings& what) {
  if (what.node.listen.kind == address_kind::local)
    return not_offered(what, "node.listen", "the node surface on a Unix socket");
  if (!what.cluster.name.empty())
    return not_offered(what, "cluster.name", "a cluster");
  if (!what.cluster.peers.empty())
    return not_offered(what, "cluster.peers", "a cluster");
  if (what.cluster.replicas != defaults::replicas)
    return not_offered(what, "cluster.replicas", "a cluster");
  return {};
}

result<void> check_node(const settings& what) {
  const auto& node = what.node;
  auto is_any = !node.tls_certificate.empty() || !node.tls_key.empty() || !node.tls_ca.empty();
  if (is_any && !node.has_tls()) {
    const auto* missing = node.tls_certificate.empty() ? "node.tls-certificate"
                          : node.tls_key.empty()       ? "node.tls-key"
                                                       : "node.tls-ca";
    return fail(ec::bad_argument, std::string{missing} + ": empty; TLS needs a certificate, its key and an authority");
  }
  // CAF's node protocol trusts whoever can connect: a stranger could crash the process.
  if (!node.has_tls() && !is_loopback(node.listen))
    return fail(ec::bad_argument, subject(what, "node.listen") + "'" + to_string(node.listen) +
                                    "' can be reached from other machines; that needs TLS: node.tls-certificate, "
                                    "node.tls-key and node.tls-ca");
  return {};
}

result<void> check_replication(const settings& what) {
  const auto& replication = what.replication;
  if (replication.per_address.connections_max > replication.connections_max)
    return fail(ec::bad_argument,
                subject(what, "replication.connections-per-address-max") + "larger than replication.connections-max");
  if (replication.idle_timeout.count() != 0 && replication.keep_alive >= replication.idle_timeout)
    return fail(ec::bad_argument,
                subject(what, "replication.keep-alive") + "not shorter than replication.idle-timeout");
  std::set<core_key> mirrored;
  for (const auto& entry : replication.mirror)
    if (!mirrored.insert(entry.key).second)
      return fail(ec::bad_argument,
                  subject(what, "replication.mirror") + "'" + text::to_hex(entry.key.view()) + "' is given twice");
  for (auto first = replication.listen.begin(); first != replication.listen.end(); ++first)
    for (auto second = first + 1; second != replication.listen.end(); ++second)
      if (*first == *second && first->port != 0)
        return fail(ec::bad_argument,
                    subject(what, "replication.listen") + "'" + to_string(*first) + "' is given twice");
  return {};
}

result<void> check_http(const settings& what) {
  if (!is_loopback(what.http.listen) && what.http.token.empty())
    return fail(ec::bad_argument, subject(what, "http.listen") + "'" + to_string(what.http.listen) +
                                    "' is not a loopback address: give an http.token, which writes then need");
  return {};
}

} // namespace

result<void> validate(const settings& what) {
  return check_offered(what)
    .and_then([&] { return check_store(what); })
    .and_then([&] { return check_node(what); })
    .and_then([&] { return check_replication(what); })
    .and_then([&] { return check_http(what); });
}

} // namespace corestore::config
