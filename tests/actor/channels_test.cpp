// Very many cores on one connection. CORESTORE_FIGURES prints what they cost.
#include <cstdlib>
#include <fstream>

#include "two_stores.hpp"

namespace corestore::tests {

namespace {

constexpr std::size_t channels = 10000;
constexpr std::size_t under_way_max = 500;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t slowness = 3;
#else
constexpr std::uint64_t slowness = 1;
#endif
constexpr std::uint64_t opening_ms = slowness * 60000; ///< the first block may have to wait for all channels

double anonymous_bytes() {
  std::ifstream status{"/proc/self/status"};
  double kilobytes = 0;
  for (std::string field; status >> field;)
    if (field == "RssAnon:")
      status >> kilobytes;
  return kilobytes * 1024;
}

/// Fetches the first block of each core, many at a time.
void fetch_all(pair_of_stores& stores, const std::vector<opened_core>& cores) {
  auto ask = [&](const opened_core& core) {
    return stores.self->request(core.handle, slowness * 4 * patience, fetch_atom_v, std::uint64_t{0}, opening_ms);
  };
  std::vector<decltype(ask(cores.front()))> requests;
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    requests.push_back(ask(cores[i]));
    if (requests.size() < under_way_max && i + 1 < cores.size())
      continue;
    for (auto& request : requests)
      request.receive([&](const shared_bytes&) { ++arrived; },
                      [](const caf::error& reason) { FAIL(to_string(from_caf(reason))); });
    requests.clear();
  }
  CHECK(arrived == cores.size());
}

} // namespace

TEST_CASE("ten thousand cores share one connection, and most of them are not in memory on the other side") {
  actors::engine_settings settings;
  settings.active_cores_max = settings.passive_cores_max = 100;
  pair_of_stores stores{settings};
  std::vector<core_key> keys;
  for (std::size_t i = 0; i < channels; ++i) {
    auto core = stores.open(stores.writer.store(), "core-" + std::to_string(i));
    stores.append(core.handle, 1, 100);
    keys.push_back(core.record.key);
    REQUIRE(stores.ask<bool>(stores.writer.store(), close_atom_v, core.record.discovery) == true);
  }
  auto bound = stores.writer.listen({false, "127.0.0.1", 0});
  REQUIRE(bound.has_value());
  std::vector<opened_core> copies;
  for (const auto& key : keys)
    copies.push_back(stores.open(stores.reader.store(), key));
  auto before = anonymous_bytes();
  auto start = std::chrono::steady_clock::now();
  stores.reader.connect(*bound);
  fetch_all(stores, copies);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  auto each = (anonymous_bytes() - before) / channels;
  CHECK(becomes_true([&] {
    auto ours = stores.peers(stores.reader);
    auto theirs = stores.peers(stores.writer);
    return ours.size() == 1 && ours.front().channels == channels && theirs.size() == 1 &&
           theirs.front().channels == channels;
  }));
  CHECK(becomes_true([&] { return stores.counts(stores.writer).cores_loaded <= 400; }));
  CHECK(stores.counts(stores.reader).cores_loaded == channels);
  // Any of them is as live as a single one.
  auto source = stores.open(stores.writer.store(), "core-4321");
  stores.append(source.handle, {"live"});
  auto block = stores.ask<shared_bytes>(copies[4321].handle, fetch_atom_v, std::uint64_t{1}, wait_ms);
  REQUIRE(block.has_value());
  CHECK(as_text(block->view()) == "live");
  if (std::getenv("CORESTORE_FIGURES") != nullptr)
    WARN("a channel takes " << each << " bytes, both sides together; " << channels << " blocks in " << took.count()
                            << " s");
}

} // namespace corestore::tests
