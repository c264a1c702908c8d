// The blocks of a core in order, in pages of bounded size; blocks that are not here are asked of peers.
#pragma once

#include <chrono>
#include <cstdint>

#include "http/held_core.hpp"

namespace corestore::http {

class block_walk {
public:
  /// Blocks [next, end) for the client of `call`; a missing one is waited for `wait` at most.
  block_walk(const held_core& core, const exchange& call, std::uint64_t next, std::uint64_t end,
             std::chrono::milliseconds wait)
      : core_(core), call_(call), next_(next), end_(end), wait_(wait) {
    // nop
  }

  /// The next blocks, one at least; none at the end. block_not_available or timed_out for a block that is nowhere.
  result<block_batch> next();

  [[nodiscard]] std::uint64_t position() const {
    return next_;
  }
  void move_to(std::uint64_t position) {
    next_ = position;
  }
  void extend_to(std::uint64_t end) {
    end_ = end;
  }

private:
  const held_core& core_;
  const exchange& call_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::chrono::milliseconds wait_;
};

/// The query parameter `wait`, in milliseconds. bad_argument for more than the longest wait.
result<std::chrono::milliseconds> wait_of(const exchange& call, std::chrono::milliseconds fallback);
result<std::chrono::milliseconds> checked_wait(std::uint64_t ms);

} // namespace corestore::http
