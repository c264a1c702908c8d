// Server-sent events of a core and of the store.
#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "http/core_events.hpp"
#include "http/record_json.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// A comment after that long without an event: proxies and clients see that the line is alive.
constexpr milliseconds keep_alive{15000};

caf::behavior collect(caf::event_based_actor* self, const std::shared_ptr<event_box<core_event>>& box) {
  self->set_default_handler(caf::drop);
  return {[box](const core_event& event) {
    box->put(event);
  }};
}

event_sink as_sink(const caf::actor& collector) {
  return caf::actor_cast<event_sink>(collector);
}

std::string_view name_of(event_kind kind) {
  switch (kind) {
  case event_kind::append:
    return "append";
  case event_kind::truncate:
    return "truncate";
  case event_kind::download:
    return "download";
  case event_kind::upload:
    return "upload";
  case event_kind::peer_add:
    return "peer-add";
  case event_kind::peer_remove:
    return "peer-remove";
  case event_kind::manifest:
    return "manifest";
  case event_kind::conflict:
    return "conflict";
  case event_kind::contiguous:
    return "remote-contiguous-length";
  case event_kind::closed:
    break;
  }
  return "closed";
}

std::string to_event(const core_event& event) {
  json data{{"key", text::to_hex(event.key.view())}, {"discoveryKey", text::to_hex(event.discovery.view())}};
  if (event.kind == event_kind::download || event.kind == event_kind::upload) {
    data["index"] = event.index;
    data["byteLength"] = event.size;
  } else {
    data["length"] = event.length;
    data["fork"] = event.fork;
  }
  return fmt::format("event: {}\ndata: {}\n\n", name_of(event.kind), to_line(data));
}

std::string to_event(const store_event& event) {
  json data;
  std::string_view kind;
  switch (event.kind) {
  case store_event_kind::feed:
  case store_event_kind::park:
  case store_event_kind::purge:
    kind = event.kind == store_event_kind::feed ? "feed" : event.kind == store_event_kind::park ? "park" : "purge";
    data = {{"key", text::to_hex(event.key.view())}, {"discoveryKey", text::to_hex(event.discovery.view())}};
    if (!event.options.name.empty())
      data["name"] = event.options.name;
    break;
  case store_event_kind::session_open:
  case store_event_kind::session_close:
    kind = "session";
    data = to_json(event.peer);
    data["state"] = event.kind == store_event_kind::session_open ? "open" : "closed";
    if (!event.reason.empty())
      data["reason"] = event.reason;
    break;
  case store_event_kind::damage:
  case store_event_kind::eviction:
    kind = event.kind == store_event_kind::damage ? "damage" : "eviction";
    data = {{"key", text::to_hex(event.key.view())},
            {"discoveryKey", text::to_hex(event.discovery.view())},
            {"reason", event.reason}};
    break;
  case store_event_kind::group:
    kind = "group-active";
    data = {{"group", text::to_hex(event.group.view())}};
    if (!event.key.is_zero())
      data.update({{"key", text::to_hex(event.key.view())},
                   {"discoveryKey", text::to_hex(event.discovery.view())},
                   {"length", event.length},
                   {"fork", event.fork}});
    break;
  case store_event_kind::refusal:
  case store_event_kind::ban:
    kind = event.kind == store_event_kind::ban ? "ban" : "refusal";
    data = {{"reason", event.reason}};
    break;
  }
  return fmt::format("event: {}\ndata: {}\n\n", kind, to_line(data));
}

outcome core_event_stream(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  core_events events{with, call.line(), *core};
  if (auto subscribed = events.subscribe(); !subscribed)
    return refuse(subscribed.error());
  call.begin(200, "text/event-stream", event_headers());
  bool goes_on = call.write(": events of one core\n\n");
  while (goes_on) {
    auto batch = events.wait(keep_alive);
    if (!batch)
      break;
    std::string text = batch->empty() ? ": still here\n\n" : "";
    for (const auto& event : *batch) {
      text += to_event(event);
      goes_on = goes_on && event.kind != event_kind::closed;
    }
    goes_on = call.write(text) && goes_on;
  }
  call.end();
  call.close_after();
  return {};
}

caf::behavior collect_store(caf::event_based_actor* self, const std::shared_ptr<event_box<store_event>>& box) {
  self->set_default_handler(caf::drop);
  return {[box](const store_event& event) {
    box->put(event);
  }};
}

/// Takes the watch back with the scope.
struct watch_guard {
  service& with;
  store_sink sink;
  watch_guard(service& serving, store_sink watching) : with(serving), sink(std::move(watching)) {
    // nop
  }
  ~watch_guard() {
    with.asking.tell<bool>(with.store, unwatch_atom_v, sink);
  }
  watch_guard(const watch_guard&) = delete;
  watch_guard& operator=(const watch_guard&) = delete;
};

outcome store_event_stream(service& with, exchange& call) {
  auto box = std::make_shared<event_box<store_event>>(limits::http_event_bytes_max);
  actor_guard collector{with.system.spawn<caf::hidden>(collect_store, box)};
  watch_guard watch{with, caf::actor_cast<store_sink>(collector.get())};
  if (auto done = with.asking.ask<bool>(call.line(), patience, with.store, watch_atom_v, watch.sink); !done)
    return refuse(done.error());
  call.begin(200, "text/event-stream", event_headers());
  bool goes_on = call.write(": events of the store\n\n");
  while (goes_on) {
    auto batch = box->wait(call.line(), keep_alive);
    if (!batch)
      break;
    std::string text = batch->empty() ? ": still here\n\n" : "";
    for (const auto& event : *batch)
      text += to_event(event);
    goes_on = call.write(text);
  }
  call.end();
  call.close_after();
  return {};
}

} // namespace

header_list event_headers() {
  return {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
}

actor_guard::~actor_guard() {
  caf::anon_send_exit(subject_, caf::exit_reason::user_shutdown);
}

core_events::core_events(service& with, const socket& line, const held_core& core)
    : with_(with), line_(line), core_(core.handle()),
      box_(std::make_shared<event_box<core_event>>(limits::http_event_bytes_max)),
      collector_(with.system.spawn<caf::hidden>(collect, box_)) {
  // nop
}

core_events::~core_events() {
  with_.asking.tell<bool>(core_, unsub_atom_v, as_sink(collector_.get()));
}

result<void> core_events::subscribe() {
  auto record = with_.asking.ask<core_record>(line_, patience, core_, subscribe_atom_v, as_sink(collector_.get()));
  if (!record)
    return fail(record.error());
  return {};
}

void add_event_routes(service& with, std::vector<route>& into) {
  into.push_back({"GET", "/v1/cores/{}/events", [&with](exchange& call) {
                    return core_event_stream(with, call);
                  }});
  into.push_back({"GET", "/v1/events", [&with](exchange& call) {
                    return store_event_stream(with, call);
                  }});
}

} // namespace corestore::http
