// Who holds which core open, and how often: one count for each caller, scope and core. What a caller holds is released
// when it dies.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <caf/actor_addr.hpp>

#include "actors/local.hpp"
#include "base/bytes.hpp"

namespace corestore::actors {

class holders {
public:
  struct held {
    discovery_key core;
    scope_id scope{};
    std::uint32_t count = 0;
  };

  /// True when the caller held nothing before: it has to be watched from now on.
  bool add(const caf::actor_addr& caller, const discovery_key& core, scope_id scope) {
    auto [found, is_new] = callers_.try_emplace(caller);
    ++found->second[{core, scope}];
    ++counts_[core];
    if (scope != scope_id{})
      ++scoped_[{core, scope}];
    ++total_;
    return is_new;
  }

  enum class outcome : std::uint8_t { unknown, released, released_last };

  /// Gives one opening back; `released_last` when the caller holds nothing any more.
  outcome remove(const caf::actor_addr& caller, const discovery_key& core, scope_id scope) {
    auto found = callers_.find(caller);
    if (found == callers_.end())
      return outcome::unknown;
    auto& cores = found->second;
    auto entry = cores.find({core, scope});
    if (entry == cores.end())
      return outcome::unknown;
    forget({{core, scope, 1}});
    if (--entry->second == 0)
      cores.erase(entry);
    if (!cores.empty())
      return outcome::released;
    callers_.erase(found);
    return outcome::released_last;
  }

  /// Everything of one caller, which is forgotten.
  std::vector<held> take(const caf::actor_addr& caller) {
    std::vector<held> all;
    auto found = callers_.find(caller);
    if (found == callers_.end())
      return all;
    for (const auto& [what, count] : found->second)
      all.push_back({what.first, what.second, count});
    callers_.erase(found);
    forget(all);
    return all;
  }

  /// Everything of one scope, whoever asked. The callers stay known.
  std::vector<held> take(scope_id scope) {
    std::vector<held> all;
    for (auto& [caller, cores] : callers_) {
      for (auto entry = cores.begin(); entry != cores.end();) {
        if (entry->first.second == scope) {
          all.push_back({entry->first.first, scope, entry->second});
          entry = cores.erase(entry);
        } else {
          ++entry;
        }
      }
    }
    forget(all);
    return all;
  }

  /// Openings that were not given back.
  [[nodiscard]] std::uint64_t total() const {
    return total_;
  }

  /// Those of one core.
  [[nodiscard]] std::uint32_t count(const discovery_key& core) const {
    auto found = counts_.find(core);
    return found == counts_.end() ? 0 : found->second;
  }

  /// Whether a caller holds a core in a scope.
  [[nodiscard]] bool holds(const caf::actor_addr& caller, const discovery_key& core, scope_id scope) const {
    auto found = callers_.find(caller);
    return found != callers_.end() && found->second.contains({core, scope});
  }

  /// Whether anybody holds it in that namespace.
  [[nodiscard]] bool holds(const discovery_key& core, scope_id scope) const {
    return scoped_.contains({core, scope});
  }

  [[nodiscard]] bool holds_any(const caf::actor_addr& caller) const {
    return callers_.contains(caller);
  }

  /// Cores that somebody holds.
  [[nodiscard]] std::size_t cores() const {
    return counts_.size();
  }

private:
  using key = std::pair<discovery_key, scope_id>;

  void forget(const std::vector<held>& gone) {
    for (const auto& entry : gone) {
      total_ -= entry.count;
      auto counted = counts_.find(entry.core);
      counted->second -= entry.count;
      if (counted->second == 0)
        counts_.erase(counted);
      auto scoped = scoped_.find({entry.core, entry.scope});
      if (scoped != scoped_.end() && (scoped->second -= entry.count) == 0)
        scoped_.erase(scoped);
    }
  }

  struct key_hash {
    std::size_t operator()(const key& value) const {
      return std::hash<discovery_key>{}(value.first) ^ static_cast<std::size_t>(value.second);
    }
  };

  std::unordered_map<caf::actor_addr, std::unordered_map<key, std::uint32_t, key_hash>> callers_;
  std::unordered_map<discovery_key, std::uint32_t> counts_;
  std::map<key, std::uint32_t> scoped_; ///< the same for each namespace
  std::uint64_t total_ = 0;
};

} // namespace corestore::actors
