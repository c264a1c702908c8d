// How a block or a node is found: in the run that holds it, else on its own. Private to lmdb_*.cpp.
#pragma once

#include <optional>

#include "log/head.hpp"
#include "storage/lmdb_txn.hpp"
#include "storage/records.hpp"
#include "storage/run_format.hpp"

namespace corestore::storage {

/// The first run of the core that ends at or after `block`. Points into the map.
result<std::optional<run_view>> run_from(lmdb_txn& txn, log::core_number number, std::uint64_t block);

result<std::optional<log::node>> find_node(lmdb_txn& txn, log::core_number number, std::uint64_t index);

/// Points into the map.
result<std::optional<byte_view>> find_block(lmdb_txn& txn, log::core_number number, std::uint64_t index);

/// An empty record when the core has none.
result<core_record> read_record(lmdb_txn& txn, log::core_number number);

/// Entry of a table with (core, index) keys at or after `index`; nothing past the core.
struct indexed_entry {
  std::uint64_t index = 0;
  byte_view value;
};
result<std::optional<indexed_entry>> seek_index(lmdb_txn& txn, schema::table table, log::core_number number,
                                                std::uint64_t index);
result<std::optional<indexed_entry>> next_index(lmdb_txn& txn, schema::table table, log::core_number number);

/// The error with the core number in front of its detail.
tl::unexpected<error> of_core(log::core_number number, error what);

} // namespace corestore::storage
