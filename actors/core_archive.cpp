// A core as frames of an archive, in and out.
#include <caf/all.hpp>

#include "actors/core.hpp"
#include "base/limits.hpp"
#include "log/archive.hpp"

namespace corestore::actors {

namespace archive = log::archive;

caf::result<bytes> core_state::export_head() const {
  if (log_.head.length == 0)
    return make_error(ec::not_found, "the core is empty: there is no signed head to export");
  archive::head_frame content;
  content.generation = log_.header.generation;
  content.key = log_.header.key;
  content.manifest = log_.header.manifest;
  content.head = log_.head;
  return archive::encode(content);
}

caf::result<archive_page> core_state::export_blocks(const archive_request& request) {
  if (request.fork != log_.head.fork || request.length > log_.head.length)
    return make_error(ec::stale_base, "the log was truncated while it was exported");
  archive_page page;
  page.next = request.length;
  if (request.first >= request.length)
    return page;
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  archive::blocks_frame content;
  std::uint64_t size = 0;
  auto visited = (*opened)->each_block(log_.header.number, {request.first, request.length},
                                       [&](std::uint64_t index, byte_view value) {
                                         if (!content.blocks.empty() && size + value.size() > request.bytes_max) {
                                           page.next = index;
                                           page.is_last = false;
                                           return false;
                                         }
                                         size += value.size();
                                         content.blocks.push_back({index, shared_bytes::copy_of(value), {}});
                                         return true;
                                       });
  if (!visited)
    return to_caf(visited.error());
  if (content.blocks.empty())
    return page;
  page.next = page.is_last ? request.length : content.blocks.back().index + 1;
  storage::core_view view{**opened, log_.header.number};
  auto previous = request.first > 0 ? std::optional{request.first - 1} : std::nullopt;
  for (auto& one : content.blocks) {
    auto path = archive::path_of(view, request.length, one.index, previous);
    if (!path)
      return to_caf(path.error());
    one.nodes = std::move(*path);
    previous = one.index;
  }
  page.frame = archive::encode(content);
  return page;
}

caf::result<std::uint64_t> core_state::import_frame(const bytes& frame) {
  if (frame.size() > limits::archive_frame_bytes_max)
    return make_error(ec::limit_exceeded, "a frame of an archive is too long");
  auto decoded = archive::decode(frame);
  if (!decoded)
    return to_caf(decoded.error());
  if (std::holds_alternative<archive::end_frame>(*decoded))
    return std::uint64_t{0};
  auto promise = self_->make_response_promise<std::uint64_t>();
  auto added = std::make_shared<std::uint64_t>(0);
  edit change;
  change.is_foreign = true;
  change.stage = [this, added, content = std::move(*decoded)](const storage::snapshot& source) {
    storage::core_view view{source, log_.header.number};
    if (const auto* head = std::get_if<archive::head_frame>(&content))
      return archive::stage_head(log_, view, *head);
    return archive::stage_blocks(log_, view, std::get<archive::blocks_frame>(content), *added);
  };
  change.done = [promise, added](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(*added);
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

} // namespace corestore::actors
