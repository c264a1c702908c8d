// What one asks of a core besides its blocks: update, truncate, clear, download, seek, mirror, its peers.
#include <limits>

#include <caf/all.hpp>

#include "http/block_walk.hpp"
#include "http/fields.hpp"
#include "http/record_json.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// For peers, when a request does not say how long.
constexpr std::uint64_t wait_ms_default = 10000;

/// The record after the action, with what else there is to say.
outcome send_record(exchange& call, const held_core& core, const json& more = json::object()) {
  auto record = core.ask<core_record>(call, patience, info_atom_v);
  if (!record)
    return refuse(record.error());
  auto value = to_json(*record);
  value.update(more);
  call.send_json(to_line(value));
  return {};
}

result<milliseconds> read_wait(const fields& body, std::uint64_t fallback) {
  return body.number("wait", fallback).and_then(checked_wait);
}

std::uint64_t count(milliseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

outcome update(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"wait"});
  if (!body)
    return refuse(body.error());
  auto wait = read_wait(*body, wait_ms_default);
  if (!wait)
    return refuse(wait.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto changed = core->ask<bool>(call, patience + *wait, update_atom_v, count(*wait));
  if (!changed)
    return refuse(changed.error());
  return send_record(call, *core, {{"updated", *changed}});
}

outcome download(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"start", "end", "wait"});
  if (!body)
    return refuse(body.error());
  auto start = body->number("start", 0);
  auto end = body->number("end");
  auto wait = read_wait(*body, wait_ms_default);
  if (!start || !end)
    return refuse(start ? end.error() : start.error());
  if (!wait)
    return refuse(wait.error());
  if (*end && *start > **end)
    return refuse({400, ec::bad_argument, "start is past end"});
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto until = *end ? **end : core->record().length;
  auto done = core->ask<bool>(call, patience + *wait, download_atom_v, *start, std::max(*start, until), count(*wait));
  if (!done)
    return refuse(done.error());
  return send_record(call, *core, {{"downloaded", *done}});
}

outcome seek(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"bytes", "wait"});
  if (!body)
    return refuse(body.error());
  auto position = body->needed_number("bytes");
  auto wait = read_wait(*body, 0);
  if (!position || !wait)
    return refuse(position ? wait.error() : position.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto found = core->ask<seek_position>(call, patience + *wait, seek_atom_v, *position, count(*wait));
  if (!found)
    return refuse(found.error());
  call.send_json(to_line({{"index", found->index}, {"offset", found->offset}}));
  return {};
}

outcome truncate(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"length", "fork"});
  if (!body)
    return refuse(body.error());
  auto length = body->needed_number("length");
  auto fork = body->number("fork", 0);
  if (!length || !fork)
    return refuse(length ? fork.error() : length.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto record = core->ask<core_record>(call, patience, truncate_atom_v, *length, *fork);
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

outcome clear(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"start", "end"});
  if (!body)
    return refuse(body.error());
  auto start = body->needed_number("start");
  auto end = start ? body->number("end", *start + 1) : start;
  if (!end)
    return refuse(end.error());
  if (*start > *end)
    return refuse({400, ec::bad_argument, "start is past end"});
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto given_back = core->ask<clear_result>(call, patience, clear_atom_v, *start, *end);
  if (!given_back)
    return refuse(given_back.error());
  return send_record(call, *core, {{"blocks", given_back->blocks}, {"bytes", given_back->bytes}});
}

outcome list_peers(service& with, exchange& call) {
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto peers = core->ask<std::vector<core_peer_record>>(call, patience, peers_atom_v);
  if (!peers)
    return refuse(peers.error());
  auto list = json::array();
  for (const auto& peer : *peers)
    list.push_back(to_json(peer));
  call.send_json(to_line({{"peers", std::move(list)}}));
  return {};
}

/// What a core, or one of its connections, may do from now on; what is not named stays as it is.
outcome switch_core(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"upload", "download", "allowPush", "pushOnly", "session"});
  if (!body)
    return refuse(body.error());
  core_switches wanted;
  for (auto [name, field] : {std::pair{"upload", &core_switches::upload},
                             {"download", &core_switches::download},
                             {"allowPush", &core_switches::allow_push},
                             {"pushOnly", &core_switches::push_only}}) {
    auto given = body->toggled(name);
    if (!given)
      return refuse(given.error());
    wanted.*field = *given;
  }
  auto session = body->number("session", 0);
  if (!session)
    return refuse(session.error());
  wanted.session = *session;
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto now = core->ask<core_switches>(call, patience, switch_atom_v, wanted);
  if (!now)
    return refuse(now.error());
  call.send_json(to_line(to_json(*now)));
  return {};
}

outcome mirror(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"on"});
  if (!body)
    return refuse(body.error());
  auto is_on = body->truth("on");
  if (!is_on)
    return refuse(is_on.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto record = core->ask<core_record>(call, patience, mirror_atom_v, is_on->value_or(true));
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

/// Puts the core into a group, or (null) takes it out of the one that it is in.
outcome set_group(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"topic"});
  if (!body)
    return refuse(body.error());
  if (!body->has("topic"))
    return refuse({400, ec::bad_argument, "topic is missing: 64 hex digits, or null"});
  bytes topic;
  if (const auto* given = body->find("topic")) {
    auto read = read_key_bytes("topic", *given, hash32::size);
    if (!read)
      return refuse(read.error());
    topic = std::move(*read);
  }
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto record = core->ask<core_record>(call, patience, group_atom_v, topic);
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

} // namespace

void add_action_routes(service& with, std::vector<route>& into) {
  auto add = [&](std::string_view path, outcome (*action)(service&, exchange&)) {
    into.push_back({"POST", path, [&with, action](exchange& call) { return action(with, call); }, body_kind::object});
  };
  add("/v1/cores/{}/update", update);
  add("/v1/cores/{}/truncate", truncate);
  add("/v1/cores/{}/clear", clear);
  add("/v1/cores/{}/download", download);
  add("/v1/cores/{}/seek", seek);
  add("/v1/cores/{}/mirror", mirror);
  add("/v1/cores/{}/switch", switch_core);
  add("/v1/cores/{}/group", set_group);
  into.push_back({"GET", "/v1/cores/{}/peers", [&with](exchange& call) {
                    return list_peers(with, call);
                  }});
}

} // namespace corestore::http
