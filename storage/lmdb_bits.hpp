// Which blocks of one core are there: the contiguous length, and bit records beyond it. Private to lmdb_*.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "log/change_set.hpp"
#include "storage/lmdb_txn.hpp"
#include "storage/records.hpp"

namespace corestore::storage {

/// Edits the bits within one write transaction. Touched records are held in memory until `flush`. Bits below the
/// contiguous length mean nothing: the length says it all.
class lmdb_bits {
public:
  lmdb_bits(lmdb_txn& txn, log::core_number number, core_record& record) : txn_(txn), number_(number), record_(record) {
    // nop
  }

  result<bool> test(std::uint64_t block);
  result<void> set(log::block_range range);

  /// Lowers the contiguous length when the range cuts it; what lay behind the cut gets bit records.
  result<void> clear(log::block_range range);
  result<void> truncate(std::uint64_t length);

  /// Moves the contiguous length over set bits, drops the records that it leaves behind, writes the others.
  result<void> flush();

private:
  struct record_content {
    std::array<std::uint8_t, schema::bits_per_record / 8> bits{};
    bool is_stored = false;
    bool is_changed = false;
  };

  result<record_content*> load(std::uint64_t page);
  result<void> fill(log::block_range range, bool value);
  result<void> advance();
  result<void> drop_passed();
  result<void> write_changed();

  lmdb_txn& txn_;
  log::core_number number_;
  core_record& record_;
  std::map<std::uint64_t, record_content> loaded_;
};

} // namespace corestore::storage
