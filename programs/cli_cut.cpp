// Verbs that give blocks back: truncate, clear.
#include <caf/all.hpp>
#include <fmt/format.h>

#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

struct cut_options {
  std::string core;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t fork = 0; ///< 0: the next one
};

result<void> print(session& store, const core_record& record, const clear_result& given_back) {
  if (!store.is_json())
    return store.out().line(
      fmt::format("{}\n{:<18}{} blocks, {} bytes", to_text(record), "given back", given_back.blocks, given_back.bytes));
  auto value = to_json(record);
  value["blocks"] = given_back.blocks;
  value["bytes"] = given_back.bytes;
  return store.out().line(to_line(value));
}

result<void> truncate(session& store, const cut_options& options) {
  auto core = store.open_core(options.core, false);
  if (!core)
    return fail(core.error());
  auto stored = store.ask<clear_result>(core->handle, stats_atom_v, options.start, core->record.length);
  if (!stored)
    return fail(stored.error());
  auto record = store.ask<core_record>(core->handle, truncate_atom_v, options.start, options.fork);
  return record.and_then([&](const core_record& now) { return print(store, now, *stored); });
}

result<void> clear(session& store, const cut_options& options) {
  auto core = store.open_core(options.core, false);
  if (!core)
    return fail(core.error());
  auto given_back = store.ask<clear_result>(core->handle, clear_atom_v, options.start, options.end);
  if (!given_back)
    return fail(given_back.error());
  auto record = store.ask<core_record>(core->handle, info_atom_v);
  return record.and_then([&](const core_record& now) { return print(store, now, *given_back); });
}

} // namespace

void add_truncate(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<cut_options>();
  auto* verb = app.add_subcommand("truncate", "Keep the first blocks of a core only, on another fork");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("LENGTH", options->start, "Number of blocks that stay")->required()->check(CLI::NonNegativeNumber);
  verb->add_option("--fork", options->fork, "Number of the new fork (the next one)")->check(CLI::NonNegativeNumber);
  verb->callback([&chosen, options] {
    chosen.target.may_create = false;
    chosen.run = [options](session& store) {
      return truncate(store, *options);
    };
  });
}

void add_clear(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<cut_options>();
  auto* verb = app.add_subcommand("clear", "Give the bytes of blocks back; the log itself stays as it is");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("START", options->start, "First block")->required()->check(CLI::NonNegativeNumber);
  verb->add_option("END", options->end, "One past the last block")->required()->check(CLI::NonNegativeNumber);
  verb->callback([&chosen, options] {
    chosen.target.may_create = false;
    chosen.run = [options](session& store) {
      return clear(store, *options);
    };
  });
}

} // namespace corestore::programs
