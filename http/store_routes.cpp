// The store as a whole: health, numbers, connections, the page.
#include <caf/all.hpp>

#include "http/page_text.hpp"
#include "http/record_json.hpp"
#include "http/service.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// A store that does not answer within that time serves nobody.
constexpr milliseconds ready_patience{3000};

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
  into.push_back({"GET", "/v1/peers", [&with](exchange& call) {
                    return send_peers(with, call);
                  }});
}

} // namespace corestore::http
