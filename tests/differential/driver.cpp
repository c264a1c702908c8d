// Several stores of this engine in one process, driven by JSON lines: `{"id":1,"do":"append",...}` is answered with
// `{"id":1,...}` or `{"id":1,"error":"..."}`. What may wait for peers runs beside the rest.
#include <atomic>
#include <condition_variable>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "actors/engine.hpp"
#include "config/system_config.hpp"
#include "features.hpp"
#include "log/manifest.hpp"
#include "parts.hpp"
#include "programs/ask.hpp"
#include "storage/open.hpp"
#include <caf/all.hpp>

namespace corestore::test {

namespace {

using programs::ask;

struct open_store {
  std::unique_ptr<actors::engine> engine;
  struct held_core {
    std::shared_ptr<caf::scoped_actor> owner; ///< its end gives the core back
    core_actor handle;
  };
  std::map<std::string, held_core> cores; ///< by the caller's name
};

class driver {
public:
  explicit driver(caf::actor_system& system) : system_(system), features_(system) {
    // nop
  }

  json run(const json& command) {
    const auto verb = command.at("do").get<std::string>();
    if (verb == "start")
      return start(command);
    if (verb == "stop")
      return stop(command);
    if (verb == "open")
      return open(command);
    if (verb == "dial")
      return dial(command);
    if (verb == "damage")
      return damage(command);
    if (verb == "listen" && !command.contains("core"))
      return features_.listen(handle_of(command), command);
    caf::scoped_actor self{system_};
    const auto core = core_of(command);
    if (features::knows(verb))
      return features_.run(verb, core, command);
    if (verb == "append")
      return append(self, core, command);
    if (verb == "truncate")
      return record(need(ask<core_record>(self, core, programs::patience, truncate_atom_v, number(command, "length"),
                                          number(command, "fork"))));
    if (verb == "clear")
      return clear(self, core, command);
    if (verb == "state")
      return state(self, core);
    if (verb == "record")
      return record(need(ask<core_record>(self, core, programs::patience, info_atom_v)));
    const auto wait = number(command, "wait");
    const auto patience = programs::patience_with(wait);
    if (verb == "get")
      return {{"value",
               text::to_hex(
                 need(ask<shared_bytes>(self, core, patience, fetch_atom_v, number(command, "index"), wait)).view())}};
    if (verb == "download")
      return {{"done", need(ask<bool>(self, core, patience, download_atom_v, number(command, "start"),
                                      number(command, "end"), wait))}};
    if (verb == "seek") {
      const auto found = need(ask<seek_position>(self, core, patience, seek_atom_v, number(command, "position"), wait));
      return {{"index", found.index}, {"offset", found.offset}};
    }
    if (verb == "update")
      return {{"changed", need(ask<bool>(self, core, patience, update_atom_v, wait))}};
    fail_with("no such command: " + verb);
  }

  static bool may_wait(const json& command) {
    return command.contains("wait");
  }

private:
  open_store& store_of(const json& command) {
    const auto found = stores_.find(command.at("store").get<std::string>());
    if (found == stores_.end())
      fail_with("no such store");
    return found->second;
  }

  core_actor core_of(const json& command) {
    const std::lock_guard lock{mutex_};
    const auto& cores = store_of(command).cores;
    const auto found = cores.find(command.at("core").get<std::string>());
    if (found == cores.end())
      fail_with("no such core");
    return found->second.handle;
  }

  json start(const json& command) {
    storage::open_options options;
    options.durability = storage::durability::none;
    if (command.contains("primary"))
      options.primary.emplace().data = hash_of(command["primary"]).data;
    auto backend = need(storage::open_store(command.at("path").get<std::string>(), options));
    actors::engine_settings settings;
    settings.redial_first_ms = 20;
    settings.redial_ms_max = 100;
    settings.manifest_version = static_cast<std::uint8_t>(number(command, "manifestVersion", 1));
    if (command.contains("activeCores"))
      settings.active_cores_max = settings.passive_cores_max = number(command, "activeCores");
    open_store opened;
    opened.engine = std::make_unique<actors::engine>(system_, std::shared_ptr<storage::backend>{std::move(backend)},
                                                     settings, [](const char* severity, const std::string& line) {
                                                       if (std::string_view{severity} == "error")
                                                         std::cerr << "driver: " << line << '\n';
                                                     });
    const auto where =
      need(opened.engine->listen({false, "127.0.0.1", static_cast<std::uint16_t>(number(command, "port"))}));
    const std::lock_guard lock{mutex_};
    stores_[command.at("store").get<std::string>()] = std::move(opened);
    return {{"address", actors::to_string(where)}, {"port", where.port}};
  }

  json stop(const json& command) {
    open_store stopped;
    {
      const std::lock_guard lock{mutex_};
      stopped = std::move(store_of(command));
      stores_.erase(command.at("store").get<std::string>());
    }
    features_.forget(command.at("store").get<std::string>());
    stopped.cores.clear();
    stopped.engine->close();
    return json::object();
  }

  json open(const json& command) {
    auto self = std::make_shared<caf::scoped_actor>(system_);
    auto opened =
      need(ask<opened_core>(*self, handle_of(command), programs::patience, open_atom_v, selector_of(command)));
    const std::lock_guard lock{mutex_};
    store_of(command).cores[command.at("core").get<std::string>()] = {self, opened.handle};
    return record(opened.record);
  }

  store_actor handle_of(const json& command) {
    const std::lock_guard lock{mutex_};
    return store_of(command).engine->store();
  }

  static core_selector selector_of(const json& command) {
    core_selector selector;
    if (command.contains("key")) {
      selector.kind = selector_kind::by_key;
      selector.id = hash_of(command["key"]);
    } else if (command.contains("manifest")) {
      selector.kind = selector_kind::by_manifest;
    } else if (command.contains("publicKey")) {
      selector.kind = selector_kind::by_pair;
    } else {
      selector.name = command.at("name").get<std::string>();
    }
    if (command.contains("manifest"))
      selector.manifest = bytes_of(command["manifest"]);
    if (command.contains("publicKey")) {
      selector.pair.public_part = need(fixed<public_key>(command["publicKey"]));
      selector.pair.secret_part = need(fixed<secret_key>(command["secretKey"]));
    }
    if (command.contains("encryptionKey"))
      selector.encryption_key = bytes_of(command["encryptionKey"]);
    selector.is_active = command.value("active", true);
    return selector;
  }

  template <class Fixed>
  static result<Fixed> fixed(const json& text) {
    const auto raw = bytes_of(text);
    auto value = Fixed::from(raw);
    if (!value)
      return fail(ec::bad_argument, "bytes of another number");
    return *value;
  }

  /// Replaces a stored block by other bytes, behind the back of everybody, in a store that is stopped.
  static json damage(const json& command) {
    auto backend = need(storage::open_store(command.at("path").get<std::string>(), {}));
    auto snapshot = need(backend->open_snapshot());
    auto header = need(snapshot->header(need(fixed<discovery_key>(command.at("discovery")))));
    if (!header)
      fail_with("no such core");
    auto head = need(snapshot->head(header->number));
    snapshot.reset();
    const auto index = number(command, "index");
    log::change_set changes;
    changes.number = header->number;
    changes.base_fork = head.fork;
    changes.base_length = head.length;
    changes.cleared = {{index, index + 1}};
    changes.blocks = {{index, shared_bytes{bytes_of(command.at("value"))}}};
    changes.contiguous_length = number(command, "contiguous", head.length);
    if (auto done = backend->apply({&changes, 1}); !done)
      fail_with(to_string(done.error()));
    return json::object();
  }

  json dial(const json& command) {
    const std::lock_guard lock{mutex_};
    const auto port = static_cast<std::uint16_t>(number(command, "port"));
    auto& engine = *store_of(command).engine;
    if (command.value("off", false))
      engine.disconnect({false, "127.0.0.1", port});
    else
      engine.connect({false, "127.0.0.1", port});
    return json::object();
  }

  static json append(caf::scoped_actor& self, const core_actor& core, const json& command) {
    const auto done = need(ask<append_result>(self, core, programs::patience, append_atom_v, blocks_of(command)));
    return {{"length", done.length}, {"byteLength", done.byte_length}};
  }

  static json clear(caf::scoped_actor& self, const core_actor& core, const json& command) {
    const auto given = need(ask<clear_result>(self, core, programs::patience, clear_atom_v, number(command, "start"),
                                              number(command, "end")));
    return {{"blocks", given.blocks}, {"bytes", given.bytes}};
  }

  static json record(const core_record& from) {
    return {{"key", text::to_hex(from.key.view())},
            {"length", from.length},
            {"byteLength", from.byte_length},
            {"fork", from.fork},
            {"contiguousLength", from.contiguous_length},
            {"treeHash", text::to_hex(from.tree_hash.view())},
            {"remoteContiguousLength", from.remote_contiguous_length},
            {"frozen", from.is_frozen},
            {"writable", from.writable},
            {"discovery", text::to_hex(from.discovery.view())},
            {"manifest", text::to_hex(from.manifest)},
            {"peers", from.peers}};
  }

  /// The record, and every block: its bytes in hex, or null.
  static json state(caf::scoped_actor& self, const core_actor& core) {
    const auto known = need(ask<core_record>(self, core, programs::patience, info_atom_v));
    auto result = record(known);
    auto& blocks = result["blocks"] = json::array();
    for (std::uint64_t index = 0; index < known.length; ++index) {
      const bool is_here = need(ask<bool>(self, core, programs::patience, has_atom_v, index, index + 1));
      if (is_here)
        blocks.push_back(text::to_hex(
          need(ask<shared_bytes>(self, core, programs::patience, fetch_atom_v, index, std::uint64_t{0})).view()));
      else
        blocks.push_back(nullptr);
    }
    return result;
  }

  caf::actor_system& system_;
  features features_;
  std::mutex mutex_;
  std::map<std::string, open_store> stores_;
};

/// Threads for commands that wait; the destructor waits for all of them.
class beside {
public:
  ~beside() {
    std::unique_lock lock{mutex_};
    ended_.wait(lock, [this] { return running_ == 0; });
  }

  template <class Action>
  void run(Action action) {
    {
      const std::lock_guard lock{mutex_};
      ++running_;
    }
    std::thread([this, action = std::move(action)] {
      action();
      const std::lock_guard lock{mutex_};
      --running_;
      ended_.notify_all();
    }).detach();
  }

private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
};

void serve(caf::actor_system& system) {
  driver stores{system};
  std::mutex output;
  beside waiting;
  const auto answer = [&](const json& command) {
    json result;
    try {
      result = stores.run(command);
    } catch (const std::exception& failure) {
      result = {{"error", failure.what()}};
    }
    result["id"] = command.value("id", 0);
    const auto line = result.dump();
    const std::lock_guard lock{output};
    std::cout << line << std::endl;
  };
  for (std::string line; std::getline(std::cin, line);) {
    auto command = json::parse(line);
    if (driver::may_wait(command))
      waiting.run([&answer, command = std::move(command)] { answer(command); });
    else
      answer(command);
  }
}

} // namespace

} // namespace corestore::test

int main() {
  corestore::config::system_config config{2};
  caf::actor_system system{config};
  corestore::test::serve(system);
  return 0;
}
