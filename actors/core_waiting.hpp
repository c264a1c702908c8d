// Callers of a core who wait for peers: gets, updates, downloads, seeks, each with its deadline.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include <caf/actor_addr.hpp>
#include <caf/response_promise.hpp>
#include <caf/typed_response_promise.hpp>

#include "base/bytes.hpp"
#include "log/change_set.hpp"
#include "messages/core_types.hpp"
#include "messages/types.hpp"
#include "replication/replicator.hpp"

namespace corestore::actors {

inline constexpr std::uint64_t no_deadline = std::numeric_limits<std::uint64_t>::max();

/// `now + wait`, without overflow; the longest wait means for ever.
constexpr std::uint64_t deadline_after(std::uint64_t now_ms, std::uint64_t wait_ms) {
  return wait_ms >= no_deadline - now_ms ? no_deadline : now_ms + wait_ms;
}

/// Who asked, and what that caller calls it, so that it can be cancelled; no token: it cannot.
struct wait_name {
  caf::actor_addr caller;
  std::uint64_t token = 0;

  [[nodiscard]] bool is(const wait_name& other) const {
    return token != 0 && token == other.token && caller == other.caller;
  }
};

struct waiting_fetch {
  /// Who waits for a page of blocks instead of one.
  struct page {
    caf::typed_response_promise<block_batch> promise;
    std::uint64_t end = 0;
    std::uint64_t bytes_max = 0;
  };

  caf::typed_response_promise<shared_bytes> promise;
  std::uint64_t deadline_ms = no_deadline;
  bool is_raw = false;
  wait_name name;
  std::optional<page> rest; ///< then `promise` is not used
};

/// Ends one wait with `reason`.
void fail_one(waiting_fetch& waiting, const caf::error& reason);

struct waiting_update {
  caf::typed_response_promise<bool> promise;
  std::uint64_t deadline_ms = no_deadline;
  std::uint64_t length = 0; ///< as it was when the caller asked
  std::uint64_t fork = 0;
};

struct waiting_download {
  replication::download_id id = 0;
  log::block_range range;
  caf::typed_response_promise<bool> promise;
  std::uint64_t deadline_ms = no_deadline;
  std::vector<std::uint64_t> blocks; ///< instead of the range, if any
  wait_name name;
};

struct waiting_seek {
  replication::seek_id id = 0;
  std::uint64_t position = 0;
  caf::typed_response_promise<seek_position> promise;
  std::uint64_t deadline_ms = no_deadline;
};

struct waiting_callers {
  std::multimap<std::uint64_t, waiting_fetch> fetches; ///< by block index
  std::vector<waiting_update> updates;
  std::vector<waiting_download> downloads;
  std::vector<waiting_seek> seeks;

  [[nodiscard]] bool empty() const {
    return fetches.empty() && updates.empty() && downloads.empty() && seeks.empty();
  }

  /// No deadline is earlier; kept by note() and recompute(), so that nobody walks the lists for every message.
  std::uint64_t earliest_ms = no_deadline;

  void note(std::uint64_t deadline_ms) {
    earliest_ms = std::min(earliest_ms, deadline_ms);
  }
  void recompute();

  /// Ends every wait with `reason`.
  void fail_all(const caf::error& reason);
};

/// A verification under way.
struct verify_progress {
  std::vector<caf::typed_response_promise<verify_report>> promises;
  std::vector<caf::typed_response_promise<repair_report>> repairs;
  verify_report report;
  std::vector<std::uint64_t> damaged; ///< blocks, ascending
  std::uint64_t fork = 0;             ///< of the log when it began
};

} // namespace corestore::actors
