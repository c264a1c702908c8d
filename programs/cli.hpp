// The pieces of the command line program: what every verb is given, and where verbs register.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "programs/cli_session.hpp"

namespace corestore::programs {

/// What the command line asked for.
struct plan {
  session_options target;
  bool is_json = false;
  /// The verb. Errors become the exit code (exit_code.hpp) and the one line on standard error.
  std::function<result<void>(session&)> run;
  /// Instead of `run`, for a verb that opens its store itself, or none.
  std::function<result<void>(const plan&)> run_alone;
};

/// For a verb about connections: refuses a store that is named by its folder.
void require_node(const plan& chosen, const std::string& verb);

void add_backup(CLI::App& app, plan& chosen);
void add_ban(CLI::App& app, plan& chosen);
void add_bans(CLI::App& app, plan& chosen);
void add_compact(CLI::App& app, plan& chosen);
void add_create(CLI::App& app, plan& chosen);
void add_export(CLI::App& app, plan& chosen);
void add_import(CLI::App& app, plan& chosen);
void add_info(CLI::App& app, plan& chosen);
void add_list(CLI::App& app, plan& chosen);
void add_append(CLI::App& app, plan& chosen);
void add_get(CLI::App& app, plan& chosen);
void add_group(CLI::App& app, plan& chosen);
void add_cat(CLI::App& app, plan& chosen);
void add_seek(CLI::App& app, plan& chosen);
void add_bytes(CLI::App& app, plan& chosen);
void add_connect(CLI::App& app, plan& chosen);
void add_purge(CLI::App& app, plan& chosen);
void add_push(CLI::App& app, plan& chosen);
void add_receive(CLI::App& app, plan& chosen);
void add_send(CLI::App& app, plan& chosen);
void add_top(CLI::App& app, plan& chosen);
void add_truncate(CLI::App& app, plan& chosen);
void add_clear(CLI::App& app, plan& chosen);
void add_verify(CLI::App& app, plan& chosen);
void add_mirror(CLI::App& app, plan& chosen);
void add_peers(CLI::App& app, plan& chosen);
void add_replicate(CLI::App& app, plan& chosen);
void add_disconnect(CLI::App& app, plan& chosen);
void add_restore(CLI::App& app, plan& chosen);
void add_switch(CLI::App& app, plan& chosen);
void add_unban(CLI::App& app, plan& chosen);
void add_unfence(CLI::App& app, plan& chosen);
void add_updates(CLI::App& app, plan& chosen);
void add_userdata(CLI::App& app, plan& chosen);

/// The topic of a group on the command line. bad_argument.
result<hash32> parse_topic(const std::string& topic);

} // namespace corestore::programs
