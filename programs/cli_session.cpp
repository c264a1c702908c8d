#include "programs/cli_session.hpp"

#include <cstdio>
#include <cstdlib>

#include <caf/all.hpp>

#include "base/text.hpp"
#include "config/key_file.hpp"
#include "programs/exit_code.hpp"
#include "programs/node_surface.hpp"
#include "storage/open.hpp"

namespace corestore::programs {

namespace {

constexpr std::string_view name_prefix = "name:";
constexpr std::uint32_t page_records_max = 1000;

void complain(const char* severity, const std::string& line) {
  if (std::string_view{severity} == "error")
    std::fprintf(stderr, "corestore: %s\n", line.c_str());
}

/// Requests in flight to a dead node are never answered: the loss of the node ends the process.
caf::behavior node_guard(caf::event_based_actor* self, const store_actor& store) {
  self->set_down_handler([](const caf::down_msg&) {
    std::fputs("corestore: lost the connection to the server\n", stderr);
    std::_Exit(exit_failed);
  });
  self->monitor(store);
  return {[](shutdown_atom) {
    // nop
  }};
}

} // namespace

error unknown_core(const std::string& core) {
  return {ec::not_found,
          "the store does not know the core " + core +
            "; `corestore list --recursive` shows what it holds, `corestore mirror KEY` fetches a core from peers"};
}

session::session(const session_options& options, bool is_json) : options_(options), is_json_(is_json) {
  // nop
}

session::~session() {
  if (guard_)
    caf::anon_send_exit(guard_, caf::exit_reason::user_shutdown);
  signals_.reset(); // its thread sends to `self_`
  guard_ = nullptr;
  self_.reset();
  store_ = nullptr;
  if (engine_)
    engine_->close();
}

result<std::unique_ptr<session>> session::open(const session_options& options, bool is_json) {
  if (options.is_local && options.storage.empty())
    return fail(ec::bad_argument, "this verb needs --storage");
  if (!options.primary_key_file.empty() && options.storage.empty())
    return fail(ec::bad_argument, "--primary-key-file needs --storage");
  std::unique_ptr<session> opened{new session(options, is_json)};
  auto* raw = opened.get();
  if (options.is_live)
    opened->signals_ = std::make_unique<signal_watch>(std::initializer_list<int>{SIGINT, SIGTERM}, [raw](int) {
      if (raw->self_)
        caf::anon_send(caf::actor_cast<caf::actor>(caf::actor_cast<caf::strong_actor_ptr>(*raw->self_)),
                       shutdown_atom_v);
    });
  opened->config_ = std::make_unique<config::system_config>();
  auto ready = options.storage.empty() ? opened->connect_node() : opened->open_storage();
  if (!ready)
    return fail(ready.error());
  return opened;
}

result<void> session::open_storage() {
  storage::open_options options;
  options.may_create = options_.may_create;
  if (!options_.primary_key_file.empty()) {
    auto key = config::read_primary_key(options_.primary_key_file);
    if (!key)
      return fail(key.error());
    options.primary = *key;
  }
  auto backend = storage::open_store(options_.storage, options);
  auto is_beside = !backend && (backend.error().code == ec::store_held || backend.error().code == ec::read_only);
  if (is_beside && !options_.may_write) {
    options.is_read_only = true;
    backend = storage::open_store(options_.storage, options);
  }
  if (!backend && backend.error().code == ec::store_held)
    return fail(ec::store_held,
                backend.error().detail + "; a running server is asked with --node ADDR, without --storage");
  if (!backend && backend.error().code == ec::not_found && !options_.may_create)
    return fail(ec::not_found, backend.error().detail + "; `corestore --storage DIR create` makes a store");
  if (!backend)
    return fail(backend.error());
  system_ = std::make_unique<caf::actor_system>(*config_);
  actors::engine_settings settings;
  if (options_.generation == 9)
    settings.generation = log::generation::g9;
  engine_ = std::make_unique<actors::engine>(*system_, std::shared_ptr<storage::backend>{std::move(*backend)}, settings,
                                             complain);
  store_ = engine_->store();
  self_.emplace(*system_);
  return {};
}

result<void> session::connect_node() {
  auto target = find_node(options_.node);
  if (!target)
    return fail(target.error());
  if (auto loaded = load_node_modules(*config_, target->node); !loaded)
    return loaded;
  system_ = std::make_unique<caf::actor_system>(*config_);
  self_.emplace(*system_);
  auto store = connect_to_store(*system_, target->node);
  if (!store)
    return fail(ec::connection_closed, store.error().detail + "; start one with `corestored --node " +
                                         config::to_string(target->node.listen) +
                                         "`, or open a store in this process with --storage DIR");
  store_ = std::move(*store);
  guard_ = system_->spawn<caf::hidden>(node_guard, store_);
  return {};
}

result<core_selector> session::select(const std::string& core, bool create) const {
  core_selector selector;
  selector.path = path();
  selector.generation = options_.generation;
  selector.create = create;
  if (core == "default") {
    selector.kind = selector_kind::by_default;
  } else if (core.starts_with(name_prefix)) {
    selector.kind = selector_kind::by_name;
    selector.name = core.substr(name_prefix.size());
    if (selector.name.empty())
      return fail(ec::bad_argument, "a name is missing after `name:`");
  } else {
    auto id = text::parse_key<hash32>(core);
    if (!id)
      return fail(ec::bad_argument, "CORE is a key, a discovery key, name:NAME or default, not `" + core + "`");
    selector.kind = selector_kind::by_id;
    selector.id = *id;
  }
  return selector;
}

result<opened_core> session::open_core(const std::string& core, bool create) {
  auto selector = select(core, create);
  if (!selector)
    return fail(selector.error());
  auto opened = ask<opened_core>(store_, open_atom_v, *selector);
  if (!opened && opened.error().code == ec::not_found)
    return fail(unknown_core(core));
  return opened && !options_.encryption_key.empty() ? encrypt(std::move(*opened)) : opened;
}

result<opened_core> session::encrypt(opened_core opened) {
  auto key = text::from_hex(options_.encryption_key);
  if (!key || key->size() != hash32::size)
    return fail(ec::bad_argument, "an encryption key is 64 hex digits");
  constexpr std::uint8_t as_the_core_demands = 255;
  auto record = ask<core_record>(opened.handle, encrypt_atom_v, *key, as_the_core_demands);
  if (!record)
    return fail(record.error());
  opened.record = std::move(*record);
  return opened;
}

result<std::vector<core_record>> session::list(bool is_recursive) {
  list_request request;
  request.in_namespace = !options_.name_space.empty();
  request.path = path();
  request.is_recursive = is_recursive;
  request.limit = page_records_max;
  std::vector<core_record> records;
  for (;;) {
    auto page = ask<record_page>(store_, list_atom_v, request);
    if (!page)
      return fail(page.error());
    std::move(page->records.begin(), page->records.end(), std::back_inserter(records));
    if (page->is_last || page->next.empty())
      return records;
    request.cursor = std::move(page->next);
  }
}

} // namespace corestore::programs
