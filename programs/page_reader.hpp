// Reads a range of blocks in pages of bounded size.
#pragma once

#include <cstdint>

#include "programs/cli_session.hpp"

namespace corestore::programs {

class page_reader {
public:
  /// Blocks [next, end).
  page_reader(session& store, core_actor core, std::uint64_t next, std::uint64_t end);

  /// The next page; empty at the end. block_not_available, with the index, for a block that is not stored here.
  result<block_batch> next();

  /// Index of the block that the next page starts with.
  [[nodiscard]] std::uint64_t position() const {
    return next_;
  }
  /// Moves the end.
  void extend_to(std::uint64_t end) {
    end_ = end;
  }
  /// The block at position() was obtained in another way.
  void skip_one() {
    ++next_;
  }

private:
  session& store_;
  core_actor core_;
  std::uint64_t next_;
  std::uint64_t end_;
};

} // namespace corestore::programs
