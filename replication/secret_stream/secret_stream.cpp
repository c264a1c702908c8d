#include "replication/secret_stream/secret_stream.hpp"

#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"

namespace corestore::replication {

namespace {

constexpr std::size_t header_frame_bytes = hash32::size + crypto::stream_header_bytes;

/// Room before the plaintext: the frame's length and the sealed tag.
constexpr std::size_t plain_offset = frame_length_bytes + 1;
constexpr std::size_t mac_bytes = crypto::stream_overhead_bytes - 1;

/// Namespace 0 or 1 of the secret stream, keyed with the handshake hash: tells a header from its own reflection.
hash32 stream_id(const crypto::hash64& handshake_hash, bool is_initiator) {
  auto role = log::domain_constant("hyperswarm/secret-stream", is_initiator ? 0 : 1);
  return crypto::blake2b_keyed(handshake_hash.view(), {role.view()});
}

} // namespace

secret_stream::secret_stream(secret_stream_options options)
    : is_initiator_(options.is_initiator), header_(std::move(options.header)),
      noise_(options.is_initiator, options.static_keys, options.ephemeral_keys) {
  // nop
}

result<void> secret_stream::start(bytes& output) {
  return is_initiator_ ? put_handshake(output) : result<void>{};
}

result<std::optional<std::span<std::uint8_t>>> secret_stream::receive(std::span<std::uint8_t>& input, bytes& output) {
  for (;;) {
    auto body = frames_.next(input, decryptor_ ? limits::frame_bytes_max : limits::handshake_frame_bytes_max);
    if (!body || !*body)
      return body;
    if (decryptor_) {
      auto plain = decryptor_->open(**body);
      if (!plain)
        return fail(ec::decoding_failed, "a frame does not verify");
      return plain;
    }
    auto done = noise_.is_done() ? receive_header(**body) : receive_handshake(**body, output);
    if (!done)
      return fail(std::move(done.error()));
  }
}

result<void> secret_stream::receive_handshake(byte_view body, bytes& output) {
  if (noise_.is_our_turn())
    return fail(ec::handshake_failed, "a handshake message out of turn");
  if (auto done = noise_.read(body); !done)
    return done;
  if (noise_.is_our_turn()) {
    if (auto done = put_handshake(output); !done)
      return done;
  }
  if (noise_.is_done())
    put_header(output);
  return {};
}

result<void> secret_stream::receive_header(byte_view body) {
  if (body.size() != header_frame_bytes)
    return fail(ec::handshake_failed, "a header of " + std::to_string(body.size()) + " bytes");
  auto expected = stream_id(noise_.handshake_hash(), !is_initiator_);
  if (!crypto::equal_in_constant_time(body.first(hash32::size), expected.view()))
    return fail(ec::handshake_failed, "the header of another stream");
  decryptor_.emplace(noise_.receiving_key().view(), body.subspan(hash32::size));
  return {};
}

result<void> secret_stream::put_handshake(bytes& output) {
  auto message = noise_.write();
  if (!message)
    return fail(std::move(message.error()));
  put_frame(*message, output);
  return {};
}

void secret_stream::put_header(bytes& output) {
  encryptor_.emplace(noise_.sending_key().view(),
                     header_ ? std::optional<byte_view>{byte_view{*header_}} : std::optional<byte_view>{});
  auto body = to_bytes(stream_id(noise_.handshake_hash(), is_initiator_).view());
  body.insert(body.end(), encryptor_->header().begin(), encryptor_->header().end());
  put_frame(body, output);
}

std::size_t secret_stream::begin_frame(bytes& output) {
  CORESTORE_CHECK(can_seal());
  auto start = output.size();
  output.resize(start + plain_offset);
  return start;
}

void secret_stream::finish_frame(bytes& output, std::size_t start) {
  auto plain_bytes = output.size() - start - plain_offset;
  CORESTORE_CHECK(plain_bytes <= limits::message_bytes_max);
  output.resize(output.size() + mac_bytes);
  auto frame = std::span{output}.subspan(start);
  put_frame_length(plain_bytes + crypto::stream_overhead_bytes, frame.first<frame_length_bytes>());
  encryptor_->seal(frame.subspan(plain_offset, plain_bytes), frame.subspan(frame_length_bytes));
}

void secret_stream::put_keep_alive(bytes& output) {
  finish_frame(output, begin_frame(output));
}

} // namespace corestore::replication
