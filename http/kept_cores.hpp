// Cores that were opened through POST /v1/cores and stay open: the latest of them, so that they go on replicating and
// keep their encryption key between requests.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>

#include "base/bytes.hpp"

namespace corestore::http {

class kept_cores {
public:
  explicit kept_cores(std::size_t count_max) : count_max_(count_max) {
    // nop
  }

  /// Counts one opening of `core`. The answer is an opening to give back: that of the core that was used longest ago,
  /// or the new one when the core was kept already.
  std::optional<discovery_key> keep(const discovery_key& core);

  /// Forgets `core`; whether its opening is to be given back.
  bool drop(const discovery_key& core);

private:
  std::size_t count_max_;
  std::mutex mutex_;
  std::list<discovery_key> order_; ///< latest first
};

} // namespace corestore::http
