#include "config/settings.hpp"

#include <catch2/catch.hpp>

#include "config/settings_file.hpp"

using namespace corestore;
using namespace corestore::config;

namespace {

error refused(const std::string& text) {
  auto parsed = parse_settings(text, "f.conf");
  REQUIRE(parsed.has_value());
  auto checked = validate(*parsed);
  REQUIRE_FALSE(checked.has_value());
  return checked.error();
}

} // namespace

TEST_CASE("the defaults are valid") {
  CHECK(validate(settings{}).has_value());
}

TEST_CASE("a surface that this build lacks is refused by its name") {
  CHECK(refused("[node]\nlisten = unix:/a\n").detail.starts_with("f.conf:2: node.listen"));
  CHECK(refused("[cluster]\nname = a\n").detail.starts_with("f.conf:2: cluster.name"));
  CHECK(refused("[cluster]\npeers = a:1\n").detail.starts_with("f.conf:2: cluster.peers"));
  CHECK(refused("[cluster]\nreplicas = 2\n").detail.starts_with("f.conf:2: cluster.replicas"));
  CHECK(refused("[store]\nquota = 1KiB\n").detail.starts_with("f.conf:2: store.quota"));
  CHECK(refused("[store]\nmap-size-max = 1MiB\nquota = 2MiB\n").detail.starts_with("f.conf:3: store.quota"));
}

TEST_CASE("both generations are offered") {
  CHECK(validate(parse_settings("[store]\ngeneration = 9\n", "f").value()).has_value());
  CHECK(validate(parse_settings("[replication]\nconnect = a:1, b:2@9, c:3@10\n", "f").value()).has_value());
}

TEST_CASE("the limits of idle cores are free to choose") {
  CHECK(validate(parse_settings("[store]\ncache.active = 0\ncache.passive = 7\n", "f").value()).has_value());
}

TEST_CASE("the node surface is offered on loopback") {
  for (const auto* listen : {"127.0.0.1:1", "[::1]:0", "localhost:49739"})
    CHECK(validate(parse_settings("[node]\nlisten = " + std::string{listen}, "f").value()).has_value());
}

TEST_CASE("the node surface is offered off loopback with all of TLS only") {
  auto refusal = refused("[node]\nlisten = 0.0.0.0:1\n");
  CHECK(refusal.code == ec::bad_argument);
  CHECK(refusal.detail.starts_with("f.conf:2: node.listen: '0.0.0.0:1' can be reached from other machines"));
  CHECK(refused("[node]\ntls-certificate = a\n").detail.starts_with("node.tls-key: empty"));
  CHECK(refused("[node]\ntls-key = a\ntls-ca = b\n").detail.starts_with("node.tls-certificate: empty"));
  CHECK(refused("[node]\ntls-certificate = a\ntls-key = b\n").detail.starts_with("node.tls-ca: empty"));
  auto whole = parse_settings("[node]\nlisten = 0.0.0.0:1\ntls-certificate = a\ntls-key = b\ntls-ca = c\n", "f");
  CHECK(validate(whole.value()).has_value());
}

TEST_CASE("naming the defaults of surfaces that are off is fine") {
  auto parsed = parse_settings("[http]\nlisten = off\ntoken = x\n[cluster]\nreplicas = 1\npeers =\n", "f");
  CHECK(validate(parsed.value()).has_value());
}

TEST_CASE("the HTTP surface needs a token off loopback") {
  CHECK(refused("[http]\n\nlisten = 0.0.0.0:1\n") ==
        error{ec::bad_argument, "f.conf:3: http.listen: '0.0.0.0:1' is not a loopback address: give an http.token, "
                                "which writes then need"});
  for (const auto* lines : {"listen = 127.0.0.1:1", "listen = [::1]:0", "listen = unix:/a", "listen = off",
                            "listen = 0.0.0.0:1\ntoken = secret"})
    CHECK(validate(parse_settings("[http]\n" + std::string{lines}, "f").value()).has_value());
}

TEST_CASE("values that contradict each other are refused") {
  CHECK(refused("[replication]\nconnections-max = 4\nconnections-per-address-max = 5\n") ==
        error{ec::bad_argument, "f.conf:3: replication.connections-per-address-max: larger than "
                                "replication.connections-max"});
  CHECK(refused("[replication]\nkeep-alive = 30s\n").detail.ends_with("not shorter than replication.idle-timeout"));
  CHECK(refused("[replication]\nlisten = a:1, a:1\n").detail.ends_with("'a:1' is given twice"));
  auto any_ports = parse_settings("[replication]\nlisten = a:0, a:0\nidle-timeout = 0\nkeep-alive = 1h\n", "f");
  CHECK(validate(any_ports.value()).has_value());
}
