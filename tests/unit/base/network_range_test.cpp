#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/network_range.hpp"

using namespace corestore;

namespace {

ip_address address(std::string_view text) {
  auto parsed = ip_address::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

network_range network(std::string_view text) {
  auto parsed = network_range::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

} // namespace

TEST_CASE("a network holds the addresses that share its prefix") {
  CHECK(network("10.0.0.0/8").contains(address("10.255.0.1")));
  CHECK_FALSE(network("10.0.0.0/8").contains(address("11.0.0.1")));
  CHECK(network("192.0.2.128/25").contains(address("192.0.2.200")));
  CHECK_FALSE(network("192.0.2.128/25").contains(address("192.0.2.100")));
  CHECK(network("192.0.2.7").contains(address("192.0.2.7")));
  CHECK_FALSE(network("192.0.2.7").contains(address("192.0.2.6")));
  CHECK(network("2001:db8::/33").contains(address("[2001:db8:7fff::1]")));
  CHECK_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
  CHECK(network("0.0.0.0/0").contains(address("203.0.113.9")));
  CHECK_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1")));
  CHECK(network("::/0").contains(address("203.0.113.9")));
}

TEST_CASE("an IPv4 address inside IPv6 is the same address") {
  CHECK(address("::ffff:192.0.2.1") == address("192.0.2.1"));
  CHECK(network("192.0.2.0/24").contains(address("[::ffff:192.0.2.9]")));
  CHECK(address("::ffff:192.0.2.1").to_string() == "192.0.2.1");
}

TEST_CASE("what is printed is read again") {
  for (auto text : {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0"})
    CHECK(network(text).to_string() == text);
  rc::prop("any prefix of any address", [](const std::array<std::uint8_t, 16>& octets) {
    ip_address first;
    first.octets = octets;
    auto bits = *rc::gen::inRange<unsigned>(0, 129);
    network_range range{first, bits};
    auto again = network_range::parse(range.to_string());
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == range);
    RC_ASSERT(again->contains(first));
  });
}

TEST_CASE("what is no network is refused") {
  for (auto text : {"", "/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/", "10.0.0", "2001:db8::/129",
                    "host", "[::1", "10.0.0.1/8", "2001:db8::1/32", "1.2.3.4.5"})
    CHECK_FALSE(network_range::parse(text));
  CHECK_FALSE(ip_address::parse("unix:/run/x"));
  CHECK_FALSE(ip_address::parse(std::string(100000, '1')));
}
