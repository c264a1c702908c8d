// Verified blocks and nodes, in the order of a walk, gathered into change sets: neighbours as runs, the rest one by
// one.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "log/change_set.hpp"
#include "migration/transfer.hpp"

namespace corestore::migration {

class staging {
public:
  staging(log::core_number number, const log::tree_head& base, change_sink& sink)
      : number_(number), base_(base), sink_(sink) {
    // nop
  }

  /// `may_run`: all nodes that the blocks complete follow; otherwise some of them may be unknown.
  void begin(bool may_run);

  result<void> add(std::uint64_t index, shared_bytes value);
  result<void> add(const log::node& node);
  result<void> add(const log::length_signature& signature);

  /// Hands on what is gathered.
  result<void> flush();

private:
  static constexpr std::size_t set_bytes_max = std::size_t{4} << 20U;
  static constexpr std::size_t set_entries_max = 8192;
  static constexpr std::size_t run_blocks_min = 8;

  void close_run();
  result<void> flush_if_full();

  log::core_number number_;
  log::tree_head base_;
  change_sink& sink_;
  bool may_run_ = true;
  log::change_set pending_;
  log::block_run run_;
  std::vector<log::node> run_nodes_;
  std::size_t bytes_ = 0;
  std::size_t entries_ = 0;
};

} // namespace corestore::migration
