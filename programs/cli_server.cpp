// Verbs of a running server: connect, purge, top.
#include <chrono>
#include <thread>

#include <caf/all.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// Between two looks at the server.
constexpr std::chrono::seconds top_interval{1};

result<void> connect(session& store, const std::string& address) {
  auto record = store.ask<peer_record>(store.store(), dial_atom_v, address);
  if (!record)
    return fail(record.error());
  return store.out().line(store.is_json() ? to_line(to_json(*record)) : to_summary(*record));
}

result<void> purge(session& store, const std::string& core) {
  auto selector = store.select(core, false);
  if (!selector)
    return fail(selector.error());
  auto given_back = store.ask<clear_result>(store.store(), purge_atom_v, *selector);
  if (!given_back)
    return fail(given_back.error());
  if (!store.is_json())
    return store.out().line(fmt::format("given back  {} blocks, {} bytes", given_back->blocks, given_back->bytes));
  return store.out().line(to_line({{"blocks", given_back->blocks}, {"bytes", given_back->bytes}}));
}

std::string readable(double bytes) {
  std::size_t unit = 0;
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit)
    bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units.at(unit));
}

/// One screen; rates are per second since the look before.
std::string screen(const store_record& now, const store_record& before, const std::vector<peer_record>& peers) {
  auto rate = [&](std::uint64_t store_record::*field) {
    return static_cast<double>(now.*field - before.*field) / static_cast<double>(top_interval.count());
  };
  auto commits = now.commits - before.commits;
  auto commit_ms =
    commits == 0 ? 0.0 : static_cast<double>(now.commit_us - before.commit_us) / static_cast<double>(commits) / 1000;
  auto text = fmt::format("corestore {}   durability {}   {} of {} on disk\n\n"
                          "cores       {} known, {} held, {} idle, {} passive\nconnections {}\n"
                          "appended    {:>10.0f} blocks/s  {:>12}/s   {} blocks since the start\n"
                          "downloaded  {:>10.0f} blocks/s  {:>12}/s\nuploaded    {:>10.0f} blocks/s  {:>12}/s\n"
                          "commits     {:>10.0f} /s         {:>9.2f} ms each\n\n",
                          now.version, now.durability, readable(static_cast<double>(now.used_bytes)),
                          readable(static_cast<double>(now.limit_bytes)), now.cores_known, now.cores_active,
                          now.cores_idle, now.cores_passive, now.sessions, rate(&store_record::blocks_appended),
                          readable(rate(&store_record::bytes_appended)), now.blocks_appended,
                          rate(&store_record::blocks_downloaded), readable(rate(&store_record::bytes_downloaded)),
                          rate(&store_record::blocks_uploaded), readable(rate(&store_record::bytes_uploaded)),
                          rate(&store_record::commits), commit_ms);
  constexpr std::size_t lines_max = 20;
  for (std::size_t position = 0; position < std::min(peers.size(), lines_max); ++position)
    text += to_summary(peers[position]).substr(0, 110) + "\n";
  if (peers.size() > lines_max)
    text += fmt::format("and {} more\n", peers.size() - lines_max);
  return text;
}

/// A live screen on a terminal, one after the other in a pipe, with --json a line of numbers each time; until the user
/// ends it or `count` were shown.
result<void> top(session& store, std::uint64_t count) {
  std::optional<store_record> before;
  for (std::uint64_t shown = 0; !store.is_ending() && (count == 0 || shown < count); ++shown) {
    if (shown > 0)
      std::this_thread::sleep_for(top_interval);
    auto now = store.ask<store_record>(store.store(), info_atom_v);
    auto peers = store.ask<std::vector<peer_record>>(store.store(), peers_atom_v);
    if (!now || !peers)
      return fail(now ? peers.error() : now.error());
    auto text = store.is_json() ? to_line(to_json(*now)) : screen(*now, before.value_or(*now), *peers);
    if (!store.is_json() && isatty(STDOUT_FILENO) == 1)
      text.insert(0, "\x1b[H\x1b[2J");
    if (auto written = store.out().line(text); !written)
      return written;
    before = std::move(*now);
  }
  return {};
}

} // namespace

void add_connect(CLI::App& app, plan& chosen) {
  auto address = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("connect", "Have the running server dial a peer, and again whenever it is lost");
  verb->add_option("ADDR", *address, "host:port or unix:PATH, with @9 or @10 for one generation")->required();
  verb->callback([&chosen, address] {
    chosen.run = [address](session& store) {
      return connect(store, *address);
    };
  });
}

void add_purge(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("purge", "Erase a core and give its bytes back");
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default")->required();
  verb->callback([&chosen, core] {
    chosen.target.may_create = false;
    chosen.run = [core](session& store) {
      return purge(store, *core);
    };
  });
}

void add_top(CLI::App& app, plan& chosen) {
  auto count = std::make_shared<std::uint64_t>(0);
  auto* verb = app.add_subcommand("top", "Watch the running server");
  verb->add_option("--count", *count, "End after so many screens (0: never)");
  verb->callback([&chosen, count] {
    if (!chosen.target.storage.empty())
      throw CLI::ValidationError("top",
                                 "it watches a running server: name one with --node, not a store with --storage");
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.target.is_live = true;
    chosen.run = [count](session& store) {
      return top(store, *count);
    };
  });
}

} // namespace corestore::programs
