#include "programs/page_reader.hpp"

#include <fmt/format.h>

namespace corestore::programs {

namespace {

/// Bytes of one page: large enough to make the request cheap, small enough for any pipe's memory.
constexpr std::uint64_t page_bytes_max = std::uint64_t{1} << 20U;

} // namespace

page_reader::page_reader(session& store, core_actor core, std::uint64_t next, std::uint64_t end)
    : store_(store), core_(std::move(core)), next_(next), end_(end) {
  // nop
}

result<block_batch> page_reader::next() {
  if (next_ >= end_)
    return block_batch{};
  auto page = store_.ask<block_batch>(core_, read_atom_v, next_, end_, page_bytes_max);
  if (!page)
    return page;
  if (page->blocks.empty() || page->blocks.front().index != next_)
    return fail(ec::block_not_available, fmt::format("block {} is not stored here", next_));
  next_ = page->blocks.back().index + 1;
  return page;
}

} // namespace corestore::programs
