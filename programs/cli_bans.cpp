// Verbs about who is turned away: bans, ban, unban.
#include <caf/all.hpp>
#include <fmt/format.h>

#include "config/values.hpp"
#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

using std::chrono::milliseconds;

/// What a ban by hand lasts, and how long it may at most.
constexpr std::chrono::hours time_default{1};
constexpr std::chrono::hours time_max{366 * 24};

result<void> list_bans(session& store) {
  auto bans = store.ask<std::vector<ban_record>>(store.store(), ban_atom_v);
  if (!bans)
    return fail(bans.error());
  for (const auto& ban : *bans) {
    auto left = std::chrono::ceil<std::chrono::seconds>(milliseconds{ban.left_ms}).count();
    auto line =
      store.is_json() ? to_line(to_json(ban)) : fmt::format("{}  for {} s more  {}", ban.subject, left, ban.reason);
    if (auto written = store.out().line(line); !written)
      return written;
  }
  return {};
}

result<void> ban(session& store, const std::string& subject, milliseconds time) {
  auto left_ms = static_cast<std::uint64_t>(time.count());
  auto done = store.ask<bool>(store.store(), ban_atom_v, subject, left_ms);
  if (!done)
    return fail(done.error());
  if (store.is_json())
    return store.out().line(to_line({{"subject", subject}, {"leftMs", left_ms}}));
  return store.out().line(fmt::format("{} is turned away for {}", subject, config::print_duration(time)));
}

result<void> unban(session& store, const std::string& subject) {
  auto done = store.ask<bool>(store.store(), ban_atom_v, subject, std::uint64_t{0});
  if (!done)
    return fail(done.error());
  if (!*done)
    return fail(ec::not_found, "there is no ban of " + subject + "; `corestore bans` lists those there are");
  if (store.is_json())
    return store.out().line(to_line({{"subject", subject}, {"leftMs", 0}}));
  return store.out().line(subject + " may come again");
}

} // namespace

void add_bans(CLI::App& app, plan& chosen) {
  auto* verb = app.add_subcommand("bans", "Print the keys and addresses that the running server turns away for now");
  verb->callback([&chosen] {
    require_node(chosen, "bans");
    chosen.run = list_bans;
  });
}

void add_ban(CLI::App& app, plan& chosen) {
  auto subject = std::make_shared<std::string>();
  auto given = std::make_shared<std::string>(config::print_duration(time_default));
  auto* verb = app.add_subcommand("ban", "Have the running server turn a public key or an address away for a while");
  verb->add_option("SUBJECT", *subject, "Public key of a peer, as `peers` prints it, or an address without port")
    ->required();
  verb->add_option("--for", *given, "For how long: 30s, 10min, 24h (1h)");
  verb->callback([&chosen, subject, given] {
    require_node(chosen, "ban");
    auto time = config::read_duration(*given, milliseconds{1}, time_max);
    if (!time)
      throw CLI::ValidationError("--for", time.error().detail);
    chosen.run = [subject, time = *time](session& store) {
      return ban(store, *subject, time);
    };
  });
}

void add_unban(CLI::App& app, plan& chosen) {
  auto subject = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("unban", "Lift a ban, and forget the strikes that led to it");
  verb->add_option("SUBJECT", *subject, "Public key or address, as `bans` prints it")->required();
  verb->callback([&chosen, subject] {
    require_node(chosen, "unban");
    chosen.run = [subject](session& store) {
      return unban(store, *subject);
    };
  });
}

} // namespace corestore::programs
