// Verbs about connections that are up: switch, disconnect.
#include <caf/all.hpp>
#include <fmt/format.h>

#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

struct switch_request {
  std::string core;
  std::uint64_t peer = 0;
  std::string upload;
  std::string download;
  std::string allow_push;
  std::string push_only;
};

toggle as_toggle(const std::string& given) {
  return given.empty() ? toggle::keep : given == "on" ? toggle::on : toggle::off;
}

result<void> switch_connection(session& store, const switch_request& wanted) {
  connection_switches request{wanted.peer, as_toggle(wanted.upload), as_toggle(wanted.download)};
  auto record = store.ask<peer_record>(store.store(), switch_atom_v, request);
  if (!record && record.error().code == ec::not_found)
    return fail(ec::not_found, record.error().detail + "; `corestore peers` lists those there are");
  if (!record)
    return fail(record.error());
  return store.out().line(store.is_json() ? to_line(to_json(*record)) : to_summary(*record));
}

result<void> switch_core(session& store, const switch_request& wanted) {
  auto core = store.open_core(wanted.core, false);
  if (!core)
    return fail(core.error());
  core_switches request;
  request.upload = as_toggle(wanted.upload);
  request.download = as_toggle(wanted.download);
  request.allow_push = as_toggle(wanted.allow_push);
  request.push_only = as_toggle(wanted.push_only);
  request.session = wanted.peer;
  auto now = store.ask<core_switches>(core->handle, switch_atom_v, request);
  if (!now)
    return fail(now.error());
  if (store.is_json())
    return store.out().line(to_line(to_json(*now)));
  auto word = [](toggle which) {
    return which == toggle::on ? "on" : "off";
  };
  auto line = fmt::format("key {}  {}  upload {}  download {}", text::to_hex(core->record.key.view()),
                          wanted.peer == 0 ? "all peers" : fmt::format("peer {}", wanted.peer), word(now->upload),
                          word(now->download));
  if (wanted.peer == 0)
    line += fmt::format("  allow-push {}  push-only {}", word(now->allow_push), word(now->push_only));
  return store.out().line(line);
}

result<void> disconnect(session& store, std::uint64_t peer) {
  auto done = store.ask<bool>(store.store(), hangup_atom_v, peer);
  if (!done)
    return fail(done.error());
  if (!*done)
    return fail(ec::not_found, fmt::format("there is no connection {}; `corestore peers` lists those there are", peer));
  return store.out().line(store.is_json() ? to_line({{"id", peer}, {"closed", true}})
                                          : fmt::format("connection {} is closed", peer));
}

} // namespace

void require_node(const plan& chosen, const std::string& verb) {
  if (!chosen.target.storage.empty())
    throw CLI::ValidationError(verb, "it tells a running server: name one with --node, not a store with --storage");
}

void add_switch(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<switch_request>();
  auto* verb = app.add_subcommand(
    "switch",
    "Switch uploads and downloads of a connection, of a core, or of a core on one connection, while it is up");
  verb->add_option("CORE", wanted->core, "Key, discovery key, name:NAME or default");
  auto* peer = verb->add_option("--peer", wanted->peer, "Id of a connection, as `peers` prints it");
  for (auto [name, field, help] :
       {std::tuple{"--upload", &wanted->upload, "Answer requests for blocks: on or off"},
        {"--download", &wanted->download, "Ask for blocks: on or off"},
        {"--allow-push", &wanted->allow_push, "Take blocks of the core that nobody asked for: on or off"},
        {"--push-only", &wanted->push_only, "Ask for no block of the core: on or off"}})
    verb->add_option(name, *field, help)->check(CLI::IsMember({"on", "off"}));
  verb->callback([&chosen, wanted, peer] {
    require_node(chosen, "switch");
    if (wanted->core.empty() && peer->count() == 0)
      throw CLI::ValidationError("switch", "name a CORE, a connection with --peer, or both");
    auto is_about_pushes = !wanted->allow_push.empty() || !wanted->push_only.empty();
    if (is_about_pushes && (wanted->core.empty() || peer->count() > 0))
      throw CLI::ValidationError("switch", "--allow-push and --push-only are of a CORE, for all its peers");
    chosen.run = [wanted](session& store) {
      return wanted->core.empty() ? switch_connection(store, *wanted) : switch_core(store, *wanted);
    };
  });
}

void add_disconnect(CLI::App& app, plan& chosen) {
  auto peer = std::make_shared<std::uint64_t>(0);
  auto* verb = app.add_subcommand("disconnect", "Have the running server end a connection, and dial it no more");
  verb->add_option("ID", *peer, "Of the connection, as `peers` prints it")->required();
  verb->callback([&chosen, peer] {
    require_node(chosen, "disconnect");
    chosen.run = [peer](session& store) {
      return disconnect(store, *peer);
    };
  });
}

} // namespace corestore::programs
