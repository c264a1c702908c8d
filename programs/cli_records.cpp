// Verbs that print records: create, info, list, peers.
#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

result<void> print(session& store, const core_record& record) {
  return store.out().line(store.is_json() ? to_line(to_json(record)) : to_text(record));
}

result<void> create(session& store, const std::string& name, const std::string& group) {
  core_selector selector;
  if (!group.empty()) {
    auto topic = parse_topic(group);
    if (!topic)
      return fail(topic.error());
    selector.group = to_bytes(topic->view());
  }
  selector.kind = name.empty() ? selector_kind::at_random : selector_kind::by_name;
  selector.path = store.path();
  selector.generation = store.generation();
  selector.name = name;
  return store.ask<opened_core>(store.store(), open_atom_v, selector).and_then([&store](const opened_core& opened) {
    return print(store, opened.record);
  });
}

result<void> info(session& store, const std::string& core) {
  if (core.empty()) {
    return store.ask<store_record>(store.store(), info_atom_v).and_then([&store](const store_record& record) {
      return store.out().line(store.is_json() ? to_line(to_json(record)) : to_text(record));
    });
  }
  auto selector = store.select(core, false);
  if (!selector)
    return fail(selector.error());
  auto record = store.ask<core_record>(store.store(), info_atom_v, *selector);
  if (!record && record.error().code == ec::not_found)
    return fail(unknown_core(core));
  return record.and_then([&store](const core_record& known) { return print(store, known); });
}

result<void> list(session& store, bool is_recursive) {
  auto records = store.list(is_recursive);
  if (!records)
    return fail(records.error());
  for (const auto& record : *records) {
    auto line = store.is_json() ? to_line(to_json(record)) : to_summary(record);
    if (auto written = store.out().write(line + "\n"); !written)
      return written;
  }
  return store.out().flush();
}

result<void> peers(session& store) {
  auto records = store.ask<std::vector<peer_record>>(store.store(), peers_atom_v);
  if (!records)
    return fail(records.error());
  for (const auto& record : *records) {
    auto line = store.is_json() ? to_line(to_json(record)) : to_summary(record);
    if (auto written = store.out().line(line); !written)
      return written;
  }
  return {};
}

} // namespace

void add_create(CLI::App& app, plan& chosen) {
  auto name = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("create", "Print the record of a new or existing named core");
  auto* given = verb->add_option("NAME", *name, "Name of the core; without it a random core is created");
  auto group = std::make_shared<std::string>();
  verb->add_option("--group", *group, "Topic of the group that the core is in from now on: 64 hex digits");
  verb->callback([&chosen, name, given, group] {
    if (given->count() > 0 && name->empty())
      throw CLI::ValidationError("NAME", "it is empty; leave it out for a random core");
    chosen.run = [name, group](session& store) {
      return create(store, *name, *group);
    };
  });
}

void add_info(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("info", "Print a summary of the store, or all about one core");
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default");
  verb->callback([&chosen, core] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [core](session& store) {
      return info(store, *core);
    };
  });
}

void add_list(CLI::App& app, plan& chosen) {
  auto is_recursive = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand("list", "Print every core of the store, or of the namespace");
  verb->add_flag("--recursive", *is_recursive, "Also the cores of the namespaces below it");
  verb->callback([&chosen, is_recursive] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [is_recursive](session& store) {
      return list(store, *is_recursive);
    };
  });
}

void add_peers(CLI::App& app, plan& chosen) {
  auto* verb = app.add_subcommand("peers", "Print the connections of the running server");
  verb->callback([&chosen] {
    require_node(chosen, "peers");
    chosen.run = peers;
  });
}

} // namespace corestore::programs
