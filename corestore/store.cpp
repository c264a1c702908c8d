#include "corestore/store.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "config/address.hpp"
#include "corestore/world.hpp"

namespace corestore {

namespace {

constexpr std::chrono::milliseconds no_wait{0};
constexpr std::size_t page_changes_max = 1000;

actors::endpoint endpoint_of(const std::string& text) {
  auto where = config::parse_listen_address(text);
  if (!where)
    throw failure(where.error().code, to_string(where.error()));
  if (where->kind == config::address_kind::off)
    throw failure(ec::bad_argument, "off is no address to listen on");
  actors::endpoint to;
  to.is_unix = where->kind == config::address_kind::local;
  to.host = to.is_unix ? where->path : where->host;
  to.port = where->port;
  return to;
}

} // namespace

store store::open(const std::filesystem::path& directory, const store_options& options) {
  auto home = facade::world::open(directory, options);
  auto root = home->root();
  return store{std::make_shared<facade::scope>(std::move(home), std::move(root))};
}

store store::attach(const std::string& address) {
  auto home = facade::world::attach(address);
  auto root = home->root();
  return store{std::make_shared<facade::scope>(std::move(home), std::move(root))};
}

core store::get(const core_options& options) const {
  return core{std::make_shared<facade::opened>(scope_->home(), scope_->handle(), facade::selector_of(options))};
}

core store::get_default() const {
  core_selector selector;
  selector.kind = selector_kind::by_default;
  return core{std::make_shared<facade::opened>(scope_->home(), scope_->handle(), selector)};
}

store store::create_namespace(const std::string& name) const {
  auto entered = scope_->home()->ask<entered_store>(scope_->handle(), no_wait, enter_atom_v, name);
  return store{std::make_shared<facade::scope>(scope_->home(), entered.handle)};
}

key_pair store::create_key_pair(const std::string& name) const {
  return scope_->home()->ask<key_pair>(scope_->handle(), no_wait, derive_atom_v, name);
}

std::vector<core_info> store::list() const {
  std::vector<core_info> cores;
  list_request request;
  for (;;) {
    auto page = scope_->home()->ask<record_page>(scope_->handle(), no_wait, list_atom_v, request);
    for (const auto& record : page.records)
      cores.push_back(facade::info_of(record));
    if (page.is_last)
      return cores;
    request.cursor = page.next;
  }
}

store_info store::info() const {
  auto record = scope_->home()->ask<store_record>(scope_->handle(), no_wait, info_atom_v);
  store_info info;
  info.cores_known = record.cores_known;
  info.cores_loaded = record.cores_loaded;
  info.connections = record.sessions;
  info.used_bytes = record.used_bytes;
  info.commits = record.commits;
  info.durability = record.durability;
  info.version = record.version;
  return info;
}

bool store::is_loaded(const core_options& options) const {
  return scope_->home()->ask<bool>(scope_->handle(), no_wait, loaded_atom_v, facade::selector_of(options));
}

link store::connect(const std::string& address, const replicate_options& options) const {
  dial_request request{address, options.upload, options.download};
  auto peer = scope_->home()->ask<peer_record>(scope_->handle(), no_wait, dial_atom_v, request);
  return link{std::make_shared<facade::dialled>(scope_->home(), peer.id)};
}

std::string store::listen(const std::string& address) const {
  auto* engine = scope_->home()->engine();
  if (engine == nullptr)
    throw failure(ec::unsupported, "a server listens where its configuration says");
  auto bound = engine->listen(endpoint_of(address));
  if (!bound)
    throw failure(bound.error().code, to_string(bound.error()));
  return actors::to_string(*bound);
}

watch store::on_feed(std::function<void(const core_key&, const corestore::discovery_key&)> callback) const {
  auto wish = std::make_shared<facade::listener>();
  wish->on_store = [callback = std::move(callback)](const store_event& event) {
    if (event.kind == store_event_kind::feed)
      callback(event.key, event.discovery);
  };
  auto id = scope_->home()->listen(scope_->handle(), std::move(wish));
  return watch{std::make_shared<facade::subscription>(scope_->home(), id, scope_)};
}

std::vector<group_change> store::group_changes(const hash32& topic, const group_options& options) const {
  std::vector<group_change> changes;
  group_request request{topic, options.since, options.until, options.reverse, 0};
  while (changes.size() < options.limit) {
    request.limit = static_cast<std::uint32_t>(std::min<std::size_t>(options.limit - changes.size(), page_changes_max));
    auto page = scope_->home()->ask<group_page>(scope_->handle(), no_wait, list_atom_v, request);
    for (const auto& update : page.updates)
      changes.push_back({update.position, update.key, update.discovery, update.length, update.fork});
    if (page.is_last)
      break;
    (options.reverse ? request.until : request.since) = page.next;
  }
  return changes;
}

watch store::on_group(const hash32& topic, std::function<void(const group_change&)> callback) const {
  auto wish = std::make_shared<facade::listener>();
  wish->on_store = [topic, callback = std::move(callback)](const store_event& event) {
    auto is_of_any = event.key.is_zero() && event.group.is_zero();
    if (event.kind == store_event_kind::group && (event.group == topic || is_of_any))
      callback({0, event.key, event.discovery, event.length, event.fork});
  };
  auto id = scope_->home()->listen(scope_->home()->root(), std::move(wish));
  return watch{std::make_shared<facade::subscription>(scope_->home(), id, scope_)};
}

void store::close() const {
  if (scope_->is_root() && scope_->home()->engine() != nullptr)
    scope_->home()->close();
  else if (!scope_->is_root())
    scope_->home()->ask<bool>(scope_->handle(), no_wait, close_atom_v);
}

} // namespace corestore
