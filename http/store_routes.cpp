// The store as a whole: health, numbers, connections, the page.
#include <caf/all.hpp>

#include "http/fields.hpp"
#include "http/metrics.hpp"
#include "http/page_text.hpp"
#include "http/record_json.hpp"
#include "http/service.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// A store that does not answer within that time serves nobody.
constexpr milliseconds ready_patience{3000};

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
  call.send_json(to_line(value));
  return {};
}

outcome send_metrics(service& with, exchange& call) {
  auto record = with.asking.ask<store_record>(call.line(), patience, with.store, info_atom_v);
  if (!record)
    return refuse(record.error());
  call.send(200, "text/plain; version=0.0.4; charset=utf-8",
            to_metrics(*record, *with.totals, *with.traffic, space_of(with.settings.store_path), uptime_of(with)));
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
  into.push_back({"DELETE", "/v1/peers/{}", [&with](exchange& call) {
                    return hang_up(with, call);
                  }});
  into.push_back({"GET", "/v1/peers", [&with](exchange& call) {
                    return send_peers(with, call);
                  }});
}

} // namespace corestore::http
