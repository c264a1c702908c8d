#include <caf/all.hpp>
#include <catch2/catch.hpp>

#include "messages/errors.hpp"
#include "messages/interfaces.hpp"
#include "messages/type_ids.hpp"

namespace corestore {

namespace {

struct registered_config : caf::actor_system_config {
  registered_config() {
    messages::register_types(*this);
  }
};

/// Writes a message as it would leave the node and reads it back.
template <class... Values>
caf::message round_trip(caf::actor_system& system, const Values&... values) {
  auto sent = caf::make_message(values...);
  std::vector<char> wire;
  caf::binary_serializer sink{system, wire};
  REQUIRE(sink(sent) == caf::none);
  caf::binary_deserializer source{system, wire};
  caf::message received;
  REQUIRE(source(received) == caf::none);
  REQUIRE(received.size() == sizeof...(Values));
  return received;
}

core_record sample_record() {
  core_record record;
  record.key.data[0] = 1;
  record.discovery.data[31] = 2;
  record.manifest = {1, 2, 3};
  record.length = 10;
  record.byte_length = 100;
  record.fork = 3;
  record.contiguous_length = 9;
  record.tree_hash.data[5] = 7;
  record.peers = 4;
  record.writable = true;
  record.active = true;
  record.mirrored = true;
  record.name = "log";
  record.name_space.data[4] = 4;
  record.is_external = true;
  record.is_encrypted = true;
  record.is_frozen = true;
  record.remote_contiguous_length = 8;
  record.is_fenced = true;
  record.group = bytes(32, 7);
  return record;
}

} // namespace

TEST_CASE("every registered value survives the trip to another node") {
  registered_config config;
  caf::actor_system system{config};

  auto record = sample_record();
  auto received = round_trip(system, info_atom_v, record);
  REQUIRE(received.match_elements<info_atom, core_record>());
  auto copy = received.get_as<core_record>(1);
  CHECK(copy.key == record.key);
  CHECK(copy.discovery == record.discovery);
  CHECK(copy.manifest == record.manifest);
  CHECK(copy.length == record.length);
  CHECK(copy.byte_length == record.byte_length);
  CHECK(copy.fork == record.fork);
  CHECK(copy.contiguous_length == record.contiguous_length);
  CHECK(copy.tree_hash == record.tree_hash);
  CHECK(copy.peers == record.peers);
  CHECK(copy.writable);
  CHECK(copy.active);
  CHECK(copy.mirrored);
  CHECK(copy.name == record.name);
  CHECK(copy.name_space == record.name_space);
  CHECK(copy.is_external);
  CHECK(copy.is_encrypted);
  CHECK(copy.is_frozen);
  CHECK(copy.remote_contiguous_length == 8);
  CHECK(copy.is_fenced);
  CHECK(copy.group == record.group);

  core_selector selector;
  selector.kind = selector_kind::by_pair;
  selector.name_space.data[1] = 1;
  selector.name = "name";
  selector.id.data[2] = 2;
  selector.pair.public_part.data[3] = 3;
  selector.pair.secret_part.data[63] = 4;
  selector.manifest = {5};
  selector.create = false;
  selector.path = {"a", "b"};
  selector.generation = 9;
  selector.encryption_key = bytes(32, 6);
  selector.is_exclusive = true;
  selector.is_read_only = true;
  selector.is_active = false;
  selector.group = bytes(32, 8);
  received = round_trip(system, open_atom_v, selector);
  REQUIRE(received.match_elements<open_atom, core_selector>());
  auto picked = received.get_as<core_selector>(1);
  CHECK(picked.kind == selector.kind);
  CHECK(picked.name_space == selector.name_space);
  CHECK(picked.name == selector.name);
  CHECK(picked.id == selector.id);
  CHECK(picked.pair == selector.pair);
  CHECK(picked.manifest == selector.manifest);
  CHECK_FALSE(picked.create);
  CHECK(picked.path == selector.path);
  CHECK(picked.generation == 9);
  CHECK(picked.encryption_key == selector.encryption_key);
  CHECK(picked.is_exclusive);
  CHECK(picked.is_read_only);
  CHECK_FALSE(picked.is_active);
  CHECK(picked.group == selector.group);

  std::vector<shared_bytes> blocks{shared_bytes{bytes{1, 2, 3}}, shared_bytes{}};
  received = round_trip(system, append_atom_v, blocks);
  REQUIRE(received.match_elements<append_atom, std::vector<shared_bytes>>());
  CHECK(received.get_as<std::vector<shared_bytes>>(1) == blocks);

  block_batch batch{{{7, shared_bytes{bytes{9}}}}};
  received = round_trip(system, batch);
  REQUIRE(received.match_elements<block_batch>());
  CHECK(received.get_as<block_batch>(0).blocks.at(0).index == 7);
  CHECK(received.get_as<block_batch>(0).blocks.at(0).value == batch.blocks[0].value);

  core_event event;
  event.kind = event_kind::download;
  event.index = 5;
  event.size = 6;
  received = round_trip(system, event);
  REQUIRE(received.match_elements<core_event>());
  CHECK(received.get_as<core_event>(0).kind == event_kind::download);
  CHECK(received.get_as<core_event>(0).index == 5);
  CHECK(received.get_as<core_event>(0).size == 6);

  record_page page{{record}, false, {"next"}};
  received = round_trip(system, page);
  REQUIRE(received.match_elements<record_page>());
  CHECK(received.get_as<record_page>(0).records.size() == 1);
  CHECK_FALSE(received.get_as<record_page>(0).is_last);
  CHECK(received.get_as<record_page>(0).next == page.next);

  list_request wanted;
  wanted.in_namespace = true;
  wanted.limit = 5;
  wanted.path = {"a"};
  wanted.is_recursive = true;
  wanted.cursor = {"b", "c"};
  received = round_trip(system, list_atom_v, wanted);
  REQUIRE(received.match_elements<list_atom, list_request>());
  CHECK(received.get_as<list_request>(1).limit == 5);
  CHECK(received.get_as<list_request>(1).path == wanted.path);
  CHECK(received.get_as<list_request>(1).is_recursive);
  CHECK(received.get_as<list_request>(1).cursor == wanted.cursor);

  CHECK(round_trip(system, append_result{1, 2}).get_as<append_result>(0).byte_length == 2);
  CHECK(round_trip(system, seek_position{1, 2}).get_as<seek_position>(0).offset == 2);
  CHECK(round_trip(system, verify_report{1, 2, {"x"}}).get_as<verify_report>(0).faults.size() == 1);
  store_record counts;
  counts.cores_known = 8;
  counts.evictions = 9;
  counts.commit_latency = {1, 2};
  counts.quota_bytes = 10;
  counts.is_restored = true;
  received = round_trip(system, counts);
  CHECK(received.get_as<store_record>(0).cores_known == 8);
  CHECK(received.get_as<store_record>(0).evictions == 9);
  CHECK(received.get_as<store_record>(0).quota_bytes == 10);
  CHECK(received.get_as<store_record>(0).is_restored);
  CHECK(received.get_as<store_record>(0).commit_latency == counts.commit_latency);
  peer_record peer;
  peer.address = "a";
  CHECK(round_trip(system, std::vector<peer_record>{peer}).get_as<std::vector<peer_record>>(0).at(0).address == "a");
  received = round_trip(system, opened_core{core_actor{}, record});
  REQUIRE(received.match_elements<opened_core>());
  CHECK(received.get_as<opened_core>(0).record.name == "log");
}

TEST_CASE("what a store says of itself survives the trip to another node") {
  registered_config config;
  caf::actor_system system{config};
  store_event event;
  event.kind = store_event_kind::session_close;
  event.key.data[0] = 1;
  event.discovery.data[1] = 2;
  event.options.name = "log";
  event.peer.address = "somewhere";
  event.reason = "because";
  event.group.data.fill(3);
  event.length = 4;
  event.fork = 5;
  auto received = round_trip(system, event);
  REQUIRE(received.match_elements<store_event>());
  auto copy = received.get_as<store_event>(0);
  CHECK(copy.kind == event.kind);
  CHECK(copy.key == event.key);
  CHECK(copy.discovery == event.discovery);
  CHECK(copy.options.name == "log");
  CHECK(copy.peer.address == "somewhere");
  CHECK(copy.reason == "because");
  CHECK(copy.group == event.group);
  CHECK(copy.length == 4);
  CHECK(copy.fork == 5);

  group_request asked{event.group, 1, 2, true, 3};
  received = round_trip(system, list_atom_v, asked);
  REQUIRE(received.match_elements<list_atom, group_request>());
  CHECK(received.get_as<group_request>(1).topic == event.group);
  CHECK(received.get_as<group_request>(1).since == 1);
  CHECK(received.get_as<group_request>(1).until == 2);
  CHECK(received.get_as<group_request>(1).is_reverse);
  CHECK(received.get_as<group_request>(1).limit == 3);
  received = round_trip(system, group_page{{{6, event.key, event.discovery, 7, 8}}, false, 9});
  REQUIRE(received.match_elements<group_page>());
  auto updates = received.get_as<group_page>(0);
  REQUIRE(updates.updates.size() == 1);
  CHECK(updates.updates[0].position == 6);
  CHECK(updates.updates[0].key == event.key);
  CHECK(updates.updates[0].discovery == event.discovery);
  CHECK(updates.updates[0].length == 7);
  CHECK(updates.updates[0].fork == 8);
  CHECK_FALSE(updates.is_last);
  CHECK(updates.next == 9);

  auto copied = round_trip(system, space_report{"/a", 1, 2, 3, 4}).get_as<space_report>(0);
  CHECK(copied.path == "/a");
  CHECK(copied.to_bytes == 3);
  CHECK(copied.took_ms == 4);
  auto part = round_trip(system, archive_request{1, 2, 3, 4}).get_as<archive_request>(0);
  CHECK(part.first == 3);
  CHECK(part.bytes_max == 4);
  auto page = round_trip(system, archive_page{{1, 2}, 3, false}).get_as<archive_page>(0);
  CHECK(page.frame == bytes{1, 2});
  CHECK(page.next == 3);
  CHECK_FALSE(page.is_last);

  received = round_trip(system, dial_atom_v, dial_request{"host:1@9", false, true});
  REQUIRE(received.match_elements<dial_atom, dial_request>());
  CHECK(received.get_as<dial_request>(1).address == "host:1@9");
  CHECK_FALSE(received.get_as<dial_request>(1).may_upload);
  CHECK(received.get_as<dial_request>(1).may_download);
  received = round_trip(system, connection_switches{5, toggle::off, toggle::on});
  REQUIRE(received.match_elements<connection_switches>());
  CHECK(received.get_as<connection_switches>(0).id == 5);
  CHECK(received.get_as<connection_switches>(0).upload == toggle::off);
  CHECK(received.get_as<connection_switches>(0).download == toggle::on);

  key_pair pair;
  pair.public_part.data[0] = 3;
  pair.secret_part.data[63] = 4;
  CHECK(round_trip(system, pair).get_as<key_pair>(0) == pair);

  entered_store entered;
  entered.name_space.data[7] = 7;
  received = round_trip(system, entered);
  REQUIRE(received.match_elements<entered_store>());
  CHECK(received.get_as<entered_store>(0).name_space == entered.name_space);
  CHECK(round_trip(system, watch_atom_v, store_sink{}).match_elements<watch_atom, store_sink>());
}

TEST_CASE("errors keep their cause and their subject") {
  registered_config config;
  caf::actor_system system{config};
  auto packed = to_caf(error{ec::storage_full, "./data has no space left"});
  CHECK(from_caf(packed) == error{ec::storage_full, "./data has no space left"});
  CHECK(system.render(packed) == "storage_full: ./data has no space left");
  CHECK(from_caf(caf::make_error(caf::sec::request_timeout)).code == ec::timed_out);
  CHECK(from_caf(caf::make_error(caf::sec::request_receiver_down)).code == ec::store_closed);
  CHECK(from_caf({}).code == ec::none);
}

TEST_CASE("what is said about one core survives the trip to another node") {
  registered_config config;
  caf::actor_system system{config};
  download_request wanted{1, 2, {3, 4}, true, 5, 6};
  auto asked = round_trip(system, wanted, fetch_request{1, 2, 3, true}, checkout_request{7, true});
  auto download = asked.get_as<download_request>(0);
  CHECK(download.blocks == wanted.blocks);
  CHECK(download.token == 6);
  CHECK(asked.get_as<fetch_request>(1).is_raw);
  CHECK(asked.get_as<checkout_request>(2).length == 7);
  core_peer_record peer;
  peer.address = "unix:a";
  peer.bytes_down = 9;
  core_stats stats;
  stats.received.range = 3;
  stats.invalid_requests = 4;
  stats.is_verifying = true;
  stats.blocks_verified = 5;
  auto told = round_trip(system, std::vector{peer}, stats, clear_result{1, 2}, repair_report{1, 2, 3},
                         user_value{true, {1}}, hash32{}, std::set<std::string>{"a", "b"});
  CHECK(told.get_as<std::vector<core_peer_record>>(0).at(0).bytes_down == 9);
  CHECK(told.get_as<core_stats>(1).received.range == 3);
  CHECK(told.get_as<core_stats>(1).invalid_requests == 4);
  CHECK(told.get_as<core_stats>(1).is_verifying);
  CHECK(told.get_as<core_stats>(1).blocks_verified == 5);
  CHECK(told.get_as<clear_result>(2).bytes == 2);
  CHECK(told.get_as<repair_report>(3).dropped_bytes == 3);
  CHECK(told.get_as<user_value>(4).is_set);
  CHECK(told.get_as<std::set<std::string>>(6).contains("b"));
  core_switches switches;
  switches.push_only = toggle::on;
  switches.session = 4;
  auto beside = round_trip(system, switches, extension_message{"a", {1}, 2}, extension_event{{}, {}, "b", {3}, 4, "c"},
                           conflict_record{true, 1, 2, {}, {}, {5}});
  CHECK(beside.get_as<core_switches>(0).push_only == toggle::on);
  CHECK(beside.get_as<core_switches>(0).upload == toggle::keep);
  CHECK(beside.get_as<core_switches>(0).session == 4);
  CHECK(beside.get_as<extension_message>(1).payload == bytes{1});
  CHECK(beside.get_as<extension_event>(2).session == 4);
  CHECK(beside.get_as<conflict_record>(3).proof == bytes{5});
}

} // namespace corestore
