// Bodies of generation 9 as no JavaScript peer writes them: protocol buffers are read leniently where the format says
// so, and refused where it does not.
#include <catch2/catch.hpp>

#include "base/varint.hpp"
#include "replication/legacy/codec.hpp"
#include "replication/legacy/fields.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

constexpr std::uint64_t request_type = 7;
constexpr std::uint64_t data_type = 9;
constexpr std::uint64_t close_type = 10;

void append(bytes& target, std::initializer_list<int> source) {
  for (auto byte : source)
    target.push_back(static_cast<std::uint8_t>(byte));
}

legacy::any_message read(std::uint64_t type, const bytes& body) {
  auto decoded = legacy::decode(type, body);
  REQUIRE(decoded);
  REQUIRE(*decoded);
  return **decoded;
}

void refuse(std::uint64_t type, const bytes& body) {
  auto decoded = legacy::decode(type, body);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ec::decoding_failed);
}

} // namespace

TEST_CASE("fields that nobody knows are passed over, of every shape and anywhere") {
  bytes body;
  legacy::write_integer(body, 9, 77);
  legacy::write_integer(body, 1, 5);
  legacy::write_bytes(body, 14, bytes(300, 1));
  append(body, {15 << 3 | 5, 1, 2, 3, 4}); // 32 bits
  legacy::write_integer(body, 4, 2);
  append(body, {12 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8}); // 64 bits
  legacy::write_bytes(body, 200000, {});
  CHECK(std::get<legacy::request>(read(request_type, body)) == legacy::request{5, 0, false, 2});
}

TEST_CASE("of a field that comes again the last one counts, and nodes add up") {
  hash32 hash;
  hash.data.fill(3);
  bytes node;
  legacy::write_integer(node, 1, 99);
  legacy::write_bytes(node, 2, hash.view());
  legacy::write_integer(node, 3, 10);
  legacy::write_integer(node, 1, 4);
  bytes body;
  legacy::write_integer(body, 1, 1);
  legacy::write_bytes(body, 2, as_bytes("first"));
  legacy::write_bytes(body, 3, node);
  legacy::write_integer(body, 1, 2);
  legacy::write_bytes(body, 2, as_bytes("last"));
  legacy::write_bytes(body, 3, node);
  auto message = std::get<legacy::data>(read(data_type, body));
  CHECK(message.index == 2);
  CHECK(message.value == shared_bytes::copy_of(as_bytes("last")));
  CHECK(message.nodes == std::vector<log::node>(2, {4, 10, hash}));
}

TEST_CASE("numbers that JavaScript could not hold, and varints without an end, are refused") {
  bytes largest;
  legacy::write_integer(largest, 1, (std::uint64_t{1} << 53U) - 1);
  CHECK(std::get<legacy::request>(read(request_type, largest)).index == (std::uint64_t{1} << 53U) - 1);
  for (auto value : {std::uint64_t{1} << 53U, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
    bytes body;
    legacy::write_integer(body, 1, value);
    refuse(request_type, body);
  }
  bytes endless;
  append(endless, {1 << 3});
  endless.insert(endless.end(), 40, 0xff);
  refuse(request_type, endless);
}

TEST_CASE("a body that promises more than it has, or breaks off, is refused") {
  bytes whole;
  legacy::write_integer(whole, 1, 300);
  legacy::write_bytes(whole, 2, bytes(64, 9));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    if (size == 3) // a field ends here
      read(data_type, part);
    else
      refuse(data_type, part);
  }
  bytes huge;
  legacy::write_integer(huge, 1, 1);
  append(huge, {2 << 3 | 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1}); // 4 GiB follow
  refuse(data_type, huge);
}

TEST_CASE("fields of another shape, numbers of fields and sizes that cannot be are refused") {
  bytes text_for_number;
  legacy::write_bytes(text_for_number, 1, as_bytes("5"));
  refuse(request_type, text_for_number);
  bytes number_for_text;
  legacy::write_integer(number_for_text, 1, 1);
  legacy::write_integer(number_for_text, 2, 5);
  refuse(data_type, number_for_text);
  bytes short_key;
  legacy::write_bytes(short_key, 1, bytes(31, 1));
  refuse(close_type, short_key);
  bytes group; // of the oldest protocol buffers
  legacy::write_integer(group, 1, 1);
  append(group, {3 << 3 | 3});
  refuse(request_type, group);
  bytes nothing;
  append(nothing, {0, 1});
  refuse(request_type, nothing);
}

TEST_CASE("a message of a type that nobody knows says nothing") {
  auto decoded = legacy::decode(12, bytes(100, 0xff));
  REQUIRE(decoded);
  CHECK_FALSE(*decoded);
}
