// What connections cost on which nothing happens: memory, descriptors, and the processor's time of one that only keeps
// them alive.
#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include <asio.hpp>

#include "actors/endpoint.hpp"
#include "base/crypto.hpp"
#include "programs/bench/resources.hpp"
#include "programs/bench/two_process.hpp"
#include "programs/bench/workloads.hpp"
#include "programs/endpoint_of.hpp"
#include "replication/dialect.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto connect_time_max = std::chrono::seconds(30);
/// Rest after the last handshake, so that what it left behind is over.
constexpr std::chrono::seconds settle_time{3};
/// A second is watched at least: connections look at their clock once in each.
constexpr std::uint64_t watched_s_min = 1;

/// A connection as a peer has it that shares no core: its handshake is done, and then it is silent.
class silent_peer {
public:
  static result<silent_peer> connect(asio::io_context& io, const actors::endpoint& where, log::generation generation) {
    silent_peer made{io, where, generation};
    for (auto deadline = clock::now() + connect_time_max; !made.speaks_.is_ready();) {
      if (auto moved = made.exchange(); !moved)
        return fail(moved.error());
      if (clock::now() > deadline)
        return fail(ec::timed_out, "the handshake");
    }
    if (auto said = made.write(); !said)
      return fail(said.error());
    return made;
  }

private:
  silent_peer(asio::io_context& io, const actors::endpoint& where, log::generation generation)
      : speaks_(options(), generation, 0), socket_(io) {
    std::error_code failure;
    socket_.connect({asio::ip::make_address(where.host, failure), where.port}, failure); // read() tells of failures
  }

  static replication::connection_options options() {
    replication::connection_options made;
    made.is_initiator = true;
    made.static_keys = crypto::ed25519_key_pair();
    return made;
  }

  result<void> write() {
    std::error_code failure;
    asio::write(socket_, asio::buffer(speaks_.take_output()), failure);
    return failure ? result<void>{fail(ec::connection_closed, failure.message())} : result<void>{};
  }

  result<void> exchange() {
    if (auto said = write(); !said)
      return said;
    std::array<std::uint8_t, 4096> buffer{};
    std::error_code failure;
    auto count = socket_.read_some(asio::buffer(buffer), failure);
    if (failure)
      return fail(ec::connection_closed, failure.message());
    std::vector<replication::connection_event> ignored;
    return speaks_.feed(std::span{buffer}.first(count), 0, ignored);
  }

  replication::conversation speaks_;
  asio::ip::tcp::socket socket_;
};

json line_of(const world& stage) {
  auto now = measure_footprint();
  auto record = programs::ask<store_record>(stage.self(), stage.store(), programs::patience, info_atom_v);
  return {{"connections", record ? record->sessions : 0},
          {"resident", now.resident_bytes},
          {"anonymous", now.anonymous_bytes},
          {"descriptors", now.descriptors},
          {"actors", stage.actors()},
          {"cpu_s", cpu_seconds()}};
}

result<json> look_at(const serving& server) {
  if (auto asked = server.process->write("look\n"); !asked)
    return fail(asked.error());
  return read_json(*server.process, "serving");
}

} // namespace

result<outcome> idle(const options& asked) {
  auto server = start_serving(asked);
  if (!server)
    return fail(server.error());
  auto before = look_at(*server);
  if (!before)
    return before.map([](const auto&) { return outcome{}; });
  auto fetchers = start_fetching(asked, *server);
  if (!fetchers)
    return fail(fetchers.error());
  if (auto told = fetchers->front()->write("go\n"); !told)
    return fail(told.error());
  if (auto connected = read_json(*fetchers->front(), "fetching"); !connected)
    return fail(connected.error());
  std::this_thread::sleep_for(settle_time);
  auto watched_s = std::max(asked.duration_s, watched_s_min);
  auto begun = look_at(*server);
  std::this_thread::sleep_for(std::chrono::seconds{watched_s});
  auto ended = look_at(*server);
  if (!begun || !ended)
    return fail((begun ? ended : begun).error());
  for (const auto* line : {&*begun, &*ended})
    if (auto open = line->value("connections", std::uint64_t{0}); open != asked.connections)
      return fail(ec::internal, std::to_string(open) + " connections are open");
  outcome total;
  fetchers->front()->close_input();
  if (auto lines = collect_fetched(asked, *fetchers, total); !lines)
    return fail(lines.error());
  if (auto done = end_serving(*server, total); !done)
    return fail(done.error());
  auto count = static_cast<double>(asked.connections);
  auto grown = [&](const char* field) {
    return rounded((begun->value(field, 0.0) - before->value(field, 0.0)) / count);
  };
  total.more["connections_s"] = count / std::max(total.wall_s, 1e-9);
  total.more["bytes_per_connection"] = grown("resident");
  total.more["anonymous_bytes_per_connection"] = grown("anonymous");
  total.more["descriptors_per_connection"] = grown("descriptors");
  total.more["actors_per_connection"] = grown("actors");
  total.more["idle_cpu_share"] =
    rounded((ended->value("cpu_s", 0.0) - begun->value("cpu_s", 0.0)) / static_cast<double>(watched_s));
  return total;
}

result<void> serve_idle(const options& asked) {
  auto side = serve_cores(asked, asked.blocks);
  if (!side)
    return fail(side.error());
  while (hear())
    say(line_of(*side->stage));
  say({{"event", "served"}, {"cpu_s", cpu_seconds()}, {"peak_rss_mb", peak_rss_mb()}});
  return {};
}

result<outcome> fetch_idle(const options& asked) {
  auto where = programs::dial_endpoint(asked.address);
  if (!where)
    return fail(where.error());
  while (auto line = hear())
    if (*line == "end") // the keys of the cores are of no use to a peer that wants none
      break;
  say({{"event", "ready"}});
  std::ignore = hear();
  outcome measured;
  const stopwatch watch;
  asio::io_context io;
  std::vector<silent_peer> peers;
  peers.reserve(asked.connections);
  for (std::uint64_t i = 0; i < asked.connections; ++i) {
    auto peer = silent_peer::connect(io, *where, asked.generation);
    if (!peer)
      return fail(peer.error());
    peers.push_back(std::move(*peer));
  }
  watch.stop(measured);
  measured.blocks = asked.connections;
  measured.peak_rss_mb = peak_rss_mb();
  say({{"event", "connected"}});
  while (hear()) {
    // the end of the input is the end of the work
  }
  return measured;
}

} // namespace corestore::bench
