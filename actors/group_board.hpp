// What happened in groups since the store told its watchers the last time. Cores put it here and the store takes it, so
// that a core which changes all the time costs its store one message a moment, and nobody's mailbox grows.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace corestore::actors {

class group_board {
public:
  struct change {
    hash32 topic;
    core_key key; ///< zeros: of more cores than are named
    std::uint64_t length = 0;
    std::uint64_t fork = 0;
    friend bool operator==(const change&, const change&) = default;
  };
  using entry = std::pair<corestore::discovery_key, change>;

  /// Cores that are named between two looks of the store; of more, only their topics, and of so many topics at most.
  static constexpr std::size_t changes_max = 4096;
  static constexpr std::size_t topics_max = 1024;

  /// The newest change of a core replaces what was said of it. From any thread; true when the store has to be told that
  /// there is something.
  [[nodiscard]] bool put(const corestore::discovery_key& core, const change& newest);

  /// Everything since the last call, in the order of the last change of each core; then the topics of which more
  /// changed than is named, without a key, and a topic of zeros when there were more of these.
  [[nodiscard]] std::vector<entry> take();

private:
  struct numbered {
    std::uint64_t number = 0;
    change newest;
  };

  std::mutex mutex_;
  std::unordered_map<corestore::discovery_key, numbered> changes_;
  std::set<hash32> crowded_;
  std::uint64_t last_number_ = 0;
  bool is_overrun_ = false;
  bool is_announced_ = false;
};

} // namespace corestore::actors
