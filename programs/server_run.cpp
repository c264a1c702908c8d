#include "programs/server_run.hpp"

#include <algorithm>

#include <unistd.h>

#include <caf/all.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "config/defaults.hpp"
#include "config/key_file.hpp"
#include "config/keys.hpp"
#include "programs/ask.hpp"
#include "programs/endpoint_of.hpp"
#include "programs/node_surface.hpp"
#include "programs/server_log.hpp"
#include "storage/open.hpp"

namespace corestore::programs {

namespace {

storage::durability durability_of(config::durability what) {
  switch (what) {
  case config::durability::interval:
    return storage::durability::interval;
  case config::durability::none:
    return storage::durability::none;
  case config::durability::commit:
    break;
  }
  return storage::durability::commit;
}

std::uint64_t ms_of(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

std::string shown(const config::key_rule& rule, const std::vector<std::string>& elements) {
  if (elements.empty())
    return "none";
  if (rule.is_secret())
    return elements.front().empty() ? "none" : "hidden";
  return fmt::format("{}", fmt::join(elements, ", "));
}

} // namespace

server::server(config::settings settings, bool may_move) : settings_(std::move(settings)), may_move_(may_move) {
  // nop
}

server::~server() {
  close();
}

result<void> server::start() {
  return open_engine()
    .and_then([this] { return listen(); })
    .and_then([this] { return publish_node(); })
    .and_then([this]() -> result<void> {
      mirrors_ = std::make_unique<mirror_list>(*system_, engine_->store());
      auto mirrored = mirrors_->apply(settings_.replication.mirror);
      if (!mirrored)
        return fail(mirrored.error());
      for (const auto& line : *mirrored)
        log_info(line);
      for (const auto& peer : settings_.replication.connect)
        engine_->connect(endpoint_of(peer));
      return {};
    })
    .and_then([this] { return serve_http(); });
}

result<void> server::open_engine() {
  const auto& wanted = settings_.store;
  storage::open_options options;
  options.durability = durability_of(wanted.durability);
  options.map_bytes_max = wanted.map_bytes_max;
  options.map_bytes = std::min(options.map_bytes, options.map_bytes_max);
  options.quota_bytes = wanted.quota_bytes;
  if (!wanted.primary_key_file.empty()) {
    auto key = config::read_primary_key(wanted.primary_key_file);
    if (!key)
      return fail(key.error());
    options.primary = *key;
  }
  auto backend = storage::open_store(wanted.path, options);
  if (!backend) {
    auto reason = backend.error();
    if (reason.code == ec::key_mismatch)
      reason.detail = "primary key file " + wanted.primary_key_file + ": " + reason.detail;
    return fail(reason);
  }
  if (auto loaded = load_node_modules(config_, settings_.node); !loaded)
    return loaded;
  system_ = std::make_unique<caf::actor_system>(config_);
  engine_ = std::make_unique<actors::engine>(*system_, std::shared_ptr<storage::backend>{std::move(*backend)},
                                             engine_settings(), log_engine);
  log_info("opened the store " + wanted.path);
  return {};
}

actors::engine_settings server::engine_settings() const {
  const auto& from = settings_.replication;
  actors::engine_settings to;
  to.generation = settings_.store.generation == 9 ? log::generation::g9 : log::generation::g10;
  to.quota_bytes = settings_.store.quota_bytes;
  to.scrub_bytes_s = settings_.store.scrub_bytes_s;
  to.scrub_interval_ms = ms_of(settings_.store.scrub_interval);
  to.sync_interval_ms = ms_of(settings_.store.sync_interval);
  to.handshake_ms_max = ms_of(from.handshake_timeout);
  to.idle_ms_max = ms_of(from.idle_timeout);
  to.keep_alive_ms = ms_of(from.keep_alive);
  to.guards = guard_limits();
  to.in_flight_max = from.in_flight_max;
  to.request_ms_max = ms_of(from.request_timeout);
  to.active_cores_max = settings_.store.active_cores_max;
  to.passive_cores_max = settings_.store.passive_cores_max;
  to.may_upload = from.may_upload;
  to.may_download = from.may_download;
  return to;
}

actors::guard_limits server::guard_limits() const {
  const auto& from = settings_.replication;
  actors::guard_limits to;
  auto share = [](const config::share_settings& one) {
    return actors::guard_share{one.connections_max, one.channels_max, one.requests_max, one.bytes_max, one.strikes_max};
  };
  auto set = [](const std::vector<config::peer_name>& names) {
    actors::peer_set sorted;
    for (const auto& name : names) {
      if (const auto* key = std::get_if<public_key>(&name))
        sorted.keys.push_back(*key);
      else
        sorted.networks.push_back(std::get<network_range>(name));
    }
    return sorted;
  };
  to.connections_max = from.connections_max;
  to.peer = share(from.per_peer);
  to.address = share(from.per_address);
  to.strike_window_ms = ms_of(from.strike_window);
  to.ban_ms = ms_of(from.ban_time);
  to.allow = from.allow;
  to.deny = set(from.deny);
  to.never_ban = set(from.never_ban);
  return to;
}

result<void> server::listen() {
  for (const auto& where : settings_.replication.listen) {
    auto wanted = endpoint_of(where);
    auto bound = engine_->listen(wanted);
    auto is_default = config::to_string(where) == config::defaults::replication_listen;
    if (!bound && may_move_ && is_default) {
      log_warning(bound.error().detail + "; listening on a free port instead");
      wanted.port = 0;
      bound = engine_->listen(wanted);
    }
    if (!bound)
      return fail(bound.error());
    log_info("listening on " + actors::to_string(*bound));
    listening_.push_back(std::move(*bound));
  }
  return {};
}

result<void> server::publish_node() {
  const auto& where = settings_.node.listen;
  if (where.kind == config::address_kind::off)
    return {};
  auto port = publish(*system_, engine_->store(), settings_.node);
  if (!port)
    return fail(port.error());
  auto bound = where;
  bound.port = node_port_ = *port;
  node_ = config::to_string(bound);
  log_info("node surface on " + *node_);
  return {};
}

result<void> server::serve_http() {
  if (settings_.http.listen.kind == config::address_kind::off)
    return {};
  http::service_settings wanted{settings_.http, settings_.store.path, text::to_hex(engine_->identity().view())};
  auto serving = http::surface::start(*system_, engine_->store(), engine_->totals(), std::move(wanted));
  if (!serving)
    return fail(serving.error());
  http_ = std::move(*serving);
  log_info("http on " + http_->where());
  return {};
}

std::string server::ready_line() const {
  nlohmann::ordered_json line{{"event", "ready"}, {"storage", settings_.store.path}};
  line["listen"] = nlohmann::ordered_json::array();
  for (const auto& where : listening_)
    line["listen"].push_back(actors::to_string(where));
  line["http"] = http_ ? nlohmann::ordered_json(http_->where()) : nlohmann::ordered_json(nullptr);
  line["node"] = node_ ? nlohmann::ordered_json(*node_) : nlohmann::ordered_json(nullptr);
  line["publicKey"] = text::to_hex(engine_->identity().view());
  line["pid"] = getpid();
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void server::reload(const config::settings& fresh) {
  std::size_t applied = 0;
  std::size_t waiting = 0;
  set_log_level(std::min(settings_.log.level, fresh.log.level)); // a log that becomes quieter still says that it does
  for (const auto& rule : config::key_rules()) {
    auto before = rule.print(settings_);
    auto after = rule.print(fresh);
    if (before == after)
      continue;
    auto key = rule.full_name();
    if (!rule.is_live) {
      log_warning("reload: " + key + ": " + shown(rule, before) + " -> " + shown(rule, after) +
                  " needs a restart; nothing changes until then");
      ++waiting;
      continue;
    }
    rule.copy(settings_, fresh);
    log_info("reload: " + key + ": " + shown(rule, before) + " -> " + shown(rule, after));
    ++applied;
  }
  engine_->apply(engine_settings());
  auto mirrored = mirrors_->apply(settings_.replication.mirror);
  if (!mirrored)
    log_error("reload: mirroring failed: " + to_string(mirrored.error()));
  else
    for (const auto& line : *mirrored)
      log_info("reload: " + line);
  log_info(fmt::format("reload: done: {} key{} applied, {} wait{} for a restart", applied, applied == 1 ? "" : "s",
                       waiting, waiting == 1 ? "s" : ""));
  set_log_level(settings_.log.level);
}

bool server::is_alive() {
  constexpr std::chrono::seconds answer_time_max{5};
  caf::scoped_actor self{*system_};
  return ask<store_record>(self, engine_->store(), answer_time_max, info_atom_v).has_value();
}

void server::close() {
  if (!engine_)
    return;
  http_.reset();
  if (node_)
    withdraw(*system_, node_port_, settings_.node.has_tls());
  mirrors_.reset();
  engine_->close();
  engine_.reset();
  system_.reset();
  log_info("closed the store " + settings_.store.path);
}

} // namespace corestore::programs
