// tail_actor DIRECTORY COUNT: an application with an actor system of its own. It owns a store, lets one actor append
// COUNT lines to a core and another follow that core, and ends when the follower has read them all.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <caf/all.hpp>
#include <corestore/actors.hpp>

namespace {

/// The host's configuration: its own settings, and what the engine needs.
struct host_config : corestore::with_engine<> {};

struct follower_state {
  follower_state() = default; // CAF hands its pointer to the state when it can: an aggregate would take it for `core`

  corestore::core_actor core;
  std::uint64_t next = 0;
  std::uint64_t wanted = 0;
  static inline const char* name = "follower";
};

using follower_actor = corestore::event_sink::extend<caf::reacts_to<corestore::core_record>>;

/// Reads what is there, up to the length that an event named.
void read_on(follower_actor::stateful_pointer<follower_state> self, std::uint64_t length) {
  auto& state = self->state;
  if (state.next >= length)
    return;
  constexpr std::uint64_t bytes_max = 65536;
  self->request(state.core, caf::infinite, corestore::read_atom_v, std::uint64_t{state.next}, length, bytes_max)
    .then(
      [self, length](const corestore::block_batch& batch) {
        for (const auto& block : batch.blocks) {
          auto text = corestore::as_text(block.value.view());
          std::printf("%llu %.*s\n", 0ULL + block.index, static_cast<int>(text.size()), text.data());
        }
        self->state.next += batch.blocks.size();
        if (self->state.next == self->state.wanted)
          self->quit();
        else if (!batch.blocks.empty())
          read_on(self, length);
      },
      [self](const caf::error& reason) {
        std::fprintf(stderr, "reading failed: %s\n", self->system().render(reason).c_str());
        self->quit(reason);
      });
}

follower_actor::behavior_type follower(follower_actor::stateful_pointer<follower_state> self,
                                       const corestore::core_actor& core, std::uint64_t wanted) {
  self->state.core = core;
  self->state.wanted = wanted;
  self->request(core, caf::infinite, corestore::subscribe_atom_v, caf::actor_cast<corestore::event_sink>(self->ctrl()))
    .then([self](const corestore::core_record& record) { read_on(self, record.length); },
          [self](const caf::error& reason) { self->quit(reason); });
  return {
    [self](const corestore::core_event& event) {
      if (event.kind == corestore::event_kind::append)
        read_on(self, event.length);
    },
    [self](const corestore::core_record& record) { read_on(self, record.length); },
  };
}

caf::behavior writer(caf::event_based_actor* self, const corestore::core_actor& core, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::vector<corestore::shared_bytes> blocks{corestore::to_bytes("line " + std::to_string(i))};
    self->request(core, caf::infinite, corestore::append_atom_v, std::move(blocks))
      .then(
        [](const corestore::append_result&) {
          // durable
        },
        [self](const caf::error& reason) { self->quit(reason); });
  }
  return {};
}

int run(caf::actor_system& system, const char* directory, std::uint64_t count) {
  auto engine = corestore::open_engine(system, directory);
  if (!engine) {
    std::fprintf(stderr, "%s\n", corestore::to_string(engine.error()).c_str());
    return 1;
  }
  caf::scoped_actor self{system};
  corestore::core_selector selector;
  selector.name = "lines";
  int outcome = 1;
  self->request((*engine)->store(), std::chrono::seconds{10}, corestore::open_atom_v, selector)
    .receive(
      [&](const corestore::opened_core& opened) {
        auto reader = system.spawn(follower, opened.handle, opened.record.length + count);
        system.spawn(writer, opened.handle, count);
        self->wait_for(reader);
        outcome = 0;
      },
      [&](const caf::error& reason) { std::fprintf(stderr, "%s\n", system.render(reason).c_str()); });
  (*engine)->close();
  return outcome;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DIRECTORY COUNT\n", argv[0]);
    return 2;
  }
  host_config config;
  caf::actor_system system{config};
  return run(system, argv[1], std::strtoull(argv[2], nullptr, 10));
}
