#include "replication/legacy/handshake.hpp"

#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/varint.hpp"
#include "replication/legacy/fields.hpp"

namespace corestore::replication::legacy {

namespace {

constexpr std::string_view protocol_name = "Noise_XX_25519_ChaChaPoly_BLAKE2b";
constexpr std::size_t sealed_key_bytes = public_key::size + noise_state::tag_bytes;
constexpr std::uint64_t nonce_field = 1;

void append(bytes& target, byte_view source) {
  target.insert(target.end(), source.begin(), source.end());
}

} // namespace

handshake::handshake(bool is_initiator, crypto::x25519_pair static_keys,
                     std::optional<crypto::x25519_pair> ephemeral_keys, std::optional<stream_nonce> nonce)
    : is_initiator_(is_initiator), static_(static_keys),
      ephemeral_(ephemeral_keys ? *ephemeral_keys : crypto::x25519_key_pair()),
      nonce_(nonce ? *nonce : crypto::random<stream_nonce>()), state_(protocol_name) {
  // nop
}

handshake::~handshake() {
  crypto::wipe(static_.secret_part.data);
  crypto::wipe(ephemeral_.secret_part.data);
  crypto::wipe(keys_.initiator.data);
  crypto::wipe(keys_.responder.data);
}

result<bytes> handshake::write() {
  CORESTORE_CHECK(is_our_turn());
  bytes message;
  if (messages_done_ < 2) {
    append(message, ephemeral_.public_part.view());
    state_.mix_hash(ephemeral_.public_part.view());
  }
  if (messages_done_ == 1) {
    if (auto done = mix_dh(ephemeral_, remote_ephemeral_); !done) // ee
      return fail(std::move(done.error()));
  }
  if (messages_done_ > 0) {
    append(message, state_.encrypt(static_.public_part.view()));
    if (auto done = mix_dh(static_, remote_ephemeral_); !done) // es of the responder, se of the initiator
      return fail(std::move(done.error()));
  }
  bytes payload;
  write_bytes(payload, nonce_field, nonce_.view());
  append(message, state_.encrypt(payload));
  if (++messages_done_ == 3)
    keys_ = state_.split();
  bytes framed;
  varint::append(framed, message.size());
  append(framed, message);
  return framed;
}

result<void> handshake::read(byte_view message) {
  CORESTORE_CHECK(!is_done() && !is_our_turn());
  std::size_t least = (messages_done_ < 2 ? public_key::size : 0) + (messages_done_ > 0 ? sealed_key_bytes : 0);
  if (message.size() < least)
    return fail(ec::handshake_failed, "a handshake message of " + std::to_string(message.size()) + " bytes");
  if (messages_done_ < 2) {
    remote_ephemeral_ = *public_key::from(message.first(public_key::size));
    message = message.subspan(public_key::size);
    state_.mix_hash(remote_ephemeral_.view());
  }
  if (messages_done_ == 1) {
    if (auto done = mix_dh(ephemeral_, remote_ephemeral_); !done) // ee
      return done;
  }
  if (messages_done_ > 0) {
    auto plain = state_.decrypt(message.first(sealed_key_bytes));
    if (!plain)
      return fail(std::move(plain.error()));
    remote_static_ = *public_key::from(*plain);
    message = message.subspan(sealed_key_bytes);
    if (auto done = mix_dh(ephemeral_, remote_static_); !done) // es of the initiator, se of the responder
      return done;
  }
  if (auto done = read_payload(message); !done)
    return done;
  if (++messages_done_ == 3)
    keys_ = state_.split();
  if (messages_done_ >= 2 && !remote_nonce_)
    return fail(ec::handshake_failed, "the other side did not send the nonce of its stream");
  return {};
}

result<void> handshake::mix_dh(const crypto::x25519_pair& ours, const public_key& theirs) {
  auto secret = crypto::x25519_dh(ours, theirs);
  if (!secret)
    return fail(ec::handshake_failed, "a key of the other side is no usable point");
  state_.mix_key(secret->view());
  crypto::wipe(secret->data);
  return {};
}

/// The last payload that is not empty counts.
result<void> handshake::read_payload(byte_view sealed) {
  auto plain = state_.decrypt(sealed);
  if (!plain)
    return fail(std::move(plain.error()));
  field_reader fields{*plain};
  while (auto found = fields.next()) {
    if (found->number != nonce_field)
      continue;
    auto nonce = stream_nonce::from(found->content);
    if (!found->is_bytes || !nonce)
      return fail(ec::handshake_failed, "the nonce of a stream has 24 bytes");
    remote_nonce_ = *nonce;
  }
  if (fields.failed())
    return fail(ec::handshake_failed, "a handshake payload cannot be decoded");
  return {};
}

hash32 capability(const hash32& sending, const hash32& receiving, const core_key& key) {
  return crypto::blake2b_keyed(receiving.view(), {as_bytes("hypercore capability"), sending.view(), key.view()});
}

} // namespace corestore::replication::legacy
