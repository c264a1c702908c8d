#include "replication/secret_stream/noise_xx.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/check.hpp"

namespace corestore::replication {

namespace {

constexpr std::string_view protocol_name = "Noise_XX_Ed25519_ChaChaPoly_BLAKE2b";
constexpr std::size_t sealed_key_bytes = public_key::size + noise_state::tag_bytes;

void append(bytes& target, byte_view source) {
  target.insert(target.end(), source.begin(), source.end());
}

} // namespace

noise_xx::noise_xx(bool is_initiator, key_pair static_keys, std::optional<key_pair> ephemeral_keys)
    : is_initiator_(is_initiator), static_(static_keys),
      ephemeral_(ephemeral_keys ? *ephemeral_keys : crypto::ed25519_key_pair()), state_(protocol_name) {
  // nop
}

noise_xx::~noise_xx() {
  crypto::wipe(static_.secret_part.data);
  crypto::wipe(ephemeral_.secret_part.data);
  crypto::wipe(keys_.initiator.data);
  crypto::wipe(keys_.responder.data);
}

result<bytes> noise_xx::write() {
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
  append(message, state_.encrypt({}));
  if (++messages_done_ == 3)
    keys_ = state_.split();
  return message;
}

result<void> noise_xx::read(byte_view message) {
  CORESTORE_CHECK(!is_done() && !is_our_turn());
  constexpr std::array<std::size_t, 3> sizes{public_key::size,
                                             public_key::size + sealed_key_bytes + noise_state::tag_bytes,
                                             sealed_key_bytes + noise_state::tag_bytes};
  if (message.size() != sizes.at(static_cast<std::size_t>(messages_done_)))
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
    if (auto done = read_static(message.first(sealed_key_bytes)); !done)
      return done;
    message = message.subspan(sealed_key_bytes);
    if (auto done = mix_dh(ephemeral_, remote_static_); !done) // es of the initiator, se of the responder
      return done;
  }
  if (auto done = read_payload(message); !done)
    return done;
  if (++messages_done_ == 3)
    keys_ = state_.split();
  return {};
}

hash32 noise_xx::sending_key() const {
  return is_initiator_ ? keys_.initiator : keys_.responder;
}

hash32 noise_xx::receiving_key() const {
  return is_initiator_ ? keys_.responder : keys_.initiator;
}

result<void> noise_xx::mix_dh(const key_pair& ours, const public_key& theirs) {
  auto secret = crypto::ed25519_dh(ours.secret_part, theirs);
  if (!secret)
    return fail(ec::handshake_failed, "a key of the other side is no usable point");
  state_.mix_key(secret->view());
  crypto::wipe(secret->data);
  return {};
}

result<void> noise_xx::read_static(byte_view cipher) {
  auto plain = state_.decrypt(cipher);
  if (!plain)
    return fail(std::move(plain.error()));
  remote_static_ = *public_key::from(*plain);
  return {};
}

result<void> noise_xx::read_payload(byte_view cipher) {
  auto plain = state_.decrypt(cipher);
  if (!plain)
    return fail(std::move(plain.error()));
  return {};
}

} // namespace corestore::replication
