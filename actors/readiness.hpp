// Who waits for which descriptor: one thread that says *ready* once for each time that somebody asked, and sleeps
// through everything else that happens to a descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/descriptor.hpp"

namespace corestore::actors {

class readiness {
public:
  /// Called once: with true on the thread of this object when the descriptor is ready (or broken, which the next read
  /// or write tells), with false when the wait was refused or given up.
  using callback = std::function<void(bool is_ready)>;

  enum class direction : std::uint8_t { read, write };

  readiness();
  ~readiness();
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;

  /// One outstanding wait in each direction of a descriptor. When the system refuses, `done` is called at once, by the
  /// caller's thread. From any thread.
  void wait(int descriptor, direction towards, callback done);

  /// Gives up what is waited for, on the caller's thread. To be called before the descriptor is closed: its number is
  /// somebody else's afterwards. From any thread.
  void forget(int descriptor);

  /// Ends the thread; waits that are pending are dropped. Idempotent.
  void stop();

private:
  /// What somebody waits for.
  struct waiting {
    callback read;
    callback write;
  };

  void run();
  void report(int descriptor, std::uint32_t events);
  [[nodiscard]] bool arm(int descriptor, const waiting& wanted, bool is_known) const;

  corestore::descriptor events_;
  flag leave_;
  std::mutex mutex_; ///< of what follows
  std::unordered_map<int, waiting> waiting_;
  std::thread thread_;
};

} // namespace corestore::actors
