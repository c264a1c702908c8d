// A journal entry as one value: what a small append would have put into `runs` and `heads`, side by side.
//
//   version (1)  flags (1)  zero (2)  le32 core  le64 last block of the run  le32 bytes of the run
//   run (run_format.hpp)  head record (records.hpp)
//
// Version 1 has no flags, version 2 has one: 1, the signature of the head is kept for its length too (generation 9).
// An entry of core ffffffff says nothing: it stands where one of a core was that is gone.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/change_set.hpp"
#include "storage/run_format.hpp"

namespace corestore::storage {

inline constexpr log::core_number nobodys_core{0xffffffff};

/// Reads an entry in place; valid as long as the value is.
struct journal_view {
  log::core_number number{};
  std::uint64_t last = 0;
  byte_view run;
  byte_view record;
  bool keeps_signature = false; ///< what would have been a put in `signatures`: of the length of the head

  [[nodiscard]] bool is_void() const {
    return number == nobodys_core;
  }
};

/// storage_damaged when the value does not follow the format.
result<journal_view> open_journal_entry(byte_view value);

std::size_t journal_entry_size(std::size_t run_bytes, std::size_t record_bytes);

/// Writes everything but the run, for which it leaves room; answers that room. `target` has the size of the entry.
std::span<std::uint8_t> encode_journal_entry(log::core_number number, std::uint64_t last, std::size_t run_bytes,
                                             byte_view record, bool keeps_signature, std::span<std::uint8_t> target);

/// An entry that says nothing.
bytes void_journal_entry();

} // namespace corestore::storage
