#include "actors/engine.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "actors/connections.hpp"
#include "actors/listener.hpp"
#include "actors/network.hpp"
#include "actors/reactor.hpp"
#include "actors/scrub.hpp"
#include "actors/store.hpp"
#include "actors/terminator.hpp"
#include "actors/watchdog.hpp"
#include "actors/writer.hpp"
#include "base/crypto.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

namespace {

/// The Noise identity of a store: its own branch of the primary key, so that it is stable and signs no core.
key_pair derive_identity(const primary_key& root) {
  auto branch = log::child_namespace(namespace_id{}, as_bytes("corestore/noise-identity"));
  return log::derive_key_pair(root, branch, "noise");
}

} // namespace

struct engine::implementation {
  implementation(caf::actor_system& host, std::shared_ptr<storage::backend> storage, engine_settings wanted,
                 log_sink log)
      : system(host), backend(std::move(storage)) {
    crypto::initialize();
    auto shared = std::make_shared<engine_settings>(std::move(wanted));
    replication::replicator_settings replication;
    replication.in_flight_max = shared->in_flight_max;
    replication.request_ms_max = shared->request_ms_max;
    counted = std::make_shared<meters>();
    guard = std::make_shared<peer_guard>(counted);
    guard->apply(shared->guards);
    context = std::make_shared<connection_context>();
    context->log = std::move(log);
    auto say = [shared = context](const char* severity, const std::string& line) {
      shared->say(severity, line);
    };
    const writer_arguments with{backend, shared->sync_interval_ms, counted, say};
    auto waits_for_disk =
      backend->mode() != storage::durability::none; // else a thread of its own costs more than it saves
    writes = waits_for_disk ? system.spawn<caf::detached>(writer, with) : system.spawn(writer, with);
    cache_limits cache{shared->active_cores_max, shared->passive_cores_max};
    serves = system.spawn(actors::store, store_arguments{backend, writes, replication, cache, counted,
                                                         shared->generation, shared->manifest_version, guard});
    ends = system.spawn(terminator, grace_ms);
    context->guard = guard;
    context->dialled = guard->totals().add_source("dialled");
    context->io = &io;
    context->store = serves;
    context->identity = shared->identity ? *shared->identity : derive_identity(backend->root_key());
    context->set_settings(std::move(shared));
    dials = system.spawn(network, context);
    pace_scrub();
    watchdog_arguments watched;
    watched.subjects = {{mailbox::store, serves.address()}, {mailbox::writer, writes.address()}};
    watched.counted = counted;
    watched.age_limit = std::chrono::milliseconds(context->settings()->mailbox_age_ms_max);
    watched.log = say;
    watches = system.spawn<caf::detached>(watchdog, std::move(watched));
    caf::anon_send(writes, join_atom_v, caf::actor_cast<room_maker_actor>(serves));
    // From here, not from the network actor: nobody can ask the store to dial before it knows whom to ask.
    caf::anon_send(serves, join_atom_v, dials);
  }

  /// As the settings say now.
  void pace_scrub() {
    auto now = context->settings();
    if (scrubs)
      caf::anon_send(scrubs, update_atom_v, now->scrub_bytes_s, now->scrub_interval_ms);
    else if (now->scrub_bytes_s > 0)
      scrubs = system.spawn(scrub, scrub_arguments{backend, serves, counted, now->scrub_bytes_s, now->scrub_interval_ms,
                                                   [shared = context](const char* severity, const std::string& line) {
                                                     shared->say(severity, line);
                                                   }});
  }

  void end(std::vector<caf::actor> targets) {
    caf::scoped_actor self{system};
    self->request(ends, caf::infinite, shutdown_atom_v, std::move(targets))
      .receive(
        [this](bool is_clean) {
          if (!is_clean)
            context->say("error", "an actor did not end in time and was killed");
        },
        [this](const caf::error& reason) { context->say("error", "shutdown: " + to_string(from_caf(reason))); });
  }

  /// Dials, unless it is dialled already.
  result<peer_record> dial(const endpoint& where) {
    caf::scoped_actor self{system};
    result<peer_record> answer = fail(ec::internal, "no answer");
    auto address = to_string(where);
    if (where.generation != 0)
      address += "@" + std::to_string(where.generation);
    self->request(dials, caf::infinite, dial_atom_v, dial_request{address}, scope_id{})
      .receive([&](peer_record& record) { answer = std::move(record); },
               [&](const caf::error& reason) { answer = fail(from_caf(reason)); });
    return answer;
  }

  void hang_up(std::uint64_t id) {
    caf::scoped_actor self{system};
    self->request(dials, caf::infinite, hangup_atom_v, id).receive([](bool) {}, [](const caf::error&) {});
  }

  void close() {
    if (std::exchange(is_closed, true))
      return;
    std::vector<caf::actor> outer;
    for (const auto& handle : listeners)
      outer.push_back(caf::actor_cast<caf::actor>(handle));
    outer.push_back(caf::actor_cast<caf::actor>(dials));
    listeners.clear();
    outer.push_back(caf::actor_cast<caf::actor>(scrubs));
    outer.push_back(caf::actor_cast<caf::actor>(watches));
    dials = nullptr;
    scrubs = nullptr;
    watches = nullptr;
    end(std::move(outer));
    end({caf::actor_cast<caf::actor>(serves)});
    end({caf::actor_cast<caf::actor>(writes)});
    caf::anon_send_exit(ends, caf::exit_reason::user_shutdown);
    io.stop();
    context->store = nullptr;
    serves = nullptr;
    writes = nullptr;
    ends = nullptr;
    backend.reset();
  }

  caf::actor_system& system;
  reactor io;
  std::shared_ptr<storage::backend> backend;
  writer_actor writes;
  local_store_actor serves;
  caf::actor ends;
  context_ptr context;
  meters_ptr counted;
  std::shared_ptr<peer_guard> guard;
  std::vector<listener_actor> listeners;
  network_actor dials;
  scrub_actor scrubs; ///< absent: nothing is looked at in the background
  watchdog_actor watches;
  std::vector<std::pair<endpoint, std::uint64_t>> dialled; ///< by connect(), with their ids
  bool is_closed = false;
};

engine::engine(caf::actor_system& system, std::shared_ptr<storage::backend> backend, engine_settings settings,
               log_sink log)
    : implementation_(
        std::make_unique<implementation>(system, std::move(backend), std::move(settings), std::move(log))) {
  // nop
}

engine::~engine() {
  close();
}

store_actor engine::store() const {
  return caf::actor_cast<store_actor>(implementation_->serves);
}

std::shared_ptr<const core_totals> engine::totals() const {
  return implementation_->counted;
}

public_key engine::identity() const {
  return implementation_->context->identity.public_part;
}

void engine::apply(engine_settings settings) {
  settings.identity = implementation_->context->identity;
  implementation_->guard->apply(settings.guards);
  implementation_->context->set_settings(std::make_shared<engine_settings>(std::move(settings)));
  if (!implementation_->is_closed)
    implementation_->pace_scrub();
}

result<endpoint> engine::listen(const endpoint& where) {
  if (implementation_->is_closed)
    return fail(ec::store_closed, "the engine is closed");
  auto opened = acceptor::open(implementation_->io, where);
  if (!opened)
    return fail(opened.error());
  auto bound = (*opened)->where();
  implementation_->listeners.push_back(
    implementation_->system.spawn(listener, implementation_->context, std::move(*opened)));
  return bound;
}

void engine::connect(const endpoint& where) {
  auto& known = implementation_->dialled;
  auto is_it = [&](const auto& entry) {
    return entry.first == where;
  };
  if (implementation_->is_closed || std::any_of(known.begin(), known.end(), is_it))
    return;
  if (auto record = implementation_->dial(where))
    known.emplace_back(where, record->id);
}

void engine::disconnect(const endpoint& where) {
  auto& known = implementation_->dialled;
  auto found = std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == where; });
  if (implementation_->is_closed || found == known.end())
    return;
  implementation_->hang_up(found->second);
  known.erase(found);
}

std::string engine::last_dial_failure(const endpoint& where) const {
  return implementation_->context->dial_failure(to_string(where));
}

void engine::close() {
  implementation_->close();
}

} // namespace corestore::actors
