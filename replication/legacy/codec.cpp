#include "replication/legacy/codec.hpp"

#include <string>
#include <utility>

#include "base/varint.hpp"
#include "replication/legacy/fields.hpp"

namespace corestore::replication::legacy {

namespace {

enum type : std::uint8_t {
  type_open = 0,
  type_options = 1,
  type_status = 2,
  type_have = 3,
  type_unhave = 4,
  type_want = 5,
  type_unwant = 6,
  type_request = 7,
  type_cancel = 8,
  type_data = 9,
  type_close = 10,
  type_extension = 15
};

/// A proof names a node for each level and each root; more is nonsense.
constexpr std::size_t nodes_max = 256;
constexpr std::size_t extensions_max = 256;

// -- encoding

struct body_writer {
  bytes& target;

  std::uint8_t operator()(const open& m) const {
    write_bytes(target, 1, m.discovery.view());
    if (m.capability)
      write_bytes(target, 2, *m.capability);
    return type_open;
  }
  std::uint8_t operator()(const options& m) const {
    for (const auto& name : m.extensions)
      write_bytes(target, 1, as_bytes(name));
    if (m.ack)
      write_integer(target, 2, 1);
    return type_options;
  }
  std::uint8_t operator()(const status& m) const {
    write_integer(target, 1, m.uploading ? 1 : 0);
    write_integer(target, 2, m.downloading ? 1 : 0);
    return type_status;
  }
  std::uint8_t operator()(const have& m) const {
    write_integer(target, 1, m.start);
    if (m.length != 1 || m.bitfield || m.ack)
      write_integer(target, 2, m.length);
    if (m.bitfield)
      write_bytes(target, 3, *m.bitfield);
    if (m.ack)
      write_integer(target, 4, 1);
    return type_have;
  }
  std::uint8_t operator()(const unhave& m) const {
    write_integer(target, 1, m.start);
    if (m.length != 1)
      write_integer(target, 2, m.length);
    return type_unhave;
  }
  std::uint8_t operator()(const want& m) const {
    write_integer(target, 1, m.start);
    write_integer(target, 2, m.length);
    return type_want;
  }
  std::uint8_t operator()(const unwant& m) const {
    write_integer(target, 1, m.start);
    write_integer(target, 2, m.length);
    return type_unwant;
  }
  std::uint8_t operator()(const request& m) const {
    write_integer(target, 1, m.index);
    write_integer(target, 2, m.bytes);
    write_integer(target, 3, m.hash ? 1 : 0);
    write_integer(target, 4, m.nodes);
    return type_request;
  }
  std::uint8_t operator()(const cancel& m) const {
    write_integer(target, 1, m.index);
    write_integer(target, 2, m.bytes);
    write_integer(target, 3, m.hash ? 1 : 0);
    return type_cancel;
  }
  std::uint8_t operator()(const data& m) const {
    write_integer(target, 1, m.index);
    if (m.value)
      write_bytes(target, 2, m.value->view());
    bytes inner;
    for (const auto& node : m.nodes) {
      inner.clear();
      write_integer(inner, 1, node.index);
      write_bytes(inner, 2, node.hash.view());
      write_integer(inner, 3, node.size);
      write_bytes(target, 3, inner);
    }
    if (m.signature)
      write_bytes(target, 4, m.signature->view());
    return type_data;
  }
  std::uint8_t operator()(const close& m) const {
    if (m.discovery)
      write_bytes(target, 1, m.discovery->view());
    return type_close;
  }
  std::uint8_t operator()(const extension& m) const {
    varint::append(target, m.id);
    target.insert(target.end(), m.payload.begin(), m.payload.end());
    return type_extension;
  }
};

template <class Variant>
void encode_frame(std::uint64_t channel, const Variant& source, bytes& target) {
  bytes body;
  auto type = std::visit(body_writer{body}, source);
  auto header = channel << 4U | type;
  varint::append(target, varint::size_of(header) + body.size());
  varint::append(target, header);
  target.insert(target.end(), body.begin(), body.end());
}

// -- decoding

/// Reads the fields of one body into `target`; `take(field)` is false for a value that the message does not allow.
template <class Take>
bool read_fields(byte_view body, Take take) {
  field_reader fields{body};
  while (auto found = fields.next())
    if (!take(*found))
      return false;
  return !fields.failed();
}

bool take_integer(const field& source, std::uint64_t& target) {
  target = source.value;
  return !source.is_bytes;
}

bool take_flag(const field& source, bool& target) {
  target = source.value != 0;
  return !source.is_bytes;
}

template <class Fixed>
bool take_fixed(const field& source, Fixed& target) {
  auto value = Fixed::from(source.content);
  if (!source.is_bytes || !value)
    return false;
  target = *value;
  return true;
}

std::optional<any_message> read_open(byte_view body) {
  open m;
  bool has_discovery = false;
  auto done = read_fields(body, [&](const field& f) {
    if (f.number == 1)
      return has_discovery = take_fixed(f, m.discovery);
    if (f.number == 2)
      m.capability = to_bytes(f.content);
    return f.number != 2 || f.is_bytes;
  });
  return done && has_discovery ? std::optional<any_message>{std::move(m)} : std::nullopt;
}

std::optional<any_message> read_options(byte_view body) {
  options m;
  auto done = read_fields(body, [&](const field& f) {
    if (f.number == 2)
      return take_flag(f, m.ack);
    if (f.number != 1)
      return true;
    m.extensions.emplace_back(as_text(f.content));
    return f.is_bytes && m.extensions.size() <= extensions_max;
  });
  return done ? std::optional<any_message>{std::move(m)} : std::nullopt;
}

std::optional<any_message> read_status(byte_view body) {
  status m;
  auto done = read_fields(body, [&](const field& f) {
    return f.number == 1 ? take_flag(f, m.uploading) : f.number != 2 || take_flag(f, m.downloading);
  });
  return done ? std::optional<any_message>{m} : std::nullopt;
}

std::optional<any_message> read_have(byte_view body) {
  have m;
  bool has_start = false;
  auto done = read_fields(body, [&](const field& f) {
    switch (f.number) {
    case 1:
      return has_start = take_integer(f, m.start);
    case 2:
      return take_integer(f, m.length);
    case 3:
      m.bitfield = to_bytes(f.content);
      return f.is_bytes;
    case 4:
      return take_flag(f, m.ack);
    default:
      return true;
    }
  });
  return done && has_start ? std::optional<any_message>{std::move(m)} : std::nullopt;
}

/// Messages with a start and a length.
template <class Range>
std::optional<any_message> read_range(byte_view body) {
  Range m;
  bool has_start = false;
  auto done = read_fields(body, [&](const field& f) {
    if (f.number == 1)
      return has_start = take_integer(f, m.start);
    return f.number != 2 || take_integer(f, m.length);
  });
  return done && has_start ? std::optional<any_message>{m} : std::nullopt;
}

std::optional<any_message> read_request(byte_view body) {
  request m;
  bool has_index = false;
  auto done = read_fields(body, [&](const field& f) {
    switch (f.number) {
    case 1:
      return has_index = take_integer(f, m.index);
    case 2:
      return take_integer(f, m.bytes);
    case 3:
      return take_flag(f, m.hash);
    case 4:
      return take_integer(f, m.nodes);
    default:
      return true;
    }
  });
  return done && has_index ? std::optional<any_message>{m} : std::nullopt;
}

std::optional<any_message> read_cancel(byte_view body) {
  auto read = read_request(body); // the same first three fields
  if (!read)
    return std::nullopt;
  const auto& m = std::get<request>(*read);
  return cancel{m.index, m.bytes, m.hash};
}

bool take_node(const field& source, std::vector<log::node>& target) {
  log::node node;
  unsigned seen = 0;
  auto done = source.is_bytes && read_fields(source.content, [&](const field& f) {
                if (f.number >= 1 && f.number <= 3)
                  seen |= 1U << f.number;
                switch (f.number) {
                case 1:
                  return take_integer(f, node.index);
                case 2:
                  return take_fixed(f, node.hash);
                case 3:
                  return take_integer(f, node.size);
                default:
                  return true;
                }
              });
  target.push_back(node);
  return done && seen == 0b1110U && target.size() <= nodes_max;
}

std::optional<any_message> read_data(byte_view body) {
  data m;
  bool has_index = false;
  auto done = read_fields(body, [&](const field& f) {
    switch (f.number) {
    case 1:
      return has_index = take_integer(f, m.index);
    case 2:
      m.value = shared_bytes::copy_of(f.content);
      return f.is_bytes;
    case 3:
      return take_node(f, m.nodes);
    case 4:
      return take_fixed(f, m.signature.emplace());
    default:
      return true;
    }
  });
  return done && has_index ? std::optional<any_message>{std::move(m)} : std::nullopt;
}

std::optional<any_message> read_close(byte_view body) {
  close m;
  auto done = read_fields(body, [&](const field& f) { return f.number != 1 || take_fixed(f, m.discovery.emplace()); });
  return done ? std::optional<any_message>{m} : std::nullopt;
}

std::optional<any_message> read_extension(byte_view body) {
  auto id = varint::read(body);
  return id ? std::optional<any_message>{extension{*id, to_bytes(body)}} : std::nullopt;
}

using body_reader = std::optional<any_message> (*)(byte_view);

body_reader reader_of(std::uint64_t type) {
  switch (type) {
  case type_open:
    return read_open;
  case type_options:
    return read_options;
  case type_status:
    return read_status;
  case type_have:
    return read_have;
  case type_unhave:
    return read_range<unhave>;
  case type_want:
    return read_range<want>;
  case type_unwant:
    return read_range<unwant>;
  case type_request:
    return read_request;
  case type_cancel:
    return read_cancel;
  case type_data:
    return read_data;
  case type_close:
    return read_close;
  case type_extension:
    return read_extension;
  default:
    return nullptr;
  }
}

} // namespace

void encode(std::uint64_t channel, const any_message& source, bytes& target) {
  encode_frame(channel, source, target);
}

void encode(std::uint64_t channel, const message& source, bytes& target) {
  encode_frame(channel, source, target);
}

result<std::optional<any_message>> decode(std::uint64_t type, byte_view body) {
  auto* reader = reader_of(type);
  if (reader == nullptr)
    return std::optional<any_message>{};
  auto decoded = reader(body);
  if (!decoded)
    return fail(ec::decoding_failed, "a message of type " + std::to_string(type) + " does not follow its format");
  return decoded;
}

// -- frames

void frame_reader::push(byte_view plain) {
  if (position_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ = 0;
  }
  buffer_.insert(buffer_.end(), plain.begin(), plain.end());
}

result<std::optional<frame>> frame_reader::next() {
  for (;;) {
    auto left = byte_view{buffer_}.subspan(position_);
    auto before = left.size();
    auto size = varint::read(left);
    if (!size) {
      if (before >= varint::bytes_max)
        return fail(ec::protocol_violation, "the length of a frame does not end");
      return std::optional<frame>{};
    }
    if (*size == 0) { // keep-alive
      position_ += before - left.size();
      continue;
    }
    if (*size > body_bytes_max + varint::bytes_max)
      return fail(ec::limit_exceeded, "a frame of " + std::to_string(*size) + " bytes");
    if (left.size() < *size)
      return std::optional<frame>{};
    auto content = left.first(*size);
    auto header = varint::read(content);
    if (!header)
      return fail(ec::protocol_violation, "the header of a frame does not end");
    if (content.size() > body_bytes_max)
      return fail(ec::limit_exceeded, "a body of " + std::to_string(content.size()) + " bytes");
    position_ += before - left.size() + *size;
    return frame{*header >> 4U, *header & 0xfU, content};
  }
}

} // namespace corestore::replication::legacy
