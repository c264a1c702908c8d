#include "http/service.hpp"

#include "http/page_text.hpp"

namespace corestore::http {

surface::surface(caf::actor_system& system, store_actor store, std::shared_ptr<const core_totals> totals,
                 service_settings settings)
    : shared_(system, std::move(store), std::move(totals), std::move(settings)) {
  // nop
}

result<std::unique_ptr<surface>> surface::start(caf::actor_system& system, store_actor store,
                                                std::shared_ptr<const core_totals> totals, service_settings settings) {
  std::unique_ptr<surface> started{new surface(system, std::move(store), std::move(totals), std::move(settings))};
  auto& shared = started->shared_;
  std::vector<route> routes;
  add_store_routes(shared, routes);
  add_core_routes(shared, routes);
  add_block_routes(shared, routes);
  add_action_routes(shared, routes);
  add_beside_routes(shared, routes);
  add_event_routes(shared, routes);
  const auto& http = shared.settings.http;
  bool is_open = !config::is_loopback(http.listen);
  authority who{is_open, !is_open && http.listen.kind == config::address_kind::tcp, http.token};
  auto serving =
    server::start({http.listen, http.connections_max}, router{std::move(routes), std::move(who)}, shared.traffic);
  if (!serving)
    return fail(serving.error());
  started->server_ = std::move(*serving);
  return started;
}

surface::~surface() {
  if (server_)
    server_->stop();
}

std::string surface::where() const {
  return config::to_string(server_->where());
}

} // namespace corestore::http
