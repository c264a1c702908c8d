#include "replication/wire/codec.hpp"

#include <algorithm>
#include <iterator>

#include "base/compact.hpp"
#include "log/manifest.hpp"

namespace corestore::replication::wire {

namespace {

// Bits of the flag fields, message by message.
constexpr std::uint64_t sync_can_upgrade = 1;
constexpr std::uint64_t sync_uploading = 2;
constexpr std::uint64_t sync_downloading = 4;
constexpr std::uint64_t sync_has_manifest = 8;
constexpr std::uint64_t sync_allow_push = 16;

constexpr std::uint64_t part_block = 1;
constexpr std::uint64_t part_hash = 2;
constexpr std::uint64_t part_seek = 4;
constexpr std::uint64_t part_upgrade = 8;
constexpr std::uint64_t part_manifest = 16;
constexpr std::uint64_t part_priority = 32;

constexpr std::uint64_t no_data_has_reason = 1;
constexpr std::uint64_t want_any = 1;
constexpr std::uint64_t range_drop = 1;
constexpr std::uint64_t range_is_one = 2;
constexpr std::uint64_t handshake_seeks = 1;

constexpr std::size_t node_bytes_min = 1 + 1 + hash32::size;

constexpr std::uint64_t flag(bool is_set, std::uint64_t bit) {
  return is_set ? bit : 0;
}

/// Same calls as compact::writer, but only adds up: one grammar serves size and bytes.
class counter {
public:
  void uint(std::uint64_t value) {
    size_ += compact::uint_size(value);
  }
  void raw(byte_view view) {
    size_ += view.size();
  }
  void buffer(byte_view view) {
    uint(view.size());
    raw(view);
  }
  void string(std::string_view text) {
    buffer(as_bytes(text));
  }
  void words(const std::vector<std::uint32_t>& source) {
    uint(source.size());
    size_ += source.size() * sizeof(std::uint32_t);
  }
  [[nodiscard]] std::size_t size() const {
    return size_;
  }

private:
  std::size_t size_ = 0;
};

class encoder : public compact::writer {
public:
  using compact::writer::writer;

  void words(const std::vector<std::uint32_t>& source) {
    uint(source.size());
    for (auto word : source)
      uint32(word);
  }
};

template <class Sink>
void put(Sink& sink, const std::vector<log::node>& nodes) {
  sink.uint(nodes.size());
  for (const auto& node : nodes) {
    sink.uint(node.index);
    sink.uint(node.size);
    sink.raw(node.hash.view());
  }
}

template <class Sink>
void put(Sink& sink, const sync& source) {
  sink.uint(flag(source.can_upgrade, sync_can_upgrade) | flag(source.uploading, sync_uploading) |
            flag(source.downloading, sync_downloading) | flag(source.has_manifest, sync_has_manifest) |
            flag(source.allow_push, sync_allow_push));
  sink.uint(source.fork);
  sink.uint(source.length);
  sink.uint(source.remote_length);
}

template <class Sink>
void put(Sink& sink, const request& source) {
  const auto& wanted = source.wanted;
  sink.uint(flag(wanted.block.has_value(), part_block) | flag(wanted.hash.has_value(), part_hash) |
            flag(wanted.seek.has_value(), part_seek) | flag(wanted.upgrade.has_value(), part_upgrade) |
            flag(wanted.manifest, part_manifest) | flag(source.priority != 0, part_priority));
  sink.uint(source.id);
  sink.uint(source.fork);
  if (wanted.block) {
    sink.uint(wanted.block->index);
    sink.uint(wanted.block->nodes);
  }
  if (wanted.hash) {
    sink.uint(wanted.hash->index);
    sink.uint(wanted.hash->nodes);
  }
  if (wanted.seek) {
    sink.uint(wanted.seek->bytes);
    sink.uint(wanted.seek->padding);
  }
  if (wanted.upgrade) {
    sink.uint(wanted.upgrade->start);
    sink.uint(wanted.upgrade->length);
  }
  if (source.priority != 0)
    sink.uint(source.priority);
}

template <class Sink>
void put(Sink& sink, const cancel& source) {
  sink.uint(source.id);
}

template <class Sink>
void put(Sink& sink, const data& source) {
  const auto& content = source.content;
  sink.uint(flag(content.block.has_value(), part_block) | flag(content.hash.has_value(), part_hash) |
            flag(content.seek.has_value(), part_seek) | flag(content.upgrade.has_value(), part_upgrade) |
            flag(content.manifest.has_value(), part_manifest));
  sink.uint(source.id);
  sink.uint(content.fork);
  if (content.block) {
    sink.uint(content.block->index);
    sink.buffer(content.block->value.view());
    put(sink, content.block->nodes);
  }
  if (content.hash) {
    sink.uint(content.hash->index);
    put(sink, content.hash->nodes);
  }
  if (content.seek) {
    sink.uint(content.seek->bytes);
    put(sink, content.seek->nodes);
  }
  if (content.upgrade) {
    sink.uint(content.upgrade->start);
    sink.uint(content.upgrade->length);
    put(sink, content.upgrade->nodes);
    put(sink, content.upgrade->additional_nodes);
    sink.buffer(content.upgrade->signature);
  }
  if (content.manifest)
    sink.raw(*content.manifest);
}

template <class Sink>
void put(Sink& sink, const no_data& source) {
  sink.uint(source.id);
  sink.uint(flag(source.reason != no_data_reason::none, no_data_has_reason));
  if (source.reason != no_data_reason::none)
    sink.uint(static_cast<std::uint64_t>(source.reason));
}

template <class Sink, class Want>
void put_want(Sink& sink, const Want& source) {
  sink.uint(source.start);
  sink.uint(source.length);
  if (source.any)
    sink.uint(want_any);
}

template <class Sink>
void put(Sink& sink, const want& source) {
  put_want(sink, source);
}

template <class Sink>
void put(Sink& sink, const unwant& source) {
  put_want(sink, source);
}

template <class Sink>
void put(Sink& sink, const bitfield& source) {
  sink.uint(source.start);
  sink.words(source.words);
}

template <class Sink>
void put(Sink& sink, const range& source) {
  sink.uint(flag(source.drop, range_drop) | flag(source.length == 1, range_is_one));
  sink.uint(source.start);
  if (source.length != 1)
    sink.uint(source.length);
}

template <class Sink>
void put(Sink& sink, const extension& source) {
  sink.string(source.name);
  sink.raw(source.payload);
}

// -- decoding; braced initialisers are evaluated from left to right

std::vector<log::node> get_nodes(compact::reader& source) {
  auto count = source.array(node_bytes_min);
  std::vector<log::node> nodes(count);
  for (auto& node : nodes) {
    node.index = source.uint();
    node.size = source.uint();
    source.fixed(node.hash);
  }
  return nodes;
}

/// One allocation, one copy.
shared_bytes get_value(compact::reader& source) {
  auto view = source.buffer();
  if (view.empty())
    return {};
  auto storage = std::make_shared_for_overwrite<std::uint8_t[]>(view.size());
  std::copy(view.begin(), view.end(), storage.get());
  byte_view copy{storage.get(), view.size()};
  return {std::move(storage), copy};
}

sync get_sync(compact::reader& source) {
  auto flags = source.uint();
  sync target;
  target.fork = source.uint();
  target.length = source.uint();
  target.remote_length = source.uint();
  target.can_upgrade = (flags & sync_can_upgrade) != 0;
  target.uploading = (flags & sync_uploading) != 0;
  target.downloading = (flags & sync_downloading) != 0;
  target.has_manifest = (flags & sync_has_manifest) != 0;
  target.allow_push = (flags & sync_allow_push) != 0;
  return target;
}

request get_request(compact::reader& source) {
  auto flags = source.uint();
  request target;
  target.id = source.uint();
  target.fork = source.uint();
  if ((flags & part_block) != 0)
    target.wanted.block = log::block_request{source.uint(), source.uint()};
  if ((flags & part_hash) != 0)
    target.wanted.hash = log::hash_request{source.uint(), source.uint()};
  if ((flags & part_seek) != 0)
    target.wanted.seek = log::seek_request{source.uint(), source.uint()};
  if ((flags & part_upgrade) != 0)
    target.wanted.upgrade = log::upgrade_request{source.uint(), source.uint()};
  target.wanted.manifest = (flags & part_manifest) != 0;
  if ((flags & part_priority) != 0)
    target.priority = source.uint();
  return target;
}

void get_data(compact::reader& source, data& target) {
  auto flags = source.uint();
  target.id = source.uint();
  auto& content = target.content;
  content.fork = source.uint();
  if ((flags & part_block) != 0)
    content.block = log::block_proof{source.uint(), get_value(source), get_nodes(source)};
  if ((flags & part_hash) != 0)
    content.hash = log::hash_proof{source.uint(), get_nodes(source)};
  if ((flags & part_seek) != 0)
    content.seek = log::seek_proof{source.uint(), get_nodes(source)};
  if ((flags & part_upgrade) != 0)
    content.upgrade =
      log::upgrade_proof{source.uint(), source.uint(), get_nodes(source), get_nodes(source), to_bytes(source.buffer())};
  if ((flags & part_manifest) != 0 && !source.failed()) {
    auto left = source.rest();
    std::size_t consumed = 0;
    if (log::decode_manifest(left, &consumed))
      content.manifest = to_bytes(left.first(consumed));
    else
      source.fail_now();
  }
}

no_data get_no_data(compact::reader& source) {
  no_data target;
  target.id = source.uint();
  auto flags = source.left() > 0 ? source.uint() : 0; // an early form of the message ends here
  auto reason = (flags & no_data_has_reason) != 0 ? source.uint() : 0;
  if (reason <= static_cast<std::uint64_t>(no_data_reason::invalid_request))
    target.reason = static_cast<no_data_reason>(reason);
  return target;
}

template <class Want>
Want get_want(compact::reader& source) {
  Want target;
  target.start = source.uint();
  target.length = source.uint();
  target.any = source.left() > 0 && (source.uint() & want_any) != 0;
  return target;
}

bitfield get_bitfield(compact::reader& source) {
  bitfield target;
  target.start = source.uint();
  auto count = source.uint(); // no cap but the bytes that are there
  if (count > source.left() / sizeof(std::uint32_t)) {
    source.fail_now();
    return target;
  }
  auto view = source.raw(count * sizeof(std::uint32_t));
  target.words.resize(count);
  for (std::size_t i = 0; i < view.size(); ++i)
    target.words[i / 4] |= std::uint32_t{view[i]} << (8 * (i % 4));
  return target;
}

range get_range(compact::reader& source) {
  auto flags = source.uint();
  range target;
  target.drop = (flags & range_drop) != 0;
  target.start = source.uint();
  target.length = (flags & range_is_one) != 0 ? 1 : source.uint();
  return target;
}

extension get_extension(compact::reader& source) {
  extension target;
  target.name = std::string{source.string()};
  target.payload = to_bytes(source.rest());
  return target;
}

void get_message(std::uint64_t type, compact::reader& source, message& target) {
  switch (type) {
  case 0:
    target.emplace<sync>(get_sync(source));
    break;
  case 1:
    target.emplace<request>(get_request(source));
    break;
  case 2:
    target.emplace<cancel>(cancel{source.uint()});
    break;
  case 3:
    get_data(source, target.emplace<data>());
    break;
  case 4:
    target.emplace<no_data>(get_no_data(source));
    break;
  case 5:
    target.emplace<want>(get_want<want>(source));
    break;
  case 6:
    target.emplace<unwant>(get_want<unwant>(source));
    break;
  case 7:
    target.emplace<bitfield>(get_bitfield(source));
    break;
  case 8:
    target.emplace<range>(get_range(source));
    break;
  case 9:
    target.emplace<extension>(get_extension(source));
    break;
  default:
    source.fail_now();
  }
}

constexpr const char* message_names[] = {"sync", "request", "cancel",   "data",  "no-data",
                                         "want", "unwant",  "bitfield", "range", "extension"};
static_assert(std::size(message_names) == message_types);

} // namespace

std::size_t encoded_size(const message& source) {
  counter sink;
  std::visit([&sink](const auto& alternative) { put(sink, alternative); }, source);
  return sink.size();
}

void encode(const message& source, bytes& target) {
  encoder sink{target};
  std::visit([&sink](const auto& alternative) { put(sink, alternative); }, source);
}

result<message> decode(std::uint64_t type, byte_view payload) {
  result<message> decoded{message{}};
  if (auto done = decode(type, payload, *decoded); !done)
    return fail(std::move(done.error()));
  return decoded;
}

result<void> decode(std::uint64_t type, byte_view payload, message& target) {
  compact::reader source{payload};
  get_message(type, source, target);
  return source.finish(type < message_types ? message_names[type] : "unknown message");
}

void encode(const handshake& source, bytes& target) {
  compact::writer sink{target};
  sink.uint(flag(source.seeks, handshake_seeks));
  sink.raw(source.capability.view());
}

result<handshake> decode_handshake(byte_view payload) {
  compact::reader source{payload};
  handshake target;
  target.seeks = (source.uint() & handshake_seeks) != 0;
  source.fixed(target.capability);
  if (auto done = source.finish("channel handshake"); !done)
    return fail(std::move(done.error()));
  return target;
}

} // namespace corestore::replication::wire
