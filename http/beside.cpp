// What applications keep and say beside a log: user data, messages of extensions, pushes.
#include <set>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "http/core_events.hpp"
#include "http/fields.hpp"
#include "http/record_json.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// A comment after that long without a message.
constexpr milliseconds keep_alive{15000};

/// Bytes of messages that wait for one client: two of the largest size.
constexpr std::size_t waiting_bytes_max = limits::unsent_bytes_max;

/// What a message costs besides its payload.
constexpr std::size_t message_bytes = sizeof(extension_event) + 2 * limits::extension_name_bytes_max;

// -- user data

outcome list_user_data(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  std::string after;
  bool is_first = true;
  for (;;) {
    auto page = core->ask<std::set<std::string>>(call, patience, list_atom_v, after);
    if (!page)
      return refuse(page.error());
    if (!call.has_begun())
      call.begin(200, "application/json");
    std::string text = after.empty() ? "{\"names\":[" : "";
    for (const auto& name : *page)
      text += (std::exchange(is_first, false) ? "" : ",") + to_line(json(name));
    if (page->empty())
      text += "]}";
    if (!call.write(text) || page->empty())
      break;
    after = *page->rbegin();
  }
  call.end();
  return {};
}

problem no_such_value(const std::string& name) {
  return {404, ec::not_found, "the core has no user data " + name};
}

outcome send_user_value(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  const auto& name = call.arguments.at(1);
  auto kept = core->ask<user_value>(call, patience, fetch_atom_v, name);
  if (!kept)
    return refuse(kept.error());
  if (!kept->is_set)
    return refuse(no_such_value(name));
  call.send(200, "application/octet-stream", as_text(kept->value));
  return {};
}

outcome put_user_value(service& with, exchange& call) {
  if (call.body.empty())
    return refuse({400, ec::bad_argument, "a value has at least one byte; DELETE forgets one"});
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  const auto& name = call.arguments.at(1);
  auto is_changed = core->ask<bool>(call, patience, put_atom_v, name, to_bytes(as_bytes(call.body)));
  if (!is_changed)
    return refuse(is_changed.error());
  call.send_json(to_line({{"name", name}, {"byteLength", call.body.size()}, {"changed", *is_changed}}));
  return {};
}

outcome forget_user_value(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  const auto& name = call.arguments.at(1);
  auto is_changed = core->ask<bool>(call, patience, put_atom_v, name, bytes{});
  if (!is_changed)
    return refuse(is_changed.error());
  if (!*is_changed)
    return refuse(no_such_value(name));
  call.send_json(to_line({{"name", name}, {"byteLength", 0}, {"changed", true}}));
  return {};
}

// -- extensions

std::string to_event(const extension_event& event) {
  return fmt::format("event: extension\ndata: {}\n\n", to_line(to_json(event)));
}

/// Every message is digested as soon as it is in the box: a client that reads slowly is cut off, and holds no peer up.
caf::behavior collect(caf::event_based_actor* self, const std::shared_ptr<event_box<extension_event>>& box) {
  self->set_default_handler(caf::drop);
  return {[box](extension_event& event) {
    auto size = event.payload.size() + message_bytes;
    box->put(std::move(event), size);
    return true;
  }};
}

/// Messages of `name` as `source` (a core or the store) hears them, until the client leaves.
template <class Source>
outcome stream_messages(service& with, exchange& call, const Source& source, const std::string& name) {
  auto box = std::make_shared<event_box<extension_event>>(waiting_bytes_max);
  actor_guard collector{with.system.spawn<caf::hidden>(collect, box)};
  auto sink = caf::actor_cast<extension_sink>(collector.get());
  if (auto done = with.asking.ask<bool>(call.line(), patience, source, extend_atom_v, name, sink); !done)
    return refuse(done.error());
  call.begin(200, "text/event-stream", event_headers());
  bool goes_on = call.write(": messages of one extension\n\n");
  while (goes_on) {
    auto batch = box->wait(call.line(), keep_alive);
    if (!batch)
      break;
    goes_on = !batch->empty() || call.write(": still here\n\n");
    for (const auto& event : *batch)
      goes_on = goes_on && call.write(to_event(event));
  }
  with.asking.tell<bool>(source, retract_atom_v, name, sink);
  call.end();
  call.close_after();
  return {};
}

outcome stream_core_messages(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  return stream_messages(with, call, core->handle(), call.arguments.at(1));
}

outcome send_message(service& with, exchange& call) {
  auto session = call.parameters.number("session", 0);
  if (!session)
    return refuse(session.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  extension_message message{call.arguments.at(1), to_bytes(as_bytes(call.body)), *session};
  auto count = core->ask<std::uint64_t>(call, patience, send_atom_v, std::move(message));
  if (!count)
    return refuse(count.error());
  if (*session != 0 && *count == 0)
    return refuse({404, ec::not_found, fmt::format("no session {} carries this core", *session)});
  call.send_json(to_line({{"peers", *count}}));
  return {};
}

// -- pushes

outcome push(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"index"});
  if (!body)
    return refuse(body.error());
  auto index = body->needed_number("index");
  if (!index)
    return refuse(index.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto count = core->ask<std::uint64_t>(call, patience, push_atom_v, *index);
  if (!count)
    return refuse(count.error());
  call.send_json(to_line({{"peers", *count}}));
  return {};
}

} // namespace

void add_beside_routes(service& with, std::vector<route>& into) {
  constexpr std::string_view values = "/v1/cores/{}/userdata";
  constexpr std::string_view value = "/v1/cores/{}/userdata/{}";
  constexpr std::string_view extension = "/v1/cores/{}/extensions/{}";
  auto add = [&](route wanted, outcome (*action)(service&, exchange&)) {
    wanted.handler = [&with, action](exchange& call) {
      return action(with, call);
    };
    into.push_back(std::move(wanted));
  };
  add({"GET", values, {}}, list_user_data);
  add({"GET", value, {}}, send_user_value);
  add({"PUT", value, {}, body_kind::octets, limits::user_value_bytes_max}, put_user_value);
  add({"DELETE", value, {}}, forget_user_value);
  // Who listens takes one of the places that a core has for extensions, so that is a matter of trust like a write.
  add({"GET", extension, {}, body_kind::none, 0, true}, stream_core_messages);
  add({"POST", extension, {}, body_kind::octets, limits::block_bytes_max}, send_message);
  add({"GET", "/v1/extensions/{}", {}, body_kind::none, 0, true}, [](service& serving, exchange& call) {
    return stream_messages(serving, call, serving.store, call.arguments.front());
  });
  add({"POST", "/v1/cores/{}/push", {}, body_kind::object}, push);
}

} // namespace corestore::http
