// The index of groups within one write transaction: which core of a group changed last, and when. The head record of a
// core says where it stands, so that a core in no group costs nothing. Private to lmdb_*.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "log/change_set.hpp"
#include "storage/groups.hpp"
#include "storage/lmdb_txn.hpp"
#include "storage/records.hpp"

namespace corestore::storage {

class lmdb_groups {
public:
  /// `last` is the last position that was given, and goes up; `is_used` becomes true with the first core in a group.
  lmdb_groups(lmdb_txn& txn, const position_clock& clock, std::uint64_t& last, bool& is_used)
      : txn_(txn), clock_(clock), last_(last), is_used_(is_used) {
    // nop
  }
  lmdb_groups(const lmdb_groups&) = delete;
  lmdb_groups& operator=(const lmdb_groups&) = delete;

  // `record` is what is known of the core, and is to be stored by whoever calls.

  /// It leaves the group that it is in, and joins another one, where it is listed from its next change on.
  result<void> move(core_record& record, const std::optional<hash32>& topic);

  /// Its head has changed: it is the newest one of its group, if it is in one.
  result<void> touch(log::core_number number, core_record& record);

private:
  result<void> unlist(core_record& record);

  lmdb_txn& txn_;
  const position_clock& clock_;
  std::uint64_t& last_;
  bool& is_used_;
};

} // namespace corestore::storage
