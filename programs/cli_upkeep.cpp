// Verbs about the whole store: backup, restore, unfence, compact.
#include <filesystem>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/record_text.hpp"
#include "storage/restore.hpp"

namespace corestore::programs {

namespace {

using json = nlohmann::ordered_json;

/// Writing a whole store takes as long as the disk takes. Remote losses end the process.
constexpr std::chrono::hours copy_time_max{24};

result<void> back_up(session& store, const std::string& directory, bool is_compact) {
  std::error_code failed;
  auto path = std::filesystem::absolute(directory, failed);
  if (failed)
    return fail(ec::bad_argument, directory + ": " + failed.message());
  auto report = ask<space_report>(store.self(), store.store(), copy_time_max, backup_atom_v, path.string(), is_compact);
  if (!report)
    return fail(report.error());
  if (store.is_json())
    return store.out().line(to_line({{"path", report->path},
                                     {"cores", report->cores},
                                     {"bytes", report->to_bytes},
                                     {"storeBytes", report->from_bytes},
                                     {"ms", report->took_ms}}));
  return store.out().line(fmt::format(
    "{}: {} core{}, {} bytes ({} ms)\nnext: keep it off this machine, and try `corestore "
    "--storage {} verify`",
    report->path, report->cores, report->cores == 1 ? "" : "s", report->to_bytes, report->took_ms, report->path));
}

result<void> compact(session& store) {
  auto report = ask<space_report>(store.self(), store.store(), copy_time_max, compact_atom_v);
  if (!report)
    return fail(report.error());
  auto given_back = report->from_bytes - std::min(report->from_bytes, report->to_bytes);
  if (store.is_json())
    return store.out().line(to_line({{"fileBytesBefore", report->from_bytes},
                                     {"fileBytes", report->to_bytes},
                                     {"givenBack", given_back},
                                     {"ms", report->took_ms}}));
  return store.out().line(fmt::format("file {} -> {} bytes, {} given back ({} ms)", report->from_bytes,
                                      report->to_bytes, given_back, report->took_ms));
}

result<void> restore(const plan& all, const std::string& backup, bool is_forced) {
  if (all.target.storage.empty())
    return fail(ec::bad_argument, "name the folder that the store is to be in with --storage");
  auto restored = storage::restore_store(backup, all.target.storage, is_forced);
  if (!restored)
    return fail(restored.error());
  output out;
  if (all.is_json)
    return out.line(to_line({{"storage", all.target.storage},
                             {"cores", restored->cores},
                             {"fenced", restored->fenced},
                             {"bytes", restored->bytes}}));
  auto line = fmt::format("{}: {} core{}, {} of them fenced, {} bytes", all.target.storage, restored->cores,
                          restored->cores == 1 ? "" : "s", restored->fenced, restored->bytes);
  if (!is_forced)
    line +=
      "\nnext: connect it to peers that have its cores; each core can be written again when a peer has shown that "
      "none has a longer log (`corestore list` shows what is fenced, `corestore unfence` ends it by hand)";
  return out.line(line);
}

result<void> lift(session& store, const core_selector& selector) {
  auto core = store.ask<opened_core>(store.store(), open_atom_v, selector);
  if (!core)
    return fail(core.error());
  auto record = store.ask<core_record>(core->handle, fence_atom_v, false);
  if (!record)
    return fail(record.error());
  return store.out().line(store.is_json() ? to_line(to_json(*record)) : to_summary(*record));
}

/// One core, or everything: then cores that are created later are free as well.
result<void> unfence(session& store, const std::string& core) {
  if (!core.empty()) {
    auto selector = store.select(core, false);
    return selector ? lift(store, *selector) : fail(selector.error());
  }
  if (!store.path().empty())
    return fail(ec::bad_argument, "a whole store is unfenced, or one core, but no namespace");
  auto records = store.list();
  if (!records)
    return fail(records.error());
  for (const auto& record : *records) {
    if (!record.is_fenced)
      continue;
    core_selector selector;
    selector.kind = selector_kind::by_discovery;
    selector.id.data = record.discovery.data;
    selector.create = false;
    selector.generation = 255;
    if (auto lifted = lift(store, selector); !lifted)
      return lifted;
  }
  return store.ask<bool>(store.store(), fence_atom_v, false).map([](bool) {});
}

} // namespace

void add_backup(CLI::App& app, plan& chosen) {
  auto directory = std::make_shared<std::string>();
  auto is_compact = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand("backup", "Copy the store as it is now, also while a server works on it");
  verb->add_option("DIR", *directory, "New or empty folder; with --node on the machine of the server")->required();
  verb->add_flag("--compact", *is_compact, "Leave free pages out; it takes longer");
  verb->callback([&chosen, directory, is_compact] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [directory, is_compact](session& store) {
      return back_up(store, *directory, *is_compact);
    };
  });
}

void add_restore(CLI::App& app, plan& chosen) {
  auto directory = std::make_shared<std::string>();
  auto is_forced = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand(
    "restore",
    "Make the store --storage DIR of a backup; its cores cannot be written before a peer has shown that none "
    "has a longer log");
  verb->add_option("DIR", *directory, "What `backup` made, or a copy of the folder of a stopped server")->required();
  verb->add_flag("--force", *is_forced,
                 "Let every core be written at once: only when the lost store signed nothing after the backup");
  verb->callback([&chosen, directory, is_forced] {
    chosen.run_alone = [directory, is_forced](const plan& all) {
      return restore(all, *directory, *is_forced);
    };
  });
}

void add_unfence(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto* verb =
    app.add_subcommand("unfence", "Let a restored core be written although no peer has confirmed its length");
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default; without it every core, also future ones");
  verb->callback([&chosen, core] {
    chosen.target.may_create = false;
    chosen.run = [core](session& store) {
      return unfence(store, *core);
    };
  });
}

void add_compact(CLI::App& app, plan& chosen) {
  auto* verb = app.add_subcommand("compact", "Give the free pages of the database back to the file system");
  verb->callback([&chosen] {
    chosen.target.may_create = false;
    chosen.run = compact;
  });
}

} // namespace corestore::programs
