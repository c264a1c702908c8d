// Verbs that look after cores: verify, mirror, unmirror.
#include <chrono>
#include <fstream>
#include <thread>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "actors/evidence.hpp"
#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// A large core takes as long as hashing all of it: 0.7 GB/s on a slow machine. Remote losses end the process.
constexpr std::chrono::hours verify_time_max{24};

/// Two proofs of some dozen tree nodes each, and a manifest.
constexpr std::size_t evidence_bytes_max = std::size_t{1} << 20U;

json conflict_json(const conflict_record& found) {
  return {{"fork", found.fork},
          {"length", found.length},
          {"firstTree", text::to_hex(found.our_tree.view())},
          {"secondTree", text::to_hex(found.their_tree.view())},
          {"proof", text::to_hex(found.proof)}};
}

result<void> print_report(session& store, const core_record& record, const verify_report& report,
                          const conflict_record& conflict) {
  if (store.is_json()) {
    json line{{"key", text::to_hex(record.key.view())},
              {"discoveryKey", text::to_hex(record.discovery.view())},
              {"length", record.length},
              {"blocks", report.blocks},
              {"bytes", report.bytes_hashed},
              {"faults", report.faults}};
    if (conflict.is_found)
      line["conflict"] = conflict_json(conflict);
    return store.out().line(to_line(line));
  }
  auto line =
    fmt::format("key {}  blocks {}  bytes {}  {}", text::to_hex(record.key.view()), report.blocks, report.bytes_hashed,
                report.faults.empty() ? "intact" : fmt::format("faults {}", report.faults.size()));
  for (const auto& fault : report.faults)
    line += "\n  " + fault;
  return store.out().line(line);
}

result<void> write_file(const std::string& path, const bytes& content) {
  std::ofstream file{path, std::ios::binary};
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file)
    return fail(ec::storage_failed, "cannot write " + path);
  return {};
}

struct verified_core {
  core_record record;
  verify_report report;
  conflict_record conflict;
};

/// Where the bar of a verification stands.
struct verify_progress {
  progress bar;
  std::uint64_t done = 0; ///< blocks of the cores before
};

/// A large core takes long: how far it is can be asked for meanwhile.
result<verify_report> hash_all(session& store, const core_actor& core, verify_progress& shown) {
  constexpr std::chrono::milliseconds look_interval{200};
  const auto& self = store.self();
  auto pending = self->request(core, caf::timespan{verify_time_max}, verify_atom_v);
  if (shown.bar.is_watched() && !self->await_data(std::chrono::high_resolution_clock::now() + look_interval)) {
    for (;;) {
      auto now = store.ask<core_stats>(core, stats_atom_v);
      if (!now || !now->is_verifying)
        break;
      shown.bar.at(shown.done + now->blocks_verified);
      std::this_thread::sleep_for(look_interval);
    }
  }
  result<verify_report> report = fail(ec::internal, "no answer");
  pending.receive([&report](verify_report& value) { report = std::move(value); },
                  [&report](caf::error& failure) { report = fail(from_caf(failure)); });
  return report;
}

/// Two signed histories are a fault, and their proof goes into `file`.
result<verified_core> verify_one(session& store, const core_selector& selector, const std::string& shown,
                                 const std::string& file, verify_progress& progress) {
  auto core = store.ask<opened_core>(store.store(), open_atom_v, selector);
  if (!core && core.error().code == ec::not_found)
    return fail(unknown_core(shown));
  if (!core)
    return fail(core.error());
  auto report = hash_all(store, core->handle, progress);
  if (!report)
    return fail(report.error());
  auto conflict = store.ask<conflict_record>(core->handle, evidence_atom_v);
  if (!conflict)
    return fail(conflict.error());
  if (conflict->is_found)
    report->faults.push_back(
      fmt::format("two histories are signed for length {} of fork {}", conflict->length, conflict->fork));
  if (!file.empty() && !conflict->proof.empty())
    if (auto written = write_file(file, conflict->proof); !written)
      return fail(written.error());
  return verified_core{std::move(core->record), std::move(*report), std::move(*conflict)};
}

/// What such a file proves, without any store.
result<void> check_proof(const std::string& file, const std::string& core, bool is_json) {
  output out;
  std::ifstream source{file, std::ios::binary};
  bytes content(evidence_bytes_max + 1);
  source.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(source.gcount()));
  if (!source.is_open() || source.bad())
    return fail(ec::not_found, "cannot read " + file);
  auto key = actors::core_of_evidence(content);
  if (!key)
    return fail(key.error().code, file + " is no proof of two histories: " + key.error().detail);
  if (!core.empty() && core != text::to_hex(key->view()) && core != text::to_z32(key->view()))
    return fail(ec::invalid_proof, "the proof is about core " + text::to_hex(key->view()));
  auto found = actors::check_evidence(content, *key);
  if (!found)
    return fail(found.error());
  if (is_json) {
    auto line = conflict_json(*found);
    line["key"] = text::to_hex(key->view());
    line.erase("proof");
    return out.line(to_line(line));
  }
  return out.line(fmt::format("key {}  two histories are signed for length {} of fork {}\n  tree {}\n  tree {}",
                              text::to_hex(key->view()), found->length, found->fork,
                              text::to_hex(found->our_tree.view()), text::to_hex(found->their_tree.view())));
}

result<void> verify(session& store, const std::string& core, const std::string& file) {
  std::vector<std::pair<core_selector, std::string>> wanted;
  std::uint64_t blocks = 0;
  if (!core.empty()) {
    auto selector = store.select(core, false);
    if (!selector)
      return fail(selector.error());
    wanted.emplace_back(*selector, core);
    if (auto record = store.ask<core_record>(store.store(), info_atom_v, *selector))
      blocks = record->length;
  } else {
    auto records = store.list();
    if (!records)
      return fail(records.error());
    for (const auto& record : *records) {
      core_selector selector;
      selector.kind = selector_kind::by_discovery;
      selector.id.data = record.discovery.data;
      selector.generation = record.generation; // a core in both is listed twice
      selector.create = false;
      wanted.emplace_back(selector, text::to_hex(record.key.view()));
      blocks += record.length;
    }
  }
  std::size_t faults = 0;
  verify_progress shown_progress{{"verifying", "blocks", blocks == 0 ? std::nullopt : std::optional{blocks}}};
  for (const auto& [selector, shown] : wanted) {
    shown_progress.bar.at(shown_progress.done);
    auto found = verify_one(store, selector, shown, file, shown_progress);
    if (!found)
      return fail(found.error());
    shown_progress.bar.hide();
    if (auto printed = print_report(store, found->record, found->report, found->conflict); !printed)
      return printed;
    faults += found->report.faults.size();
    shown_progress.done += found->report.blocks;
  }
  if (faults > 0)
    return fail(ec::invalid_checksum, fmt::format("verification found {} fault{}", faults, faults == 1 ? "" : "s"));
  return {};
}

result<void> mirror(session& store, const std::string& core, bool is_on) {
  auto opened = store.open_core(core, is_on);
  if (!opened)
    return fail(opened.error());
  auto record = store.ask<core_record>(opened->handle, mirror_atom_v, is_on);
  return record.and_then([&store](const core_record& now) {
    return store.out().line(store.is_json() ? to_line(to_json(now)) : to_text(now));
  });
}

} // namespace

void add_verify(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("verify", "Hash everything stored and compare it with the signed head");
  auto evidence = std::make_shared<std::string>();
  auto proof = std::make_shared<std::string>();
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default; without it every core");
  verb->add_option("--evidence", *evidence,
                   "If two histories of the core are signed, write the proof of it to this file");
  verb->add_option("--proof", *proof, "Check such a file instead; needs no store")->excludes("--evidence");
  verb->callback([&chosen, core, evidence, proof] {
    chosen.target.may_write = chosen.target.may_create = false;
    if (!proof->empty())
      chosen.run_alone = [core, proof](const plan& wanted) {
        return check_proof(*proof, *core, wanted.is_json);
      };
    chosen.run = [core, evidence](session& store) {
      return verify(store, *core, *evidence);
    };
  });
}

void add_mirror(CLI::App& app, plan& chosen) {
  for (auto is_on : {true, false}) {
    auto core = std::make_shared<std::string>();
    auto* verb = is_on ? app.add_subcommand("mirror", "Keep a core complete and live, also after a restart")
                       : app.add_subcommand("unmirror", "No longer keep a core complete");
    verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default")->required();
    verb->callback([&chosen, core, is_on] {
      chosen.run = [core, is_on](session& store) {
        return mirror(store, *core, is_on);
      };
    });
  }
}

} // namespace corestore::programs
