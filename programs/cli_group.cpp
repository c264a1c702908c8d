// Verbs of groups: group, updates.
#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

constexpr std::uint64_t page_updates_max = 1000;

struct updates_request {
  std::string topic;
  std::uint64_t since = 0;
  std::uint64_t until = 0;
  std::uint64_t limit = 0; ///< 0: all of them
  bool is_reverse = false;
};

std::string to_summary(const group_update& update) {
  return fmt::format("{}  key {}  length {}{}", update.position, text::to_hex(update.key.view()), update.length,
                     update.fork == 0 ? "" : fmt::format("  fork {}", update.fork));
}

result<void> set_group(session& store, const std::string& core, const std::string& topic) {
  bytes wanted;
  if (!topic.empty()) {
    auto parsed = parse_topic(topic);
    if (!parsed)
      return fail(parsed.error());
    wanted = to_bytes(parsed->view());
  }
  auto opened = store.open_core(core, false);
  if (!opened)
    return fail(opened.error());
  auto record = store.ask<core_record>(opened->handle, group_atom_v, wanted);
  return record.and_then([&store](const core_record& now) {
    return store.out().line(store.is_json() ? to_line(to_json(now)) : to_text(now));
  });
}

result<void> print_updates(session& store, const updates_request& wanted) {
  auto topic = parse_topic(wanted.topic);
  if (!topic)
    return fail(topic.error());
  group_request request{*topic, wanted.since, wanted.until, wanted.is_reverse, 0};
  for (std::uint64_t printed = 0; wanted.limit == 0 || printed < wanted.limit;) {
    auto left = wanted.limit == 0 ? page_updates_max : wanted.limit - printed;
    request.limit = static_cast<std::uint32_t>(std::min(left, page_updates_max));
    auto page = store.ask<group_page>(store.store(), list_atom_v, request);
    if (!page)
      return fail(page.error());
    for (const auto& update : page->updates) {
      auto line = store.is_json() ? to_line(to_json(update)) : to_summary(update);
      if (auto written = store.out().write(line + "\n"); !written)
        return written;
    }
    if (page->is_last)
      break;
    printed += page->updates.size();
    (request.is_reverse ? request.until : request.since) = page->next;
  }
  return store.out().flush();
}

} // namespace

result<hash32> parse_topic(const std::string& topic) {
  auto parsed = text::parse_key<hash32>(topic);
  return parsed ? parsed : fail(ec::bad_argument, "the topic of a group is 64 hex digits, not `" + topic + "`");
}

void add_group(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto topic = std::make_shared<std::string>();
  auto does_leave = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand("group", "Put a core into a group, where `updates` lists it from its next change on");
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("TOPIC", *topic, "64 hex digits; a core is in one group at most");
  verb->add_flag("--leave", *does_leave, "Take the core out of its group instead");
  verb->callback([&chosen, core, topic, does_leave] {
    if (topic->empty() != *does_leave)
      throw CLI::ValidationError("group", "name a TOPIC, or --leave the group");
    chosen.target.may_create = false;
    chosen.run = [core, topic](session& store) {
      return set_group(store, *core, *topic);
    };
  });
}

void add_updates(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<updates_request>();
  auto* verb = app.add_subcommand("updates", "Print the cores of a group by the last change of each, the oldest first");
  verb->add_option("TOPIC", wanted->topic, "64 hex digits")->required();
  verb->add_option("--since", wanted->since,
                   "Changes at that position or later: one more than the last one seen, or microseconds since 1970");
  verb->add_option("--until", wanted->until, "Changes before that position");
  verb->add_option("--limit", wanted->limit, "So many at most")->check(CLI::PositiveNumber);
  verb->add_flag("--reverse", wanted->is_reverse, "The newest first");
  verb->callback([&chosen, wanted] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [wanted](session& store) {
      return print_updates(store, *wanted);
    };
  });
}

} // namespace corestore::programs
