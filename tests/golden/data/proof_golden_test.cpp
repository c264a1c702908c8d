#include <catch2/catch.hpp>

#include "tests/golden/data/vectors.hpp"

using namespace corestore;
using golden::hex;
using golden::json;
using golden::number;
using golden::vectors;

TEST_CASE("messages of the vectors survive decoding and encoding") {
  std::size_t count = 0;
  for (const auto& log : vectors()["proofs"])
    for (const auto& one : log["cases"])
      if (one.contains("wireData")) {
        auto message = golden::decode_data(hex(one["wireData"])).value();
        CHECK(golden::encode_data(message.content, message.id) == hex(one["wireData"]));
        ++count;
      }
  CHECK(count > 50);
}

TEST_CASE("every request is answered with the bytes of the reference") {
  for (const auto& log : vectors()["proofs"]) {
    auto core = golden::source_core(log, hex(log["storedSignature"]));
    REQUIRE(core.tree_hash() == golden::fixed<hash32>(log["treeHash"]));
    for (const auto& one : log["cases"]) {
      INFO("length " << log["length"] << ", " << one["name"] << ": " << one["request"].dump());
      auto answer = core.prove(golden::request(one["request"]));
      if (one.contains("error")) {
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == golden::error_code(one["error"].get<std::string>()));
      } else {
        REQUIRE(answer);
        CHECK(text::to_hex(golden::encode_data(*answer)) == one["wireData"].get<std::string>());
      }
    }
  }
}

TEST_CASE("answers that 11.35.5 gives without a seek part are accepted") {
  for (const auto& log : vectors()["proofs"]) {
    auto core = golden::source_core(log, hex(log["storedSignature"]));
    for (const auto& one : log["cases"])
      if (one.contains("release_11_35_5") && one["release_11_35_5"].contains("wireData"))
        CHECK(core.verifier().verify(golden::proof(one["release_11_35_5"]["wireData"])));
  }
}

TEST_CASE("logs with a prologue are served and followed as by the reference") {
  for (const auto& log : vectors()["prologue"]) {
    INFO("prologue " << log["prologueLength"] << ", signed " << log["signed"]);
    auto first = golden::proof(log["steps"][0]["wireData"]);
    auto source = golden::source_core(log, first.upgrade->signature);
    auto target = test::memory_core::remote(golden::fixed<core_key>(log["key"]));
    for (const auto& step : log["steps"]) {
      auto answer = source.prove(golden::request(step["request"]));
      REQUIRE(answer);
      CHECK(text::to_hex(golden::encode_data(*answer)) == step["wireData"].get<std::string>());
      REQUIRE(step["result"] == true);
      REQUIRE(target.receive({golden::proof(step["wireData"])}));
      const auto& after = step["after"];
      CHECK(target.state.head.length == number(after["length"]));
      CHECK(target.state.head.byte_length == number(after["byteLength"]));
      CHECK(target.tree_hash() == golden::fixed<hash32>(after["treeHash"]));
      CHECK(target.state.contiguous_length() == number(after["contiguousLength"]));
      CHECK(target.state.header.manifest == hex(log["manifest"]));
    }
  }
}

TEST_CASE("an upgrade that does not respect the prologue is refused") {
  for (const auto& log : vectors()["prologue"]) {
    auto proof = golden::proof(log["steps"][0]["wireData"]);
    auto target = test::memory_core::remote(golden::fixed<core_key>(log["key"]));
    auto longer = proof;
    ++longer.upgrade->length;
    CHECK(target.verifier().verify(longer).error().code == ec::invalid_proof);
    auto damaged = proof;
    damaged.upgrade->nodes.front().hash.data[0] ^= 1U;
    CHECK(target.verifier().verify(damaged).error().code == ec::invalid_proof);
  }
}

TEST_CASE("a pushed proof is verified without a local tree") {
  for (const auto& one : vectors()["pushProof"]) {
    auto key = golden::fixed<core_key>(one["key"]);
    for (const char* name : {"withBlock", "upgradeOnly"}) {
      auto encoded = hex(one[name]);
      CHECK(discovery_key::from(byte_view{encoded}.first(32)) == log::discovery_key_of(key));
      auto message = golden::decode_data(byte_view{encoded}.subspan(32)).value();
      CHECK(message.id == 0);
      auto target = test::memory_core::remote(key);
      REQUIRE(target.receive({message.content}));
      CHECK(target.state.head.length == number(one["length"]));
      if (message.content.block)
        CHECK(target.store.blocks.at(number(one["index"])) == shared_bytes{hex(one["block"])});
    }
  }
}
