// The store as a whole: health, numbers, connections, the page.
#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "base/text.hpp"
#include "http/fields.hpp"
#include "http/held_core.hpp"
#include "http/metrics.hpp"
#include "http/page_text.hpp"
#include "http/record_json.hpp"
#include "http/service.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// A store that does not answer within that time serves nobody.
constexpr milliseconds ready_patience{3000};

/// Single cores, and single peers, that one scrape may ask for.
constexpr std::uint64_t top_max = 100;

double uptime_of(const service& with) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - with.started).count();
}

outcome send_ready(service& with, exchange& call) {
  auto record = with.asking.ask<store_record>(call.line(), ready_patience, with.store, info_atom_v);
  if (!record)
    return refuse({503, record.error().code, "the store does not answer: " + record.error().detail});
  call.send_json(R"({"status":"ready"})");
  return {};
}

outcome send_store(service& with, exchange& call) {
  auto record = with.asking.ask<store_record>(call.line(), patience, with.store, info_atom_v);
  if (!record)
    return refuse(record.error());
  auto value = to_json(*record);
  value["publicKey"] = with.settings.public_key;
  value["uptimeSeconds"] = uptime_of(with);
  value["httpConnections"] = with.traffic->connections.load();
  value["guards"] = to_json(with.totals->guards);
  call.send_json(to_line(value));
  return {};
}

/// A page of a listing, with what only a core in memory knows.
result<std::vector<core_record>> loaded_cores(service& with, exchange& call) {
  std::vector<core_record> records;
  list_request request;
  request.loaded_only = true;
  for (;;) {
    auto page = with.asking.ask<record_page>(call.line(), patience, with.store, list_atom_v, request);
    if (!page)
      return fail(page.error());
    for (auto& stored : page->records) {
      core_selector selector;
      selector.kind = selector_kind::by_discovery;
      selector.id.data = stored.discovery.data;
      auto now = with.asking.ask<core_record>(call.line(), patience, with.store, info_atom_v, selector);
      records.push_back(now ? std::move(*now) : std::move(stored)); // it may just have been parked or purged
    }
    if (page->is_last || page->records.empty())
      return records;
    request.cursor = page->next;
  }
}

/// The cores with most peers, then the longest; the connections over which most went.
result<std::string> top_metrics(service& with, exchange& call, std::size_t count) {
  auto records = loaded_cores(with, call);
  auto peers = with.asking.ask<std::vector<peer_record>>(call.line(), patience, with.store, peers_atom_v);
  if (!records || !peers)
    return fail(records ? peers.error() : records.error());
  auto weight = [](const core_record& record) {
    return std::pair{record.peers, record.length};
  };
  auto kept = std::min(count, records->size());
  std::partial_sort(records->begin(), records->begin() + static_cast<std::ptrdiff_t>(kept), records->end(),
                    [&](const core_record& left, const core_record& right) { return weight(left) > weight(right); });
  records->resize(kept);
  auto traffic = [](const peer_record& record) {
    return record.bytes_in + record.bytes_out;
  };
  std::sort(peers->begin(), peers->end(),
            [&](const peer_record& left, const peer_record& right) { return traffic(left) > traffic(right); });
  peers->resize(std::min(count, peers->size()));
  std::vector<top_core> cores;
  for (auto& record : *records) {
    core_selector selector;
    selector.kind = selector_kind::by_discovery;
    selector.id.data = record.discovery.data;
    selector.create = selector.is_active = false;
    auto core = held_core::open(with, call.line(), selector);
    auto stats = core ? core->ask<core_stats>(call, patience, stats_atom_v) : fail(core.error());
    cores.push_back({std::move(record), stats ? *stats : core_stats{}});
  }
  return to_top_metrics(cores, *peers);
}

outcome send_metrics(service& with, exchange& call) {
  auto top = call.parameters.number("top", 0);
  if (!top)
    return refuse(top.error());
  if (*top > top_max)
    return refuse({400, ec::bad_argument, "top is " + std::to_string(top_max) + " at most"});
  auto record = with.asking.ask<store_record>(call.line(), patience, with.store, info_atom_v);
  if (!record)
    return refuse(record.error());
  auto text = to_metrics(*record, *with.totals, *with.traffic, space_of(with.settings.store_path), uptime_of(with));
  if (*top > 0) {
    auto more = top_metrics(with, call, *top);
    if (!more)
      return refuse(more.error());
    text += *more;
  }
  call.send(200, "text/plain; version=0.0.4; charset=utf-8", text);
  return {};
}

outcome send_bans(service& with, exchange& call) {
  auto bans = with.asking.ask<std::vector<ban_record>>(call.line(), patience, with.store, ban_atom_v);
  if (!bans)
    return refuse(bans.error());
  auto list = json::array();
  for (const auto& ban : *bans)
    list.push_back(to_json(ban));
  call.send_json(to_line({{"bans", std::move(list)}}));
  return {};
}

outcome ban(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"subject", "ms"});
  if (!body)
    return refuse(body.error());
  auto subject = body->text("subject");
  auto time = body->needed_number("ms");
  if (!subject || !time)
    return refuse(subject ? time.error() : subject.error());
  if (!*subject || *time == 0)
    return refuse({400, ec::bad_argument, "subject (a public key or an address) and ms (more than 0) are needed"});
  auto done = with.asking.ask<bool>(call.line(), patience, with.store, ban_atom_v, **subject, *time);
  if (!done)
    return refuse(done.error());
  call.send_json(to_line({{"subject", **subject}, {"leftMs", *time}}));
  return {};
}

outcome pardon(service& with, exchange& call) {
  const auto& subject = call.arguments.front();
  auto done = with.asking.ask<bool>(call.line(), patience, with.store, ban_atom_v, subject, std::uint64_t{0});
  if (!done)
    return refuse(done.error());
  if (!*done)
    return refuse({404, ec::not_found, "there is no ban of " + subject});
  call.send_json(to_line({{"subject", subject}, {"leftMs", 0}}));
  return {};
}

outcome dial(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"address", "generation"});
  if (!body)
    return refuse(body.error());
  auto address = body->text("address");
  auto generation = body->number("generation", 0);
  if (!address || !generation)
    return refuse(address ? generation.error() : address.error());
  if (!*address)
    return refuse({400, ec::bad_argument, "address is missing: host:port or unix:PATH"});
  if (*generation != 0 && *generation != 9 && *generation != 10)
    return refuse({400, ec::bad_argument, "generation is 9 or 10"});
  auto where = **address + (*generation == 0 ? "" : "@" + std::to_string(*generation));
  if (auto checked = config::parse_dial_address(where); !checked)
    return refuse({400, ec::bad_argument, checked.error().detail});
  auto record = with.asking.ask<peer_record>(call.line(), patience, with.store, dial_atom_v, where);
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

outcome hang_up(service& with, exchange& call) {
  auto id = read_number("id", call.arguments.front());
  if (!id)
    return refuse(id.error());
  auto done = with.asking.ask<bool>(call.line(), patience, with.store, hangup_atom_v, *id);
  if (!done)
    return refuse(done.error());
  if (!*done)
    return refuse({404, ec::not_found, "there is no connection " + std::to_string(*id)});
  call.send_json(to_line({{"id", *id}, {"closed", true}}));
  return {};
}

outcome switch_peer(service& with, exchange& call) {
  connection_switches wanted;
  auto id = read_number("id", call.arguments.front());
  auto body = fields::parse(call.body, {"upload", "download"});
  if (!id || !body)
    return refuse(id ? body.error() : id.error());
  wanted.id = *id;
  for (auto [name, field] :
       {std::pair{"upload", &connection_switches::upload}, {"download", &connection_switches::download}}) {
    auto given = body->toggled(name);
    if (!given)
      return refuse(given.error());
    wanted.*field = *given;
  }
  auto record = with.asking.ask<peer_record>(call.line(), patience, with.store, switch_atom_v, wanted);
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

outcome send_peers(service& with, exchange& call) {
  auto peers = with.asking.ask<std::vector<peer_record>>(call.line(), patience, with.store, peers_atom_v);
  if (!peers)
    return refuse(peers.error());
  auto list = json::array();
  for (const auto& peer : *peers)
    list.push_back(to_json(peer));
  call.send_json(to_line({{"peers", std::move(list)}}));
  return {};
}

result<group_request> read_changes(const exchange& call) {
  group_request request;
  auto topic = text::parse_key<hash32>(call.arguments.front());
  if (!topic)
    return fail(ec::bad_argument, "the topic of a group is 64 hex digits");
  auto since = call.parameters.number("since", 0);
  auto until = call.parameters.number("until", 0);
  auto limit = call.parameters.number("limit", request.limit);
  auto is_reverse = call.parameters.truth("reverse");
  if (!since || !until)
    return fail(since ? until.error() : since.error());
  if (!limit || !is_reverse)
    return fail(limit ? is_reverse.error() : limit.error());
  if (*limit == 0 || *limit > request.limit)
    return fail(ec::bad_argument, "limit is from 1 to " + std::to_string(request.limit));
  return group_request{*topic, *since, *until, *is_reverse, static_cast<std::uint32_t>(*limit)};
}

/// Page by page; with a `limit` one page.
outcome send_changes(service& with, exchange& call) {
  auto request = read_changes(call);
  if (!request)
    return refuse(request.error());
  bool is_one_page = call.parameters.find("limit").has_value();
  for (bool is_first = true;;) {
    auto page = with.asking.ask<group_page>(call.line(), patience, with.store, list_atom_v, *request);
    if (!page)
      return refuse(page.error());
    if (!call.has_begun())
      call.begin(200, "application/json");
    std::string text = is_first ? "{\"updates\":[" : "";
    for (const auto& update : page->updates)
      text += (std::exchange(is_first, false) ? "" : ",") + to_line(to_json(update));
    bool is_done = page->is_last || is_one_page;
    (request->is_reverse ? request->until : request->since) = page->next;
    if (is_done)
      text += page->is_last ? "]}" : "],\"next\":" + std::to_string(page->next) + "}";
    if (!call.write(text) || is_done)
      break;
  }
  call.end();
  return {};
}

outcome send_page(exchange& call) {
  call.send(200, "text/html; charset=utf-8", page_text,
            {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                         "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                                         "frame-ancestors 'none'"},
             {"Cache-Control", "no-cache"}});
  return {};
}

} // namespace

void add_store_routes(service& with, std::vector<route>& into) {
  into.push_back({"GET", "/", [](exchange& call) {
                    return send_page(call);
                  }});
  into.push_back({"GET", "/healthz", [](exchange& call) -> outcome {
                    call.send_json(R"({"status":"ok"})");
                    return {};
                  }});
  into.push_back({"GET", "/readyz", [&with](exchange& call) {
                    return send_ready(with, call);
                  }});
  into.push_back({"GET", "/v1/store", [&with](exchange& call) {
                    return send_store(with, call);
                  }});
  into.push_back({"GET", "/metrics", [&with](exchange& call) {
                    return send_metrics(with, call);
                  }});
  into.push_back({"POST", "/v1/peers", [&with](exchange& call) { return dial(with, call); }, body_kind::object});
  into.push_back(
    {"POST", "/v1/peers/{}", [&with](exchange& call) { return switch_peer(with, call); }, body_kind::object});
  into.push_back({"DELETE", "/v1/peers/{}", [&with](exchange& call) {
                    return hang_up(with, call);
                  }});
  into.push_back({"GET", "/v1/bans", [&with](exchange& call) {
                    return send_bans(with, call);
                  }});
  into.push_back({"POST", "/v1/bans", [&with](exchange& call) { return ban(with, call); }, body_kind::object});
  into.push_back({"DELETE", "/v1/bans/{}", [&with](exchange& call) {
                    return pardon(with, call);
                  }});
  into.push_back({"GET", "/v1/groups/{}", [&with](exchange& call) {
                    return send_changes(with, call);
                  }});
  into.push_back({"GET", "/v1/peers", [&with](exchange& call) {
                    return send_peers(with, call);
                  }});
}

} // namespace corestore::http
