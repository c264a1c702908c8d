// The body of a data message, for tests of the log room, which does not see the wire room.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/compact.hpp"
#include "log/manifest.hpp"
#include "log/node_codec.hpp"
#include "log/proof.hpp"

namespace corestore::test {

/// `data := flags | id | fork | [1] block | [2] hash | [4] seek | [8] upgrade | [16] manifest`
inline bytes encode_data(const log::proof& source, std::uint64_t id = 1) {
  bytes encoded;
  compact::writer target{encoded};
  target.uint((source.block ? 1U : 0U) | (source.hash ? 2U : 0U) | (source.seek ? 4U : 0U) |
              (source.upgrade ? 8U : 0U) | (source.manifest ? 16U : 0U));
  target.uint(id);
  target.uint(source.fork);
  if (source.block) {
    target.uint(source.block->index);
    target.buffer(source.block->value.view());
    log::write_nodes(target, source.block->nodes);
  }
  if (source.hash) {
    target.uint(source.hash->index);
    log::write_nodes(target, source.hash->nodes);
  }
  if (source.seek) {
    target.uint(source.seek->bytes);
    log::write_nodes(target, source.seek->nodes);
  }
  if (source.upgrade) {
    target.uint(source.upgrade->start);
    target.uint(source.upgrade->length);
    log::write_nodes(target, source.upgrade->nodes);
    log::write_nodes(target, source.upgrade->additional_nodes);
    target.buffer(source.upgrade->signature);
  }
  if (source.manifest)
    target.raw(*source.manifest);
  return encoded;
}

struct data_message {
  std::uint64_t id = 0;
  log::proof content;
};

inline result<data_message> decode_data(byte_view encoded) {
  compact::reader source{encoded};
  data_message message;
  auto flags = source.uint();
  message.id = source.uint();
  message.content.fork = source.uint();
  if ((flags & 1U) != 0) {
    auto& part = message.content.block.emplace();
    part.index = source.uint();
    part.value = shared_bytes::copy_of(source.buffer());
    log::read_nodes(source, part.nodes);
  }
  if ((flags & 2U) != 0) {
    auto& part = message.content.hash.emplace();
    part.index = source.uint();
    log::read_nodes(source, part.nodes);
  }
  if ((flags & 4U) != 0) {
    auto& part = message.content.seek.emplace();
    part.bytes = source.uint();
    log::read_nodes(source, part.nodes);
  }
  if ((flags & 8U) != 0) {
    auto& part = message.content.upgrade.emplace();
    part.start = source.uint();
    part.length = source.uint();
    log::read_nodes(source, part.nodes);
    log::read_nodes(source, part.additional_nodes);
    part.signature = to_bytes(source.buffer());
  }
  if ((flags & 16U) != 0 && !source.failed()) {
    std::size_t consumed = 0;
    auto rest = encoded.subspan(source.position());
    if (auto decoded = log::decode_manifest(rest, &consumed); !decoded)
      return fail(decoded.error());
    message.content.manifest = to_bytes(rest.first(consumed));
  }
  if (auto status = source.finish("data"); !status)
    return fail(status.error());
  return message;
}

} // namespace corestore::test
