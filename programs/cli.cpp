// corestore: the command line of a store, opened here or served by a node.
#include "programs/cli.hpp"

#include <cstdio>
#include <string>

#include "corestore_version.hpp"
#include "log/twin.hpp"
#include "programs/exit_code.hpp"
#include "programs/node_surface.hpp"
#include "programs/signals.hpp"

namespace {

using namespace corestore;
using namespace corestore::programs;

void add_global_options(CLI::App& app, plan& chosen, std::string& generation) {
  app.add_option("--storage", chosen.target.storage, "Folder of a store to open in this process");
  app.add_option("--primary-key-file", chosen.target.primary_key_file,
                 "64 hex digits or 32 raw bytes; for a store that is created, and compared otherwise");
  app
    .add_option("--node", chosen.target.node,
                "Address of a running corestored (" + std::string{node_address_default} + ")")
    ->excludes("--storage");
  app.add_flag("--json", chosen.is_json, "One JSON object for each line of the result");
  app.add_option("--namespace", chosen.target.name_space, "Namespace of names; repeat it to nest")
    ->allow_extra_args(false);
  app.add_option(
    "--encryption-key", chosen.target.encryption_key,
    "64 hex digits: append encrypted blocks and read them; a server keeps using it while the core is open");
  app.add_option(
    "--generation", generation,
    "Hypercore generation of new cores and of a dialled peer: 10, 9, or both (of a core that is written here)");
  app.set_version_flag("--version", std::string{corestore::version});
}

void add_verbs(CLI::App& app, plan& chosen) {
  for (auto add : {add_create,   add_info,     add_list,    add_append,     add_get,       add_cat,     add_seek,
                   add_bytes,    add_truncate, add_clear,   add_verify,     add_mirror,    add_connect, add_export,
                   add_import,   add_peers,    add_purge,   add_top,        add_replicate, add_backup,  add_restore,
                   add_unfence,  add_compact,  add_switch,  add_disconnect, add_bans,      add_ban,     add_unban,
                   add_userdata, add_send,     add_receive, add_push,       add_group,     add_updates})
    add(app, chosen);
}

/// CLI11 tells what is missing; here what is surplus says more.
std::string usage_error(const CLI::App& app, const CLI::ParseError& failure) {
  auto surplus = app.remaining(true);
  if (app.get_subcommands().empty() && !surplus.empty() && !surplus.front().starts_with("-"))
    return "unknown verb " + surplus.front();
  if (!surplus.empty())
    return "not understood: " + surplus.front();
  return app.get_subcommands().empty() ? "a verb is required" : failure.what();
}

int complain(int code, std::string reason) {
  for (auto& character : reason)
    if (character == '\n')
      character = ' ';
  std::fprintf(stderr, "corestore: %s\n", reason.c_str());
  return code;
}

/// For people: the sentence about the subject; the name of the cause when there is none.
int complain(const error& what) {
  auto code = exit_code_of(what.code);
  if (code == exit_done)
    return code;
  return complain(code, what.detail.empty() ? std::string{describe(what.code)} : what.detail);
}

int run(const plan& chosen) {
  if (chosen.run_alone) {
    auto done = chosen.run_alone(chosen);
    return done ? exit_done : complain(done.error());
  }
  auto store = session::open(chosen.target, chosen.is_json);
  if (!store)
    return complain(store.error());
  auto done = chosen.run(**store);
  return done ? exit_done : complain(done.error());
}

} // namespace

int main(int argc, char** argv) {
  end_on_bus_error("corestore");
  plan chosen;
  std::string generation;
  CLI::App app{"Signed, append-only, replicated logs: one store of many cores.", "corestore"};
  app.fallthrough();
  app.require_subcommand(1);
  add_global_options(app, chosen, generation);
  add_verbs(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0)
      return app.exit(failure); // --help and --version
    return complain(exit_usage, usage_error(app, failure) + "; see corestore --help");
  }
  if (!generation.empty() && generation != "9" && generation != "10" && generation != "both")
    return complain(exit_usage, "--generation is 10, 9 or both");
  if (generation == "both")
    chosen.target.generation = log::both_generations;
  else if (!generation.empty())
    chosen.target.generation = static_cast<std::uint8_t>(generation == "9" ? 9 : 10);
  return run(chosen);
}
