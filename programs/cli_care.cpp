// Verbs that look after cores: verify, mirror, unmirror.
#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// A large core takes as long as hashing all of it: 0.7 GB/s on a slow machine. Remote losses end the process.
constexpr std::chrono::hours verify_time_max{24};

result<void> print_report(session& store, const core_record& record, const verify_report& report) {
  if (store.is_json())
    return store.out().line(to_line({{"key", text::to_hex(record.key.view())},
                                     {"discoveryKey", text::to_hex(record.discovery.view())},
                                     {"length", record.length},
                                     {"blocks", report.blocks},
                                     {"bytes", report.bytes_hashed},
                                     {"faults", report.faults}}));
  auto line =
    fmt::format("key {}  blocks {}  bytes {}  {}", text::to_hex(record.key.view()), report.blocks, report.bytes_hashed,
                report.faults.empty() ? "intact" : fmt::format("faults {}", report.faults.size()));
  for (const auto& fault : report.faults)
    line += "\n  " + fault;
  return store.out().line(line);
}

/// Prints the report; answers the number of faults.
result<std::size_t> verify_one(session& store, const core_selector& selector, const std::string& shown) {
  auto core = store.ask<opened_core>(store.store(), open_atom_v, selector);
  if (!core && core.error().code == ec::not_found)
    return fail(ec::not_found, "the store does not know the core " + shown);
  if (!core)
    return fail(core.error());
  auto report = ask<verify_report>(store.self(), core->handle, verify_time_max, verify_atom_v);
  if (!report)
    return fail(report.error());
  auto printed = print_report(store, core->record, *report);
  return printed.map([&report] { return report->faults.size(); });
}

result<void> verify(session& store, const std::string& core) {
  std::vector<std::pair<core_selector, std::string>> wanted;
  if (!core.empty()) {
    auto selector = store.select(core, false);
    if (!selector)
      return fail(selector.error());
    wanted.emplace_back(*selector, core);
  } else {
    auto records = store.list();
    if (!records)
      return fail(records.error());
    for (const auto& record : *records) {
      core_selector selector;
      selector.kind = selector_kind::by_discovery;
      selector.id.data = record.discovery.data;
      selector.create = false;
      wanted.emplace_back(selector, text::to_hex(record.key.view()));
    }
  }
  std::size_t faults = 0;
  for (const auto& [selector, shown] : wanted) {
    auto found = verify_one(store, selector, shown);
    if (!found)
      return fail(found.error());
    faults += *found;
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
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default; without it every core");
  verb->callback([&chosen, core] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [core](session& store) {
      return verify(store, *core);
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
