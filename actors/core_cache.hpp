// Which loaded cores nobody holds, the longest unused first: one line for those that an owner had, one for those that
// only peers asked for, each with its own limit. It names whom to park; it parks nobody.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/bytes.hpp"

namespace corestore::actors {

enum class idle_kind : std::uint8_t {
  released, ///< an owner held it
  passive   ///< only peers asked for it
};

struct cache_limits {
  std::size_t active = 1000;  ///< idle cores that an owner held
  std::size_t passive = 1000; ///< cores that only peers asked for
};

class core_cache {
public:
  explicit core_cache(cache_limits limits = {}) : limits_{limits.active, limits.passive} {
    // nop
  }

  /// At the young end of its line, wherever it was.
  void add(const discovery_key& core, idle_kind kind) {
    remove(core);
    auto& line = lines_[static_cast<std::size_t>(kind)];
    line.push_back(core);
    places_.emplace(core, place{kind, std::prev(line.end())});
  }

  void remove(const discovery_key& core) {
    auto found = places_.find(core);
    if (found == places_.end())
      return;
    lines_[static_cast<std::size_t>(found->second.kind)].erase(found->second.position);
    places_.erase(found);
  }

  /// Takes out the core that was idle longest in a line that is longer than its limit.
  std::optional<discovery_key> take_surplus() {
    for (std::size_t kind = 0; kind < lines_.size(); ++kind) {
      if (lines_[kind].size() <= limits_[kind])
        continue;
      auto core = lines_[kind].front();
      remove(core);
      return core;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t count(idle_kind kind) const {
    return lines_[static_cast<std::size_t>(kind)].size();
  }
  [[nodiscard]] std::size_t limit(idle_kind kind) const {
    return limits_[static_cast<std::size_t>(kind)];
  }

private:
  struct place {
    idle_kind kind = idle_kind::released;
    std::list<discovery_key>::iterator position;
  };

  std::array<std::size_t, 2> limits_;
  std::array<std::list<discovery_key>, 2> lines_;
  std::unordered_map<discovery_key, place> places_;
};

} // namespace corestore::actors
