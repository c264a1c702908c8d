// What stands behind the plain interface: an actor system with an engine in it, or a connection to a server's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include "actors/engine.hpp"
#include "actors/stream.hpp"
#include "config/system_config.hpp"
#include "corestore/failure.hpp"
#include "corestore/store.hpp"
#include "messages/errors.hpp"
#include "messages/interfaces.hpp"
#include "storage/backend.hpp"

namespace corestore::facade {

/// What a callback wants to hear: one kind of event of one core, or of a store when `core` is empty.
struct listener {
  std::optional<corestore::discovery_key> core;
  std::function<void(const core_event&)> on_core;
  std::function<void(const store_event&)> on_store;
  std::function<void(const extension_event&)> on_extension;
  std::recursive_mutex calling; ///< held during a call; taken again when the callback ends its own watch
  bool is_alive = true;
};

class world : public std::enable_shared_from_this<world> {
public:
  static std::shared_ptr<world> open(const std::filesystem::path& directory, const store_options& options);
  static std::shared_ptr<world> attach(const std::string& address);

  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  [[nodiscard]] const store_actor& root() const {
    return root_;
  }
  [[nodiscard]] caf::actor_system& system() {
    return *system_;
  }
  [[nodiscard]] actors::engine* engine() {
    return engine_.get();
  }

  /// Where blocks are read without asking their core, which takes ten times as long. Null of a server's store, after
  /// close(), and from when a core is read with an encryption key: only the core itself decrypts.
  [[nodiscard]] std::shared_ptr<storage::backend> blocks() const {
    return is_any_encrypted_ ? nullptr : backend_.lock();
  }
  void note_encryption() {
    is_any_encrypted_ = true;
  }

  /// Waits for the answer of an actor; throws failure.
  template <class Answer, class Handle, class... Content>
  Answer ask(const Handle& target, std::chrono::milliseconds wait, Content&&... content) {
    auto caller = borrow();
    auto answer = ask_as<Answer>(*caller, target, wait, std::forward<Content>(content)...);
    give_back(std::move(caller));
    if (!answer)
      throw failure(answer.error().code, to_string(answer.error()));
    return std::move(*answer);
  }

  template <class Answer, class Handle, class... Content>
  static result<Answer> ask_as(caf::scoped_actor& caller, const Handle& target, std::chrono::milliseconds wait,
                               Content&&... content) {
    result<Answer> answer = fail(ec::internal, "no answer");
    if (!target)
      return fail(ec::store_closed, "the store is closed");
    caller->request(target, patience + wait, std::forward<Content>(content)...)
      .receive([&](Answer& value) { answer = std::move(value); },
               [&](const caf::error& reason) { answer = fail(from_caf(reason)); });
    return answer;
  }

  /// Adds a listener to those of `target`, which starts to tell this world with the first.
  std::uint64_t listen(const core_actor& target, std::shared_ptr<listener> wish);
  std::uint64_t listen(const store_actor& target, std::shared_ptr<listener> wish);
  /// The same for messages of an extension.
  std::uint64_t listen(const core_actor& target, const std::string& extension, std::shared_ptr<listener> wish);
  /// Waits for a callback that runs.
  void unlisten(std::uint64_t id) noexcept;

  void close();

private:
  /// How long anything may take that does not wait for peers.
  static constexpr std::chrono::milliseconds patience{600000};

  world() = default;

  /// Deletes it; elsewhere when this is the thread of its callbacks, for which it would wait.
  static void end(world* dying);

  [[nodiscard]] std::unique_ptr<caf::scoped_actor> borrow();
  void give_back(std::unique_ptr<caf::scoped_actor> caller);
  caf::actor ear();
  std::uint64_t add(std::shared_ptr<listener> wish);
  template <class Choose>
  void tell(Choose choose);

  std::unique_ptr<config::system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<actors::engine> engine_;
  std::weak_ptr<storage::backend> backend_; ///< the engine's: a store that is closed can be opened again
  std::atomic<bool> is_any_encrypted_ = false;
  store_actor root_;
  std::mutex mutex_; ///< of everything below
  std::vector<std::unique_ptr<caf::scoped_actor>> idle_;
  caf::actor ear_;
  std::thread::id ear_thread_;
  std::uint64_t last_listener_ = 0;
  std::map<std::uint64_t, std::shared_ptr<listener>> listeners_;
};

/// A store or namespace of a world.
class scope {
public:
  scope(std::shared_ptr<world> home, store_actor handle) : home_(std::move(home)), handle_(std::move(handle)) {
    // nop
  }

  [[nodiscard]] const std::shared_ptr<world>& home() const {
    return home_;
  }
  [[nodiscard]] const store_actor& handle() const {
    return handle_;
  }
  [[nodiscard]] bool is_root() const {
    return handle_ == home_->root();
  }

private:
  std::shared_ptr<world> home_;
  store_actor handle_;
};

/// One opening of a core: its owner is an actor of its own, whose end gives the opening back.
class opened {
public:
  opened(std::shared_ptr<world> home, const store_actor& store, const core_selector& selector);

  [[nodiscard]] world& home() const {
    return *home_;
  }
  [[nodiscard]] const std::shared_ptr<world>& shared_home() const {
    return home_;
  }
  [[nodiscard]] const core_actor& handle() const {
    return handle_;
  }
  [[nodiscard]] const core_record& first_record() const {
    return record_;
  }

  /// The block, when it is stored and may be read without the core.
  [[nodiscard]] std::optional<bytes> stored(std::uint64_t index) const;

private:
  std::shared_ptr<world> home_;
  caf::scoped_actor owner_;
  core_actor handle_;
  core_record record_;
  std::optional<log::core_number> number_; ///< in the storage, where it can be looked at
};

/// A view of a core, or a batch on it, which is dropped with its last owner.
class viewed {
public:
  viewed(std::shared_ptr<opened> of, const checkout_request& request);
  ~viewed();
  viewed(const viewed&) = delete;
  viewed& operator=(const viewed&) = delete;

  template <class Answer, class... Content>
  Answer ask(std::chrono::milliseconds wait, Content&&... content) {
    return of_->home().ask<Answer>(handle_, wait, std::forward<Content>(content)...);
  }
  [[nodiscard]] const std::shared_ptr<opened>& core() const {
    return of_;
  }
  [[nodiscard]] const checkout_actor& handle() const {
    return handle_;
  }

private:
  std::shared_ptr<opened> of_;
  checkout_actor handle_;
};

class subscription {
public:
  subscription(std::shared_ptr<world> home, std::uint64_t id, std::shared_ptr<const void> keeps)
      : home_(std::move(home)), keeps_(std::move(keeps)), id_(id) {
    // nop
  }
  ~subscription() {
    home_->unlisten(id_);
  }
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;

private:
  std::shared_ptr<world> home_;
  std::shared_ptr<const void> keeps_; ///< the opening that is listened to
  std::uint64_t id_;
};

/// Ends with its last owner.
class connection {
public:
  connection() = default;
  virtual ~connection() = default;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
};

/// An address that is dialled.
class dialled final : public connection {
public:
  dialled(std::shared_ptr<world> home, std::uint64_t id) : home_(std::move(home)), id_(id) {
    // nop
  }
  ~dialled() override;

private:
  std::shared_ptr<world> home_;
  std::uint64_t id_;
};

/// A replication of a store that runs over a pipe.
class piped final : public connection {
public:
  /// The store has the inner end, whoever owns this the outer one. The failures of replicating.
  piped(std::shared_ptr<scope> from, bool is_initiator, const replicate_options& options, actors::stream_ptr inner,
        actors::stream_ptr outer);
  ~piped() override;

  std::optional<bytes> read(std::chrono::milliseconds timeout);
  bool write(byte_view content);
  void end();

private:
  struct signal;

  std::shared_ptr<scope> from_;
  actors::stream_ptr outer_;
  stream_end carrier_;
  std::shared_ptr<signal> readable_;
  std::shared_ptr<signal> writable_;
};

/// Both stores of one replication, each with one end of the same pipe.
class joined final : public connection {
public:
  joined(std::shared_ptr<piped> first, std::shared_ptr<piped> second)
      : first_(std::move(first)), second_(std::move(second)) {
    // nop
  }

private:
  std::shared_ptr<piped> first_;
  std::shared_ptr<piped> second_;
};

core_info info_of(const core_record& record);
core_selector selector_of(const core_options& options);

} // namespace corestore::facade
