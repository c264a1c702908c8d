#include <algorithm>

#include <caf/all.hpp>

#include "corestore/world.hpp"

namespace corestore {

namespace {

constexpr std::chrono::milliseconds no_wait{0};

/// Bytes of blocks that one request of read() brings.
constexpr std::uint64_t read_bytes_max = std::uint64_t{1} << 20U;

} // namespace

// -- views

core_info core_view::info() const {
  return facade::info_of(viewed_->ask<core_record>(no_wait, info_atom_v));
}

std::uint64_t core_view::length() const {
  return info().length;
}

std::optional<bytes> core_view::get(std::uint64_t index, milliseconds timeout) const {
  try {
    auto wait_ms = static_cast<std::uint64_t>(std::max<milliseconds::rep>(timeout.count(), 0));
    return to_bytes(viewed_->ask<shared_bytes>(timeout, fetch_atom_v, index, wait_ms).view());
  } catch (const failure& reason) {
    if (reason.code() == ec::block_not_available || reason.code() == ec::timed_out)
      return std::nullopt;
    throw;
  }
}

std::uint64_t core_view::read(std::uint64_t start, std::uint64_t end,
                              const std::function<bool(std::uint64_t, byte_view)>& visit) const {
  while (start < end) {
    auto page = viewed_->ask<block_batch>(no_wait, read_atom_v, start, end, std::uint64_t{read_bytes_max});
    if (page.blocks.empty())
      break;
    for (const auto& block : page.blocks) {
      start = block.index + 1;
      if (!visit(block.index, block.value.view()))
        return start;
    }
  }
  return start;
}

// -- batches

std::uint64_t core_batch::append(std::string_view block) {
  return append(as_bytes(block));
}

std::uint64_t core_batch::append(byte_view block) {
  std::vector<bytes> blocks;
  blocks.push_back(to_bytes(block));
  return append(std::move(blocks));
}

std::uint64_t core_batch::append(std::vector<bytes> blocks) {
  std::vector<shared_bytes> shared;
  shared.reserve(blocks.size());
  for (auto& block : blocks)
    shared.emplace_back(std::move(block));
  return viewed()->ask<append_result>(no_wait, append_atom_v, std::move(shared)).length;
}

std::uint64_t core_batch::truncate(std::uint64_t length) {
  return viewed()->ask<append_result>(no_wait, truncate_atom_v, length).length;
}

std::uint64_t core_batch::flush() {
  return viewed()->ask<append_result>(no_wait, flush_atom_v, bytes{}).length;
}

std::vector<std::uint64_t> commit(const std::vector<core_batch>& batches) {
  std::vector<std::uint64_t> lengths;
  if (batches.empty())
    return lengths;
  std::vector<checkout_actor> handles;
  handles.reserve(batches.size());
  for (const auto& one : batches)
    handles.push_back(one.viewed()->handle());
  const auto& first = batches.front().viewed()->core();
  for (const auto& size :
       first->home().ask<std::vector<append_result>>(first->handle(), no_wait, commit_atom_v, std::move(handles)))
    lengths.push_back(size.length);
  return lengths;
}

// -- cores

core_view core::snapshot() const {
  return core_view{std::make_shared<facade::viewed>(opened_, checkout_request{})};
}

core_view core::checkout(std::uint64_t length) const {
  return core_view{std::make_shared<facade::viewed>(opened_, checkout_request{length, false})};
}

core_batch core::begin_batch() const {
  checkout_request request;
  request.is_writable = true;
  return core_batch{std::make_shared<facade::viewed>(opened_, request)};
}

} // namespace corestore
