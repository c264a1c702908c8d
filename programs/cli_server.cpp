// Verbs of a running server: connect, purge, top.
#include <chrono>

#include <caf/all.hpp>
#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.hpp"
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
  auto record = store.ask<core_record>(store.store(), info_atom_v, *selector);
  if (!record && record.error().code == ec::not_found)
    return fail(unknown_core(core));
  if (!record)
    return fail(record.error());
  auto given_back = store.ask<clear_result>(store.store(), purge_atom_v, *selector);
  if (!given_back)
    return fail(given_back.error());
  auto key = text::to_hex(record->key.view());
  auto discovery = text::to_hex(record->discovery.view());
  if (!store.is_json())
    return store.out().line(fmt::format("{:<18}{}\n{:<18}{}\n{:<18}{} blocks, {} bytes", "key", key, "discovery key",
                                        discovery, "given back", given_back->blocks, given_back->bytes));
  return store.out().line(
    to_line({{"key", key}, {"discoveryKey", discovery}, {"blocks", given_back->blocks}, {"bytes", given_back->bytes}}));
}

std::string readable(double bytes) {
  std::size_t unit = 0;
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit)
    bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units.at(unit));
}

/// What fits on a terminal; in a pipe everything.
struct screen_size {
  std::size_t lines = 40;
  std::size_t columns = 400;
};

screen_size terminal_size() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2 || size.ws_col < 2)
    return {};
  return {size.ws_row, size.ws_col};
}

/// What is remarkable comes before the key, of which as much is shown as there is room for.
std::string peer_line(const peer_record& peer, std::size_t columns) {
  constexpr std::size_t key_columns_min = 19; // public key 8ffe56e4
  auto line = fmt::format("{:>6}  {:<22} {:<10} {:>8} {:>11} {:>11}", peer.id, peer.address, peer.state, peer.channels,
                          readable(static_cast<double>(peer.bytes_in)), readable(static_cast<double>(peer.bytes_out)));
  if (!peer.may_upload)
    line += "  upload off";
  if (!peer.may_download)
    line += "  download off";
  if (peer.is_throttled)
    line += "  slowed";
  if (peer.strikes > 0)
    line += fmt::format("  strikes {}", peer.strikes);
  if (!peer.public_key.empty() && line.size() + 2 + key_columns_min <= columns)
    line += "  public key " + peer.public_key;
  return line;
}

/// One screen; rates are per second since the look before, `seconds` ago.
std::vector<std::string> screen(const store_record& now, const store_record& before, double seconds,
                                const std::vector<peer_record>& peers, const screen_size& room) {
  auto rate = [&](std::uint64_t store_record::*field) {
    return static_cast<double>(now.*field - before.*field) / seconds;
  };
  auto flow = [&](std::string_view name, std::uint64_t store_record::*blocks, std::uint64_t store_record::*size) {
    return fmt::format("{:<12}{:>10.0f} blocks/s {:>12}/s {:>14} blocks in all", name, rate(blocks),
                       readable(rate(size)), now.*blocks);
  };
  auto mean_ms = [&](std::uint64_t store_record::*count, std::uint64_t store_record::*time) {
    auto grown = now.*count - before.*count;
    return grown == 0 ? 0.0 : static_cast<double>(now.*time - before.*time) / static_cast<double>(grown) / 1000;
  };
  std::vector<std::string> lines;
  lines.push_back(fmt::format("corestore {}   durability {}   {} of {} used", now.version, now.durability,
                              readable(static_cast<double>(now.used_bytes)),
                              readable(static_cast<double>(now.quota_bytes != 0 ? now.quota_bytes : now.limit_bytes))));
  lines.emplace_back();
  lines.push_back(fmt::format("{:<12}{} known, {} held, {} idle, {} passive", "cores", now.cores_known,
                              now.cores_active, now.cores_idle, now.cores_passive));
  lines.push_back(fmt::format("{:<12}{} open, {} in handshake, {} dialling; {} refused, {} banned", "connections",
                              now.sessions_open, now.sessions_handshake, now.sessions_dialling, now.refusals,
                              now.bans));
  lines.push_back(flow("appended", &store_record::blocks_appended, &store_record::bytes_appended));
  lines.push_back(flow("downloaded", &store_record::blocks_downloaded, &store_record::bytes_downloaded));
  lines.push_back(flow("uploaded", &store_record::blocks_uploaded, &store_record::bytes_uploaded));
  lines.push_back(fmt::format("{:<12}{:>10.0f} commits/s {:>11.2f} ms each, {:.2f} ms queued", "commits",
                              rate(&store_record::commits), mean_ms(&store_record::commits, &store_record::commit_us),
                              mean_ms(&store_record::change_sets, &store_record::queue_us)));
  lines.emplace_back();
  lines.push_back(
    fmt::format("{:>6}  {:<22} {:<10} {:>8} {:>11} {:>11}", "id", "connection", "state", "channels", "in", "out"));
  auto shown = std::min(peers.size(), room.lines > lines.size() + 2 ? room.lines - lines.size() - 2 : 0);
  for (std::size_t position = 0; position < shown; ++position)
    lines.push_back(peer_line(peers[position], room.columns));
  if (peers.empty())
    lines.emplace_back("        none; `corestore connect ADDR` dials one");
  else if (peers.size() > shown)
    lines.push_back(fmt::format("        and {} more", peers.size() - shown));
  return lines;
}

/// Drawn over the screen before, so that it does not flicker.
std::string drawn(const std::vector<std::string>& lines, const screen_size& size) {
  std::string text = "\x1b[H";
  for (std::size_t position = 0; position < std::min(lines.size(), size.lines - 1); ++position)
    text += lines[position].substr(0, size.columns) + "\x1b[K\n";
  return text + "\x1b[J";
}

/// A live screen on a terminal, one after the other in a pipe, with --json a line of numbers each time; until the user
/// ends it or `count` were shown.
result<void> top(session& store, std::uint64_t count) {
  std::optional<store_record> before;
  auto looked_at = std::chrono::steady_clock::now();
  bool is_terminal = isatty(STDOUT_FILENO) == 1;
  for (std::uint64_t shown = 0; count == 0 || shown < count; ++shown) {
    if (shown > 0)
      store.self()->receive(
        [](shutdown_atom) {
          // the user ends it
        },
        caf::after(top_interval) >> [] {});
    if (store.is_ending())
      break;
    auto now = store.ask<store_record>(store.store(), info_atom_v);
    auto peers = store.ask<std::vector<peer_record>>(store.store(), peers_atom_v);
    if (!now || !peers)
      return fail(now ? peers.error() : now.error());
    auto looked_before = std::exchange(looked_at, std::chrono::steady_clock::now());
    auto seconds = std::max(std::chrono::duration<double>(looked_at - looked_before).count(), 1e-3);
    auto size = terminal_size();
    std::string text;
    if (store.is_json()) {
      text = to_line(to_json(*now)) + "\n";
    } else {
      auto lines = screen(*now, before.value_or(*now), seconds, *peers, size);
      text = is_terminal ? drawn(lines, size) : fmt::format("{}\n\n", fmt::join(lines, "\n"));
      if (is_terminal && shown == 0)
        text.insert(0, "\x1b[2J");
    }
    if (auto written = store.out().write(text); !written)
      return written;
    if (auto flushed = store.out().flush(); !flushed)
      return flushed;
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
    if (!chosen.target.storage.empty())
      throw CLI::ValidationError("connect", "it tells a running server: name one with --node; to fetch cores into a "
                                            "store without a server, use `replicate`");
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
