#include "programs/server_options.hpp"

#include <array>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "config/key_file.hpp"
#include "config/keys.hpp"
#include "config/settings_file.hpp"
#include "config/tls.hpp"
#include "corestore_version.hpp"
#include "programs/exit_code.hpp"
#include "programs/process_environment.hpp"

namespace corestore::programs {

namespace {

struct flag_rule {
  const char* flag;
  const char* key;
  const char* help;
  bool is_list = false;
};

constexpr std::array<flag_rule, 10> flag_rules{{
  {"--storage", "store.path", "Folder of the store"},
  {"--primary-key-file", "store.primary-key-file", "64 hex digits or 32 raw bytes; used when the store is created"},
  {"--generation", "store.generation", "Hypercore generation of new cores and of dialled peers: 10 or 9"},
  {"--listen", "replication.listen", "Address for peers, or off; may be repeated", true},
  {"--connect", "replication.connect", "Peer to dial, and to dial again when it is lost; may be repeated", true},
  {"--mirror", "replication.mirror",
   "Key of a core to keep complete and live, with @9 or @10 for one generation; may be repeated", true},
  {"--http", "http.listen", "Address of the HTTP surface, or off"},
  {"--node", "node.listen", "Address of the actor-to-actor surface, or off; needs TLS off loopback"},
  {"--durability", "store.durability", "commit, interval or none: when an append is acknowledged"},
  {"--log-level", "log.level", "trace, debug, info, warn, error or off"},
}};

const char* const development_help =
  "For development: log level debug, and a free port when the default one is taken; with no other settings the store "
  "is ./data and peers connect on loopback";

} // namespace

std::pair<std::optional<server_options>, int> parse_server_options(int argc, char** argv) {
  server_options options;
  std::array<std::vector<std::string>, flag_rules.size()> values;
  CLI::App app{"Serves a store of Hypercores to peers.", "corestored"};
  app.add_option("--config", options.config_file, "Configuration file; a flag beats the file");
  for (std::size_t position = 0; position < flag_rules.size(); ++position) {
    const auto& rule = flag_rules.at(position);
    auto* option = app.add_option(rule.flag, values.at(position), rule.help)->allow_extra_args(false);
    if (!rule.is_list)
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
  app.add_flag("--check", options.is_check, "Check the configuration and exit");
  app.add_flag("--print-config", options.is_print_config, "Print the effective configuration and exit");
  app.add_flag("--dev", options.is_development, development_help);
  app.set_version_flag("--version", std::string{version});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0)
      return {std::nullopt, app.exit(failure)};
    std::fprintf(stderr, "corestored: %s; see corestored --help\n", failure.what());
    return {std::nullopt, exit_usage};
  }
  for (std::size_t position = 0; position < flag_rules.size(); ++position)
    if (!values.at(position).empty())
      options.assignments.push_back({flag_rules.at(position).key, flag_rules.at(position).flag, values.at(position)});
  return {std::move(options), exit_done};
}

result<config::settings> effective_settings(const server_options& options) {
  config::settings settings;
  if (!options.config_file.empty()) {
    auto loaded = config::load_settings(options.config_file, process_environment);
    if (!loaded)
      return loaded;
    settings = std::move(*loaded);
  }
  if (options.is_development && !settings.origins.contains("log.level"))
    settings.log.level = config::log_level::debug;
  for (const auto& [key, flag, values] : options.assignments)
    if (auto assigned = config::assign(settings, key, values, flag); !assigned)
      return fail(assigned.error());
  if (auto valid = config::validate(settings); !valid)
    return fail(valid.error());
  if (!settings.store.primary_key_file.empty())
    if (auto key = config::read_primary_key(settings.store.primary_key_file); !key)
      return fail(key.error());
  if (settings.node.listen.kind != config::address_kind::off && settings.node.has_tls())
    if (auto files =
          config::check_tls_files({settings.node.tls_certificate, settings.node.tls_key, settings.node.tls_ca});
        !files)
      return fail(files.error());
  return settings;
}

} // namespace corestore::programs
