#include "corestore/world.hpp"

#include <algorithm>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>

#include "actors/remote.hpp"
#include "config/address.hpp"
#include "storage/open.hpp"

namespace corestore::facade {

namespace {

/// Callers kept for the next request; more are ended after their request.
constexpr std::size_t idle_callers_max = 64;

storage::open_options storage_options(const store_options& from) {
  storage::open_options to;
  to.primary = from.primary_key;
  to.may_create = from.create;
  to.is_read_only = from.read_only;
  to.map_bytes_max = from.bytes_max;
  to.map_bytes = std::min(to.map_bytes, to.map_bytes_max);
  switch (from.durability) {
  case sync_mode::commit:
    to.durability = storage::durability::commit;
    break;
  case sync_mode::interval:
    to.durability = storage::durability::interval;
    break;
  case sync_mode::none:
    to.durability = storage::durability::none;
    break;
  }
  return to;
}

[[noreturn]] void raise(const error& what) {
  throw failure(what.code, to_string(what));
}

} // namespace

std::shared_ptr<world> world::open(const std::filesystem::path& directory, const store_options& options) {
  if (options.manifest_version > 2)
    raise({ec::bad_argument, "no such manifest version: " + std::to_string(options.manifest_version)});
  if (options.generation != core_generation::previous && options.generation != core_generation::current)
    raise({ec::bad_argument, "a store is of the previous or of the current generation"});
  auto backend = storage::open_store(directory, storage_options(options));
  if (!backend)
    raise(backend.error());
  std::shared_ptr<world> opened{new world, [](world* dying) {
                                  end(dying);
                                }};
  opened->config_ = std::make_unique<config::system_config>(options.workers);
  opened->system_ = std::make_unique<caf::actor_system>(*opened->config_);
  actors::engine_settings settings;
  settings.manifest_version = options.manifest_version;
  settings.generation = static_cast<log::generation>(options.generation);
  std::shared_ptr<storage::backend> shared{std::move(*backend)};
  opened->backend_ = shared;
  opened->engine_ = std::make_unique<actors::engine>(*opened->system_, std::move(shared), settings);
  opened->root_ = opened->engine_->store();
  return opened;
}

std::shared_ptr<world> world::attach(const std::string& address) {
  auto where = config::parse_listen_address(address);
  if (!where)
    raise(where.error());
  if (where->kind != config::address_kind::tcp || where->port == 0)
    raise({ec::bad_argument, address + ": host:port of a running server is expected"});
  if (!config::is_loopback(*where))
    raise({ec::bad_argument, address + ": only a server on this machine; others need TLS"});
  std::shared_ptr<world> attached{new world, [](world* dying) {
                                    end(dying);
                                  }};
  attached->config_ = std::make_unique<config::system_config>();
  attached->config_->load<caf::io::middleman>();
  attached->system_ = std::make_unique<caf::actor_system>(*attached->config_);
  auto store = actors::connect_node(*attached->system_, {where->host, where->port, false});
  if (!store)
    raise(store.error());
  attached->root_ = std::move(*store);
  return attached;
}

void world::end(world* dying) {
  auto is_ear = [&] {
    std::lock_guard guard{dying->mutex_};
    return dying->ear_thread_ == std::this_thread::get_id();
  }();
  if (is_ear)
    std::thread{[dying] {
      delete dying;
    }}.detach();
  else
    delete dying;
}

world::~world() {
  if (engine_)
    engine_->close();
  root_ = nullptr;
  if (ear_)
    caf::anon_send_exit(ear_, caf::exit_reason::user_shutdown);
  ear_ = nullptr;
  idle_.clear();
  engine_.reset();
  system_.reset();
}

void world::close() {
  if (engine_)
    engine_->close();
}

std::unique_ptr<caf::scoped_actor> world::borrow() {
  {
    std::lock_guard guard{mutex_};
    if (!idle_.empty()) {
      auto caller = std::move(idle_.back());
      idle_.pop_back();
      return caller;
    }
  }
  return std::make_unique<caf::scoped_actor>(*system_);
}

void world::give_back(std::unique_ptr<caf::scoped_actor> caller) {
  std::lock_guard guard{mutex_};
  if (idle_.size() < idle_callers_max)
    idle_.push_back(std::move(caller));
}

// -- events

template <class Choose>
void world::tell(Choose choose) {
  std::vector<std::shared_ptr<listener>> wishes;
  {
    std::lock_guard guard{mutex_};
    ear_thread_ = std::this_thread::get_id();
    for (const auto& [id, wish] : listeners_)
      wishes.push_back(wish);
  }
  for (const auto& wish : wishes) {
    std::lock_guard calling{wish->calling};
    if (wish->is_alive)
      choose(*wish);
  }
}

caf::actor world::ear() {
  std::lock_guard guard{mutex_};
  if (ear_)
    return ear_;
  // In a thread of its own: callbacks may block, and may call the plain interface.
  auto hear = [this](caf::event_based_actor*) -> caf::behavior {
    return {
      [this](const core_event& event) {
        tell([&](listener& wish) {
          if (wish.on_core && wish.core == event.discovery)
            wish.on_core(event);
        });
      },
      [this](const store_event& event) {
        tell([&](listener& wish) {
          if (wish.on_store)
            wish.on_store(event);
        });
      },
      [this](const extension_event& event) {
        tell([&](listener& wish) {
          if (wish.on_extension && wish.core == event.discovery)
            wish.on_extension(event);
        });
        return true;
      },
    };
  };
  ear_ = system_->spawn<caf::detached>(hear);
  return ear_;
}

std::uint64_t world::add(std::shared_ptr<listener> wish) {
  std::lock_guard guard{mutex_};
  listeners_.emplace(++last_listener_, std::move(wish));
  return last_listener_;
}

std::uint64_t world::listen(const core_actor& target, const std::string& extension, std::shared_ptr<listener> wish) {
  auto sink = caf::actor_cast<extension_sink>(ear());
  auto id = add(std::move(wish));
  try {
    ask<bool>(target, std::chrono::milliseconds{0}, extend_atom_v, extension, sink);
  } catch (...) {
    unlisten(id);
    throw;
  }
  return id;
}

std::uint64_t world::listen(const core_actor& target, std::shared_ptr<listener> wish) {
  auto sink = caf::actor_cast<event_sink>(ear());
  auto id = add(std::move(wish));
  try {
    ask<core_record>(target, std::chrono::milliseconds{0}, subscribe_atom_v, sink);
  } catch (...) {
    unlisten(id);
    throw;
  }
  return id;
}

std::uint64_t world::listen(const store_actor& target, std::shared_ptr<listener> wish) {
  auto sink = caf::actor_cast<store_sink>(ear());
  auto id = add(std::move(wish));
  try {
    ask<bool>(target, std::chrono::milliseconds{0}, watch_atom_v, sink);
  } catch (...) {
    unlisten(id);
    throw;
  }
  return id;
}

void world::unlisten(std::uint64_t id) noexcept {
  std::shared_ptr<listener> wish;
  {
    std::lock_guard guard{mutex_};
    auto found = listeners_.find(id);
    if (found == listeners_.end())
      return;
    wish = std::move(found->second);
    listeners_.erase(found);
  }
  std::lock_guard calling{wish->calling};
  wish->is_alive = false;
}

// -- openings and connections

opened::opened(std::shared_ptr<world> home, const store_actor& store, const core_selector& selector)
    : home_(std::move(home)), owner_(home_->system()) {
  auto answer = world::ask_as<opened_core>(owner_, store, std::chrono::milliseconds{0}, open_atom_v, selector);
  if (!answer)
    raise(answer.error());
  handle_ = std::move(answer->handle);
  record_ = std::move(answer->record);
  if (!selector.encryption_key.empty() || record_.is_encrypted)
    home_->note_encryption();
  if (auto source = home_->blocks())
    if (auto view = source->open_snapshot())
      if (auto header = (*view)->header(record_.discovery); header && *header)
        number_ = (*header)->number;
}

/// What cannot be read is for the core to explain.
std::optional<bytes> opened::stored(std::uint64_t index) const {
  auto source = number_ ? home_->blocks() : nullptr;
  if (!source)
    return std::nullopt;
  auto view = source->open_snapshot();
  if (!view)
    return std::nullopt;
  auto block = (*view)->block(*number_, index);
  return block && *block ? std::optional{to_bytes((*block)->view())} : std::nullopt;
}

viewed::viewed(std::shared_ptr<opened> of, const checkout_request& request)
    : of_(std::move(of)),
      handle_(of_->home().ask<checkout_actor>(of_->handle(), std::chrono::milliseconds{0}, checkout_atom_v, request)) {
  // nop
}

viewed::~viewed() {
  caf::anon_send(handle_, close_atom_v);
}

dialled::~dialled() {
  try {
    home_->ask<bool>(home_->root(), std::chrono::milliseconds{0}, hangup_atom_v, id_);
  } catch (const failure&) {
    // the store has closed, and the connection with it
  }
}

core_info info_of(const core_record& record) {
  core_info info;
  info.key = record.key;
  info.discovery_key = record.discovery;
  info.generation = record.generation;
  info.manifest = record.manifest;
  info.length = record.length;
  info.byte_length = record.byte_length;
  info.fork = record.fork;
  info.contiguous_length = record.contiguous_length;
  info.tree_hash = record.tree_hash;
  info.peers = record.peers;
  info.writable = record.writable;
  info.mirrored = record.mirrored;
  info.name = record.name;
  info.group = hash32::from(record.group);
  return info;
}

core_selector selector_of(const core_options& options) {
  core_selector selector;
  auto given = int{options.name.has_value()} + int{options.key.has_value()} + int{options.discovery_key.has_value()} +
               int{options.key_pair.has_value() || options.manifest.has_value()};
  if (given > 1)
    raise({ec::bad_argument, "a core is named by one of name, key, discovery key, key pair and manifest"});
  selector.kind = selector_kind::at_random;
  if (options.name) {
    selector.kind = selector_kind::by_name;
    selector.name = *options.name;
  } else if (options.key) {
    selector.kind = selector_kind::by_key;
    selector.id.data = options.key->data;
  } else if (options.discovery_key) {
    selector.kind = selector_kind::by_discovery;
    selector.id.data = options.discovery_key->data;
  } else if (options.key_pair) {
    selector.kind = selector_kind::by_pair;
    selector.pair = *options.key_pair;
  } else if (options.manifest) {
    selector.kind = selector_kind::by_manifest;
  }
  if (options.manifest)
    selector.manifest = *options.manifest;
  if (options.encryption_key)
    selector.encryption_key = *options.encryption_key;
  selector.generation = static_cast<std::uint8_t>(options.generation);
  selector.create = options.create;
  selector.is_exclusive = options.exclusive;
  selector.is_read_only = options.read_only;
  if (options.group)
    selector.group = to_bytes(options.group->view());
  return selector;
}

} // namespace corestore::facade
