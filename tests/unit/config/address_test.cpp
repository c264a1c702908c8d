#include "config/address.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace corestore;
using namespace corestore::config;

namespace {

address tcp(std::string host, std::uint16_t port, std::uint8_t generation = 0) {
  return {address_kind::tcp, std::move(host), port, {}, generation};
}

std::string reason(std::string_view text) {
  auto parsed = parse_listen_address(text);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ec::bad_argument);
  CHECK(parsed.error().detail.find(std::string{text}) != std::string::npos);
  return parsed.error().detail;
}

} // namespace

TEST_CASE("reads every form of a listen address") {
  CHECK(parse_listen_address("127.0.0.1:49737").value() == tcp("127.0.0.1", 49737));
  CHECK(parse_listen_address("localhost:0").value() == tcp("localhost", 0));
  CHECK(parse_listen_address("my-host.example:65535").value() == tcp("my-host.example", 65535));
  CHECK(parse_listen_address("[::1]:80").value() == tcp("::1", 80));
  CHECK(parse_listen_address("[fe80::1%eth0]:80").value() == tcp("fe80::1%eth0", 80));
  CHECK(parse_listen_address("off").value() == address{});
  auto local = parse_listen_address("unix:/run/corestore.sock").value();
  CHECK(local.kind == address_kind::local);
  CHECK(local.path == "/run/corestore.sock");
}

TEST_CASE("refuses what is not an address and says why") {
  CHECK(reason("").find("expected host:port") != std::string::npos);
  CHECK(reason("localhost").find("expected host:port") != std::string::npos);
  CHECK(reason("localhost:").find("port number") != std::string::npos);
  CHECK(reason("localhost:http").find("port number") != std::string::npos);
  CHECK(reason("localhost:80x").find("port number") != std::string::npos);
  CHECK(reason("localhost:-1").find("port number") != std::string::npos);
  CHECK(reason("localhost:65536").find("between 0 and 65535") != std::string::npos);
  CHECK(reason("localhost:99999999999999").find("between 0 and 65535") != std::string::npos);
  CHECK(reason(":80").find("host is missing") != std::string::npos);
  CHECK(reason("::1:80").find("[address]:port") != std::string::npos);
  CHECK(reason("[::1]").find("[address]:port") != std::string::npos);
  CHECK(reason("[host]:80").find("IPv6") != std::string::npos);
  CHECK(reason("a b:80").find("character") != std::string::npos);
  CHECK(reason("http://host:80").find("IPv6") != std::string::npos);
  CHECK(reason("unix:").find("path") != std::string::npos);
  CHECK(reason("unix:/" + std::string(107, 'a')).find("107") != std::string::npos);
  CHECK(reason("host:80@9").find("port number") != std::string::npos);
}

TEST_CASE("a dialled address may name its generation") {
  CHECK(parse_dial_address("h:1").value() == tcp("h", 1));
  CHECK(parse_dial_address("h:1@9").value() == tcp("h", 1, 9));
  CHECK(parse_dial_address("[::1]:1@10").value() == tcp("::1", 1, 10));
  CHECK(parse_dial_address("unix:/a@9").value().path == "/a");
  CHECK_FALSE(parse_dial_address("h:1@11").has_value());
  CHECK_FALSE(parse_dial_address("h:1@").has_value());
}

TEST_CASE("nothing is dialled at off or at port 0") {
  CHECK_FALSE(parse_dial_address("off").has_value());
  CHECK_FALSE(parse_dial_address("off@9").has_value());
  CHECK_FALSE(parse_dial_address("h:0").has_value());
}

TEST_CASE("an address prints as it was written") {
  for (const auto* text : {"off", "127.0.0.1:0", "[::1]:49737", "unix:./a b", "host:1"})
    CHECK(to_string(parse_listen_address(text).value()) == text);
  for (const auto* text : {"host:1@9", "unix:/x@10"})
    CHECK(to_string(parse_dial_address(text).value()) == text);
}

TEST_CASE("only this machine is loopback") {
  for (const auto* text : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/a", "off"})
    CHECK(is_loopback(parse_listen_address(text).value()));
  for (const auto* text : {"0.0.0.0:1", "[::]:1", "example.org:1", "127.0.0.1.example.org:1", "192.168.0.1:1"})
    CHECK_FALSE(is_loopback(parse_listen_address(text).value()));
}

TEST_CASE("any text is an address that prints as itself or an error") {
  rc::prop("never throws", [](const std::string& text) {
    if (auto parsed = parse_dial_address(text))
      RC_ASSERT(parse_dial_address(to_string(*parsed)).value() == *parsed);
  });
}
