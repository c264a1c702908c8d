#include <catch2/catch.hpp>

#include "actors/peer_guard.hpp"
#include "base/text.hpp"

using namespace corestore;
using namespace corestore::actors;

namespace {

public_key key_of(std::uint8_t which) {
  public_key key;
  key.data.fill(which);
  return key;
}

std::uint64_t refused(const source_ptr& from, refusal why) {
  return from->refused.at(static_cast<std::size_t>(why));
}

/// A guard, one listener, and a clock that stands.
struct port {
  std::shared_ptr<core_totals> totals = std::make_shared<core_totals>();
  std::shared_ptr<peer_guard> guard = std::make_shared<peer_guard>(totals);
  source_ptr listener = guard->totals().add_source("here");
  guard_limits limits;
  std::uint64_t now = 1000000;

  void apply() {
    guard->apply(limits);
  }
  auto admit(const std::string& host) {
    return guard->admit(host, listener, now);
  }
};

} // namespace

TEST_CASE("connections are counted over all, for each address and for each key") {
  port at;
  at.limits.connections_max = 4;
  at.limits.address.connections_max = 2;
  at.limits.peer.connections_max = 1;
  at.apply();
  auto first = at.admit("192.0.2.1");
  auto second = at.admit("::ffff:192.0.2.1");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(at.admit("192.0.2.1").error() == refusal::address_connections);
  CHECK_FALSE((*first)->identify(key_of(1), at.now));
  CHECK((*second)->identify(key_of(1), at.now) == refusal::peer_connections);
  auto third = at.admit("192.0.2.2");
  auto fourth = at.admit("192.0.2.3");
  REQUIRE(third);
  REQUIRE(fourth);
  CHECK(at.admit("192.0.2.4").error() == refusal::connections);
  first->reset();
  CHECK_FALSE((*second)->identify(key_of(1), at.now));
  CHECK(at.admit("192.0.2.1").has_value());
  CHECK(refused(at.listener, refusal::connections) == 1);
  CHECK(refused(at.listener, refusal::address_connections) == 1);
  CHECK(refused(at.listener, refusal::peer_connections) == 1);
  CHECK(at.listener->accepted == 5);
}

TEST_CASE("all addresses of one IPv6 site share an account") {
  port at;
  at.limits.address.connections_max = 1;
  at.apply();
  auto first = at.admit("[2001:db8:1:2::1]");
  REQUIRE(first);
  CHECK_FALSE(at.admit("[2001:db8:1:2:ffff::9]"));
  CHECK(at.admit("[2001:db8:1:3::1]").has_value());
}

TEST_CASE("a denied address does not get in, and whoever is in hears of a new line") {
  port at;
  at.limits.deny.networks.push_back(network_range::parse("198.51.100.0/24").value());
  at.apply();
  CHECK(at.admit("198.51.100.7").error() == refusal::denied);
  auto pass = at.admit("192.0.2.1");
  REQUIRE(pass);
  CHECK_FALSE((*pass)->identify(key_of(1), at.now));
  CHECK_FALSE((*pass)->check(at.now));
  at.limits.deny.keys.push_back(key_of(1));
  at.apply();
  CHECK((*pass)->check(at.now) == refusal::denied);
  auto again = at.admit("192.0.2.1");
  CHECK((*again)->identify(key_of(1), at.now) == refusal::denied);
  at.limits.deny = {};
  at.limits.allow = {key_of(2)};
  at.apply();
  CHECK((*again)->identify(key_of(1), at.now) == refusal::not_allowed);
  CHECK_FALSE((*again)->identify(key_of(2), at.now));
}

TEST_CASE("strikes within the window ban a key, for a while") {
  port at;
  at.limits.peer.strikes_max = 3;
  at.limits.address.strikes_max = 0;
  at.limits.strike_window_ms = 1000;
  at.limits.ban_ms = 5000;
  at.apply();
  auto strike = [&](std::uint8_t who) {
    auto pass = at.admit("192.0.2.1");
    REQUIRE(pass);
    REQUIRE_FALSE((*pass)->identify(key_of(who), at.now));
    return (*pass)->strike("it lied", at.now);
  };
  CHECK(strike(1).empty());
  CHECK(strike(1).empty());
  at.now += 1001; // forgotten
  CHECK(strike(1).empty());
  CHECK(strike(1).empty());
  auto other = at.admit("192.0.2.1");
  REQUIRE_FALSE((*other)->identify(key_of(1), at.now));
  CHECK((*other)->strikes(at.now) == 2);
  CHECK(strike(1) == std::vector<std::string>{text::to_hex(key_of(1).view())});
  CHECK((*other)->check(at.now) == refusal::banned);
  auto pass = at.admit("192.0.2.1");
  CHECK((*pass)->identify(key_of(1), at.now) == refusal::banned);
  CHECK_FALSE((*pass)->identify(key_of(2), at.now)); // another key of the same address
  auto bans = at.guard->bans(at.now);
  REQUIRE(bans.size() == 1);
  CHECK(bans[0].left_ms == 5000);
  CHECK(bans[0].reason == "it lied");
  at.now += 5001;
  CHECK(at.guard->bans(at.now).empty());
  auto later = at.admit("192.0.2.1");
  CHECK_FALSE((*later)->identify(key_of(1), at.now));
  CHECK(at.guard->totals().bans == 1);
  CHECK(at.guard->totals().strikes == 5);
}

TEST_CASE("strangers without a key ban their address, unless it is never banned") {
  port at;
  at.limits.address.strikes_max = 2;
  at.limits.never_ban.networks.push_back(network_range::parse("127.0.0.0/8").value());
  at.apply();
  for (auto host : {"192.0.2.1", "127.0.0.1"}) {
    for (int i = 0; i < 3; ++i)
      if (auto pass = at.admit(host))
        (*pass)->strike("garbage", at.now);
  }
  CHECK(at.admit("192.0.2.1").error() == refusal::banned);
  CHECK(at.admit("127.0.0.1").has_value());
  CHECK(at.admit("192.0.2.2").has_value());
  CHECK(at.guard->ban_count(at.now) == 1);
}

TEST_CASE("people ban and pardon") {
  port at;
  at.apply();
  auto name = text::to_hex(key_of(7).view());
  CHECK(at.guard->ban(name, 1000, at.now) == true);
  CHECK(at.guard->ban("2001:db8::5", 1000, at.now) == true);
  CHECK_FALSE(at.guard->ban("nobody", 1000, at.now));
  CHECK(at.admit("2001:db8::6").error() == refusal::banned);
  CHECK(at.guard->bans(at.now).size() == 2);
  CHECK(at.guard->ban(name, 0, at.now) == true);
  CHECK(at.guard->ban(name, 0, at.now) == false);
  CHECK(at.guard->bans(at.now).front().subject == "2001:db8::/64");
  CHECK(at.guard->ban("2001:db8::/64", 0, at.now) == true);
  CHECK(at.guard->bans(at.now).empty());
}

TEST_CASE("channels are counted for a key and for an address") {
  port at;
  at.limits.peer.channels_max = 3;
  at.limits.address.channels_max = 4;
  at.apply();
  auto first = at.admit("192.0.2.1");
  REQUIRE_FALSE((*first)->identify(key_of(1), at.now));
  for (int i = 0; i < 3; ++i)
    CHECK((*first)->take_channel());
  CHECK_FALSE((*first)->take_channel());
  auto second = at.admit("192.0.2.1");
  REQUIRE_FALSE((*second)->identify(key_of(2), at.now));
  CHECK((*second)->take_channel());
  CHECK_FALSE((*second)->take_channel()); // the address is full
  (*first)->give_channel();
  CHECK((*second)->take_channel());
  first->reset();
  CHECK((*second)->take_channel());
  CHECK(refused(at.listener, refusal::channels) == 2);
}

TEST_CASE("rates make a peer wait, and reconnecting does not help") {
  port at;
  at.limits.peer.requests_max = 100;
  at.limits.address.bytes_max = 1000;
  at.apply();
  {
    auto pass = at.admit("192.0.2.1");
    REQUIRE_FALSE((*pass)->identify(key_of(1), at.now));
    CHECK((*pass)->take_requests(100, at.now) == 0);
    CHECK((*pass)->take_requests(50, at.now) == 500);
    at.now += 500;
    CHECK((*pass)->take_requests(1, at.now) == 10);
    CHECK((*pass)->take_bytes_in(1000, at.now) == 0);
    CHECK((*pass)->take_bytes_out(3000, at.now) == 2000); // each direction by itself
  }
  auto again = at.admit("192.0.2.1");
  REQUIRE_FALSE((*again)->identify(key_of(2), at.now));
  CHECK((*again)->take_bytes_out(0, at.now) == 2000);
  CHECK((*again)->take_requests(100, at.now) == 0); // another key
  at.now += 60000;                                  // a pause earns one second's worth, not more
  CHECK((*again)->take_bytes_out(1500, at.now) == 500);
  CHECK(at.guard->totals().throttled.at(static_cast<std::size_t>(throttle::peer_requests)) == 2);
  at.limits.address.bytes_max = 0;
  at.apply();
  CHECK((*again)->take_bytes_out(1000000, at.now) == 0);
}

TEST_CASE("what was dialled has no limit of an address, but its key counts") {
  port at;
  at.limits.peer.connections_max = 1;
  at.limits.peer.bytes_max = 10;
  at.apply();
  auto dialled = at.guard->dialled(at.listener);
  REQUIRE_FALSE(dialled->identify(key_of(1), at.now));
  CHECK(dialled->take_bytes_in(20, at.now) == 1000);
  at.limits.deny.keys = {key_of(1)};
  at.apply();
  CHECK(dialled->check(at.now) == refusal::denied);
}

TEST_CASE("a crowd of strangers does not fill the memory") {
  port at;
  at.limits.address.strikes_max = 0;
  at.limits.connections_max = 0;
  at.apply();
  for (std::uint32_t i = 0; i < 70000; ++i) {
    ip_address host = *ip_address::parse("10.0.0.0");
    host.octets[13] = static_cast<std::uint8_t>(i >> 16U);
    host.octets[14] = static_cast<std::uint8_t>(i >> 8U);
    host.octets[15] = static_cast<std::uint8_t>(i);
    auto pass = at.admit(host.to_string());
    REQUIRE(pass);
    (*pass)->strike("garbage", at.now);
  }
  CHECK(at.guard->accounts() <= 65537);
}
