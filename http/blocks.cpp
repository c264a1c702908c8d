// Blocks: append, one block, a stream of blocks, the core as one byte string.
#include <algorithm>
#include <limits>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "http/block_walk.hpp"
#include "http/core_events.hpp"
#include "http/fields.hpp"
#include "http/range.hpp"
#include "http/record_json.hpp"

namespace corestore::http {

namespace {

using std::chrono::milliseconds;

/// Bytes of one page: large enough to make the request cheap, small enough for hundreds of clients at once.
constexpr std::uint64_t page_bytes = std::uint64_t{256} << 10U;

/// For a block that a stream of blocks comes to and that is not here.
constexpr milliseconds gap_wait{30000};

/// For a longer log, before a stream decides where it ends.
constexpr milliseconds update_wait{3000};

constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

constexpr std::string_view octets = "application/octet-stream";

result<std::vector<shared_bytes>> read_blocks(exchange& call) {
  std::vector<shared_bytes> blocks;
  if (call.header().content_type != "application/json") {
    blocks.emplace_back(to_bytes(call.body));
    return blocks;
  }
  auto body = fields::parse(call.body, {"blocks"});
  if (!body)
    return fail(body.error());
  if (body->find("blocks") == nullptr)
    return fail(ec::bad_argument, "blocks is missing: a list of base64 texts");
  auto texts = body->texts("blocks");
  if (!texts)
    return fail(texts.error());
  blocks.reserve(texts->size());
  for (auto& each : *texts) {
    auto raw = text::from_base64(each);
    if (!raw)
      return fail(ec::bad_argument, "block " + std::to_string(blocks.size()) + " is no base64");
    blocks.emplace_back(std::move(*raw));
    each = {};
  }
  return blocks;
}

outcome append(service& with, exchange& call) {
  auto blocks = read_blocks(call);
  if (!blocks)
    return refuse(blocks.error());
  auto too_large = std::any_of(blocks->begin(), blocks->end(),
                               [](const shared_bytes& block) { return block.size() > limits::block_bytes_max; });
  if (too_large)
    return refuse(
      {413, ec::limit_exceeded, "a block has more than " + std::to_string(limits::block_bytes_max) + " bytes"});
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto done = core->ask<append_result>(call, patience, append_atom_v, std::move(*blocks));
  if (!done)
    return refuse(done.error());
  call.send_json(to_line(to_json(*done)));
  return {};
}

outcome send_block(service& with, exchange& call) {
  auto index = read_number("index", call.arguments.at(1));
  auto wait = wait_of(call, milliseconds{0});
  if (!index || !wait)
    return refuse(index ? wait.error() : index.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto wait_ms = static_cast<std::uint64_t>(wait->count());
  auto block = core->ask<shared_bytes>(call, patience + *wait, fetch_atom_v, *index, wait_ms);
  if (!block && block.error().code == ec::timed_out)
    return refuse({404, ec::block_not_available,
                   fmt::format("block {} is not here, and no peer delivered it within {} ms", *index, wait_ms)});
  if (!block)
    return refuse(block.error());
  call.send(200, octets, as_text(block->view()));
  return {};
}

std::string to_lines(const block_batch& batch) {
  std::string lines;
  for (const auto& block : batch.blocks)
    lines += fmt::format("{{\"index\":{},\"value\":\"{}\"}}\n", block.index, text::to_base64(block.value.view()));
  return lines;
}

/// How long the log is, also by what peers say: a reader has to ask before it knows where to stop.
result<std::uint64_t> known_length(const held_core& core, const exchange& call) {
  if (core.record().writable || core.record().peers == 0)
    return core.record().length;
  auto wait_ms = static_cast<std::uint64_t>(update_wait.count());
  std::ignore = core.ask<bool>(call, patience, update_atom_v, wait_ms);
  return core.ask<core_record>(call, patience, info_atom_v).map([](const core_record& record) {
    return record.length;
  });
}

/// A stream that has begun ends with the reason as its last line.
void end_lines(exchange& call, const result<void>& done) {
  if (!done && done.error().code != ec::cancelled)
    call.write(error_body(done.error()) + "\n");
  call.end();
}

result<void> send_lines(exchange& call, block_walk& walk) {
  for (;;) {
    auto batch = walk.next();
    if (!batch)
      return fail(batch.error());
    if (batch->blocks.empty())
      return {};
    if (!call.write(to_lines(*batch)))
      return fail(ec::cancelled);
  }
}

/// From `start` on for ever: what is there, then each block as it is appended. After a truncation the blocks that took
/// the place of others follow.
result<void> send_live(service& with, exchange& call, const held_core& core, block_walk& walk, std::uint64_t end) {
  core_events events{with, call.line(), core};
  if (auto subscribed = events.subscribe(); !subscribed)
    return subscribed;
  auto length = core.ask<core_record>(call, patience, info_atom_v);
  if (!length)
    return fail(length.error());
  walk.extend_to(std::min(end, length->length));
  for (;;) {
    if (auto sent = send_lines(call, walk); !sent)
      return sent;
    if (walk.position() >= end)
      return {};
    auto batch = events.wait(limits::http_idle_timeout);
    if (!batch)
      return batch.error().code == ec::store_closed ? result<void>{} : fail(batch.error());
    for (const auto& event : *batch) {
      if (event.kind == event_kind::truncate)
        walk.move_to(std::min(walk.position(), event.length));
      if (event.kind == event_kind::append || event.kind == event_kind::truncate)
        walk.extend_to(std::min(end, std::max(event.length, walk.position())));
      if (event.kind == event_kind::closed)
        return {};
    }
  }
}

outcome stream_blocks(service& with, exchange& call) {
  auto start = call.parameters.number("start", 0);
  auto end = call.parameters.number("end", no_end);
  auto is_live = call.parameters.truth("live");
  auto wait = wait_of(call, gap_wait);
  if (!start || !end)
    return refuse(start ? end.error() : start.error());
  if (!is_live || !wait)
    return refuse(is_live ? wait.error() : is_live.error());
  if (*start > *end)
    return refuse({400, ec::bad_argument, "start is past end"});
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  block_walk walk{*core, call, *start, *end, *wait};
  if (!*is_live) {
    auto length = known_length(*core, call);
    if (!length)
      return refuse(length.error());
    walk.extend_to(std::min(*end, *length));
  }
  call.begin(200, "application/x-ndjson", {{"Cache-Control", "no-store"}});
  end_lines(call, *is_live ? send_live(with, call, *core, walk, *end) : send_lines(call, walk));
  return {};
}

/// Writes `range` of the byte string; the first block begins `skip` bytes before it.
result<void> send_bytes(exchange& call, block_walk& walk, std::uint64_t skip, std::uint64_t left) {
  while (left > 0) {
    auto batch = walk.next();
    if (!batch)
      return fail(batch.error());
    if (batch->blocks.empty())
      return fail(ec::block_not_available, "the core got shorter");
    for (const auto& block : batch->blocks) {
      auto piece = as_text(block.value.view());
      piece.remove_prefix(std::min<std::uint64_t>(skip, piece.size()));
      skip = 0;
      piece = piece.substr(0, left);
      left -= piece.size();
      if (!call.write(piece))
        return fail(ec::cancelled);
    }
  }
  return {};
}

outcome send_byte_string(service& with, exchange& call) {
  auto wait = wait_of(call, gap_wait);
  if (!wait)
    return refuse(wait.error());
  auto core = held_core::open(with, call);
  if (!core)
    return refuse(core.error());
  auto known = known_length(*core, call);
  auto record = core->ask<core_record>(call, patience, info_atom_v);
  if (!known || !record)
    return refuse(known ? record.error() : known.error());
  auto size = record->byte_length;
  auto wanted = parse_range(call.header().range, size);
  if (!wanted)
    return refuse({416, ec::bad_argument, wanted.error().detail, {{"Content-Range", fmt::format("bytes */{}", size)}}});
  auto range = wanted->value_or(byte_range{0, size});
  seek_position at;
  if (range.start > 0) {
    auto wait_ms = static_cast<std::uint64_t>(wait->count());
    auto found = core->ask<seek_position>(call, patience + *wait, seek_atom_v, range.start, wait_ms);
    if (!found)
      return refuse(found.error());
    at = *found;
  }
  block_walk walk{*core, call, at.index, record->length, *wait};
  header_list headers{{"Accept-Ranges", "bytes"},
                      {"ETag", fmt::format("\"{}-{}-{}\"", text::to_hex(record->discovery.view()).substr(0, 16),
                                           record->fork, record->length)}};
  if (*wanted)
    headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range.start, range.end - 1, size));
  call.begin(*wanted ? 206 : 200, octets, headers, range.end - range.start);
  if (call.header().method == "HEAD")
    return {};
  // What was announced cannot be taken back: a stream that ends early says so by the end of the connection.
  if (auto sent = send_bytes(call, walk, at.offset, range.end - range.start); !sent)
    call.close_after();
  return {};
}

} // namespace

result<milliseconds> checked_wait(std::uint64_t ms) {
  if (ms > static_cast<std::uint64_t>(limits::http_wait_max.count()))
    return fail(ec::bad_argument, fmt::format("wait is {} ms at most", limits::http_wait_max.count()));
  return milliseconds{ms};
}

result<milliseconds> wait_of(const exchange& call, milliseconds fallback) {
  return call.parameters.number("wait", static_cast<std::uint64_t>(fallback.count())).and_then(checked_wait);
}

result<block_batch> block_walk::next() {
  if (next_ >= end_)
    return block_batch{};
  auto page = core_.ask<block_batch>(call_, patience, read_atom_v, next_, end_, page_bytes);
  if (!page)
    return page;
  if (page->blocks.empty() || page->blocks.front().index != next_) {
    auto wait_ms = static_cast<std::uint64_t>(wait_.count());
    auto block = core_.ask<shared_bytes>(call_, patience + wait_, fetch_atom_v, next_, wait_ms);
    if (!block)
      return fail(block.error());
    page->blocks.assign(1, indexed_block{next_, std::move(*block)});
  }
  next_ = page->blocks.back().index + 1;
  return page;
}

void add_block_routes(service& with, std::vector<route>& into) {
  constexpr std::string_view blocks = "/v1/cores/{}/blocks";
  into.push_back({"POST", blocks, [&with](exchange& call) { return append(with, call); }, body_kind::blocks});
  into.push_back({"GET", blocks, [&with](exchange& call) {
                    return stream_blocks(with, call);
                  }});
  into.push_back({"GET", "/v1/cores/{}/blocks/{}", [&with](exchange& call) {
                    return send_block(with, call);
                  }});
  into.push_back({"GET", "/v1/cores/{}/bytes", [&with](exchange& call) {
                    return send_byte_string(with, call);
                  }});
}

} // namespace corestore::http
