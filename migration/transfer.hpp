// Brings one core from files into a store, as change sets: verified before anything is handed on, and again and again
// without harm, because what is there already is passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/node.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration {

/// What the store has of the core so far.
struct target_core {
  log::core_header header;              ///< with its number; of a new core as it will be stored
  std::optional<log::core_alias> alias; ///< to be stored with it
  bool is_new = true;                   ///< header or alias are to be stored
  log::tree_head head;
  log::bitfield bits;
  const log::node_source* nodes = nullptr; ///< null: none are stored
};

/// Where change sets go, one after another; each is applied when the call returns.
class change_sink {
public:
  virtual ~change_sink() = default;

  virtual result<void> apply(log::change_set changes) = 0;

  /// Something went on: so many blocks and bytes of this core were handed on, or passed over.
  virtual void progress(std::uint64_t blocks, std::uint64_t bytes) = 0;

  /// The user wishes the end: transfer() answers `cancelled` after what it has handed on.
  [[nodiscard]] virtual bool is_ending() const = 0;
};

struct transfer_report {
  std::uint64_t blocks = 0;        ///< brought
  std::uint64_t bytes = 0;         ///< of these
  std::uint64_t present = 0;       ///< blocks that were there already
  std::uint64_t damaged = 0;       ///< blocks that were not brought
  std::uint64_t signatures = 0;    ///< of earlier lengths, brought (generation 9)
  std::vector<std::string> faults; ///< what was not brought, and why; at most faults_max
  static constexpr std::size_t faults_max = 1000;
};

/// conflict: the store has a log of that key that this one does not continue, or another fork. `cancelled`, or what the
/// sink answered.
result<transfer_report> transfer(const core_source& source, const target_core& target, change_sink& sink);

} // namespace corestore::migration
