// Verbs for what applications keep and say beside a log: userdata, send, receive, push.
#include <fstream>
#include <iostream>
#include <set>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// A file, or `-` for standard input, of so many bytes at most.
result<bytes> read_content(const std::string& path, std::size_t bytes_max) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file)
      return fail(ec::not_found, "cannot read " + path);
  }
  auto& source = path == "-" ? std::cin : file;
  bytes content(bytes_max + 1);
  source.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (source.bad())
    return fail(ec::storage_failed, "cannot read " + path);
  content.resize(static_cast<std::size_t>(source.gcount()));
  if (content.size() > bytes_max)
    return fail(ec::bad_argument, fmt::format("{} has more than {} bytes", path, bytes_max));
  return content;
}

// -- userdata

struct user_data_request {
  std::string core;
  std::string name;
  std::string text;
  std::string file;
  bool is_removal = false;
  bool has_text = false;

  [[nodiscard]] bool is_change() const {
    return has_text || !file.empty() || is_removal;
  }
};

result<void> list_user_data(session& store, const core_actor& core) {
  std::string after;
  for (;;) {
    auto page = store.ask<std::set<std::string>>(core, list_atom_v, after);
    if (!page)
      return fail(page.error());
    if (page->empty())
      return store.out().flush();
    for (const auto& name : *page)
      if (auto written = store.out().write((store.is_json() ? to_line({{"name", name}}) : name) + "\n"); !written)
        return written;
    after = *page->rbegin();
  }
}

error no_such_value(const user_data_request& wanted) {
  return {ec::not_found, "the core " + wanted.core + " has no user data " + wanted.name + "; `corestore userdata " +
                           wanted.core + "` lists what there is"};
}

result<void> print_user_value(session& store, const core_actor& core, const user_data_request& wanted) {
  auto kept = store.ask<user_value>(core, fetch_atom_v, wanted.name);
  if (!kept)
    return fail(kept.error());
  if (!kept->is_set)
    return fail(no_such_value(wanted));
  if (store.is_json())
    return store.out().line(
      to_line({{"name", wanted.name}, {"byteLength", kept->value.size()}, {"value", text::to_base64(kept->value)}}));
  return store.out().write(byte_view{kept->value}).and_then([&store] { return store.out().flush(); });
}

result<void> put_user_value(session& store, const core_actor& core, const user_data_request& wanted) {
  bytes value = to_bytes(as_bytes(wanted.text));
  if (!wanted.file.empty()) {
    auto content = read_content(wanted.file, limits::user_value_bytes_max);
    if (!content)
      return fail(content.error());
    value = std::move(*content);
  }
  if (value.empty() != wanted.is_removal)
    return fail(ec::bad_argument, "a value has at least one byte; --remove forgets one");
  auto size = value.size();
  auto is_changed = store.ask<bool>(core, put_atom_v, wanted.name, std::move(value));
  if (!is_changed)
    return fail(is_changed.error());
  if (wanted.is_removal && !*is_changed)
    return fail(no_such_value(wanted));
  if (store.is_json())
    return store.out().line(to_line({{"name", wanted.name}, {"byteLength", size}, {"changed", *is_changed}}));
  return store.out().line(wanted.is_removal
                            ? wanted.name + " is forgotten"
                            : fmt::format("{}  {} bytes{}", wanted.name, size, *is_changed ? "" : " (as it was)"));
}

result<void> user_data(session& store, const user_data_request& wanted) {
  auto core = store.open_core(wanted.core, false);
  if (!core)
    return fail(core.error());
  if (wanted.is_change())
    return put_user_value(store, core->handle, wanted);
  return wanted.name.empty() ? list_user_data(store, core->handle) : print_user_value(store, core->handle, wanted);
}

// -- extensions and pushes

struct message_request {
  std::string core;
  std::string extension;
  std::string text;
  std::string file;
  std::uint64_t peer = 0;
  std::uint64_t count = 0;
};

result<void> print_peers(session& store, std::uint64_t count) {
  return store.out().line(store.is_json() ? to_line({{"peers", count}}) : fmt::format("peers {}", count));
}

result<void> send(session& store, const message_request& wanted) {
  bytes payload = to_bytes(as_bytes(wanted.text));
  if (!wanted.file.empty()) {
    auto content = read_content(wanted.file, limits::block_bytes_max);
    if (!content)
      return fail(content.error());
    payload = std::move(*content);
  }
  auto core = store.open_core(wanted.core, false);
  if (!core)
    return fail(core.error());
  extension_message message{wanted.extension, std::move(payload), wanted.peer};
  auto count = store.ask<std::uint64_t>(core->handle, send_atom_v, std::move(message));
  if (!count)
    return fail(count.error());
  if (wanted.peer != 0 && *count == 0)
    return fail(ec::not_found,
                fmt::format("no connection {} carries the core; `corestore peers` lists those there are", wanted.peer));
  return print_peers(store, *count);
}

result<void> push(session& store, const std::string& name, std::uint64_t index) {
  auto core = store.open_core(name, false);
  if (!core)
    return fail(core.error());
  auto count = store.ask<std::uint64_t>(core->handle, push_atom_v, index);
  return count ? print_peers(store, *count) : fail(count.error());
}

result<void> print_message(session& store, const extension_event& event) {
  if (store.is_json())
    return store.out().line(to_line(to_json(event)));
  return store.out().line(as_text(event.payload));
}

/// A message is digested when it is printed: a reader that is slow holds the peer up, and loses nothing.
result<void> print_messages(session& store, std::uint64_t count) {
  result<void> outcome;
  for (std::uint64_t shown = 0; outcome && !store.is_ending() && (count == 0 || shown < count);) {
    store.self()->receive(
      [&](const extension_event& event) {
        outcome = print_message(store, event);
        ++shown;
        return true;
      },
      [&](const core_event& event) {
        if (event.kind == event_kind::closed)
          outcome = fail(ec::store_closed, "the core was closed");
      },
      [](shutdown_atom) {
        // the loop looks whether the end was asked for
      });
  }
  return outcome;
}

result<void> receive(session& store, const message_request& wanted) {
  auto sink = caf::actor_cast<extension_sink>(caf::actor_cast<caf::strong_actor_ptr>(store.self()));
  if (wanted.core.empty()) {
    if (!store.path().empty())
      return fail(ec::bad_argument, "name a core of the namespace: without one the whole store is listened to");
    auto heard = store.ask<bool>(store.store(), extend_atom_v, wanted.extension, sink);
    return heard ? print_messages(store, wanted.count) : fail(heard.error());
  }
  auto core = store.open_core(wanted.core, false);
  if (!core)
    return fail(core.error());
  auto heard = store.ask<bool>(core->handle, extend_atom_v, wanted.extension, sink);
  if (!heard)
    return fail(heard.error());
  auto watched = store.ask<core_record>(core->handle, subscribe_atom_v, as_sink(store.self()));
  return watched ? print_messages(store, wanted.count) : fail(watched.error());
}

} // namespace

void add_userdata(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<user_data_request>();
  auto* verb = app.add_subcommand("userdata", "What an application keeps beside a core: list, print, set or forget it");
  verb->add_option("CORE", wanted->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("NAME", wanted->name, "Of the value; without it the names are listed");
  auto* text = verb->add_option("--set", wanted->text, "Keep this text");
  auto* file = verb->add_option("--file", wanted->file, "Keep what this file holds; - is standard input");
  auto* removal = verb->add_flag("--remove", wanted->is_removal, "Forget it");
  text->excludes(file)->excludes(removal);
  file->excludes(removal);
  verb->callback([&chosen, wanted, text] {
    wanted->has_text = text->count() > 0;
    if (wanted->is_change() && wanted->name.empty())
      throw CLI::ValidationError("userdata", "a NAME is needed to change a value");
    chosen.target.may_create = false;
    chosen.target.may_write = wanted->is_change();
    chosen.run = [wanted](session& store) {
      return user_data(store, *wanted);
    };
  });
}

void add_send(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<message_request>();
  auto* verb = app.add_subcommand("send", "Say something to the peers of a core of the running server, beside the log");
  verb->add_option("CORE", wanted->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("EXTENSION", wanted->extension, "Name that both sides use")->required();
  auto* text = verb->add_option("TEXT", wanted->text, "The message");
  auto* file = verb->add_option("--file", wanted->file, "Send what this file holds; - is standard input");
  verb->add_option("--peer", wanted->peer, "Id of a connection, as `peers` prints it (all that carry the core)");
  text->excludes(file);
  verb->callback([&chosen, wanted, text, file] {
    require_node(chosen, "send");
    if (text->count() + file->count() == 0)
      throw CLI::ValidationError("send", "what is to be said is missing: TEXT, or --file FILE");
    chosen.run = [wanted](session& store) {
      return send(store, *wanted);
    };
  });
}

void add_receive(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<message_request>();
  auto* verb =
    app.add_subcommand("receive", "Print what peers say beside the logs of the running server, until SIGINT");
  verb->add_option("CORE", wanted->core, "Key, discovery key, name:NAME or default; without it every core");
  verb->add_option("EXTENSION", wanted->extension, "Name that both sides use");
  verb->add_option("--count", wanted->count, "End after so many messages (0: never)");
  verb->callback([&chosen, wanted] {
    require_node(chosen, "receive");
    if (wanted->extension.empty())
      std::swap(wanted->core, wanted->extension);
    if (wanted->extension.empty())
      throw CLI::ValidationError("receive", "the name of the EXTENSION is missing");
    chosen.target.is_live = true;
    chosen.run = [wanted](session& store) {
      return receive(store, *wanted);
    };
  });
}

void add_push(CLI::App& app, plan& chosen) {
  auto core = std::make_shared<std::string>();
  auto index = std::make_shared<std::uint64_t>(0);
  auto* verb =
    app.add_subcommand("push", "Have the running server send a block to the peers that take pushes and lack it");
  verb->add_option("CORE", *core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("INDEX", *index, "Index of the block")->required();
  verb->callback([&chosen, core, index] {
    require_node(chosen, "push");
    chosen.run = [core, index](session& store) {
      return push(store, *core, *index);
    };
  });
}

} // namespace corestore::programs
