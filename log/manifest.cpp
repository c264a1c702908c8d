#include "log/manifest.hpp"

#include <string>

#include "base/compact.hpp"
#include "base/crypto.hpp"
#include "log/hashes.hpp"

namespace corestore::log {

namespace {

constexpr std::uint64_t blake2b_id = 0;
constexpr std::uint64_t ed25519_id = 0;
constexpr std::uint64_t version_max = 2;
constexpr std::size_t signer_bytes = 65;

constexpr std::uint64_t flag_patch = 1;
constexpr std::uint64_t flag_prologue = 2;
constexpr std::uint64_t flag_linked = 4;
constexpr std::uint64_t flag_user_data = 8;

constexpr std::uint64_t type_static = 0;
constexpr std::uint64_t type_single = 1;
constexpr std::uint64_t type_multi = 2;

signer read_signer(compact::reader& source) {
  signer result;
  if (source.uint() != ed25519_id)
    source.fail_now();
  source.fixed(result.name_space);
  source.fixed(result.key);
  return result;
}

void read_signers(compact::reader& source, std::vector<signer>& signers) {
  auto count = source.array(signer_bytes);
  signers.reserve(count);
  for (std::size_t i = 0; i < count && !source.failed(); ++i)
    signers.push_back(read_signer(source));
}

void write_signer(compact::writer& target, const signer& source) {
  target.uint(ed25519_id);
  target.raw(source.name_space.view());
  target.raw(source.key.view());
}

void write_signers(compact::writer& target, const std::vector<signer>& signers) {
  target.uint(signers.size());
  for (const auto& one : signers)
    write_signer(target, one);
}

void read_first_version(compact::reader& source, manifest& result) {
  if (source.uint() != blake2b_id)
    source.fail_now();
  switch (source.uint()) {
  case type_static:
    result.beginning.emplace();
    source.fixed(result.beginning->tree_hash);
    break;
  case type_single:
    result.quorum = 1;
    result.signers.push_back(read_signer(source));
    break;
  case type_multi:
    result.allow_patch = (source.uint() & flag_patch) != 0;
    result.quorum = source.uint();
    read_signers(source, result.signers);
    break;
  default:
    source.fail_now();
  }
}

void read_later_version(compact::reader& source, manifest& result) {
  auto flags = source.uint();
  if (source.uint() != blake2b_id)
    source.fail_now();
  result.allow_patch = (flags & flag_patch) != 0;
  result.quorum = source.uint();
  read_signers(source, result.signers);
  if ((flags & flag_prologue) != 0) {
    result.beginning.emplace();
    source.fixed(result.beginning->tree_hash);
    result.beginning->length = source.uint();
  }
  if ((flags & flag_linked) != 0) {
    auto& linked = result.linked.emplace(source.array(core_key::size));
    for (auto& key : linked)
      source.fixed(key);
  }
  if ((flags & flag_user_data) != 0)
    result.user_data = to_bytes(source.buffer());
}

void write_first_version(compact::writer& target, const manifest& source) {
  target.uint(blake2b_id);
  if (source.beginning && source.signers.empty()) {
    target.uint(type_static);
    target.raw(source.beginning->tree_hash.view());
  } else if (source.quorum == 1 && source.signers.size() == 1 && !source.allow_patch) {
    target.uint(type_single);
    write_signer(target, source.signers.front());
  } else {
    target.uint(type_multi);
    target.uint(source.allow_patch ? flag_patch : 0);
    target.uint(source.quorum);
    write_signers(target, source.signers);
  }
}

void write_later_version(compact::writer& target, const manifest& source) {
  target.uint((source.allow_patch ? flag_patch : 0) | (source.beginning ? flag_prologue : 0) |
              (source.linked ? flag_linked : 0) | (source.user_data ? flag_user_data : 0));
  target.uint(blake2b_id);
  target.uint(source.quorum);
  write_signers(target, source.signers);
  if (source.beginning) {
    target.raw(source.beginning->tree_hash.view());
    target.uint(source.beginning->length);
  }
  if (source.linked) {
    target.uint(source.linked->size());
    for (const auto& key : *source.linked)
      target.raw(key.view());
  }
  if (source.user_data)
    target.buffer(*source.user_data);
}

} // namespace

manifest default_manifest(const public_key& key, std::uint8_t version) {
  manifest result;
  result.version = version;
  result.quorum = 1;
  result.signers.push_back({default_namespace(), key});
  return result;
}

result<manifest> decode_manifest(byte_view encoded, std::size_t* consumed) {
  compact::reader source{encoded};
  manifest decoded;
  auto version = source.uint();
  if (version > version_max)
    return fail(ec::decoding_failed, "manifest: version " + std::to_string(version) + " is not known");
  decoded.version = static_cast<std::uint8_t>(version);
  if (version == 0)
    read_first_version(source, decoded);
  else
    read_later_version(source, decoded);
  if (auto status = source.finish("manifest"); !status)
    return fail(status.error());
  if (consumed != nullptr)
    *consumed = source.position();
  return decoded;
}

bytes encode_manifest(const manifest& source) {
  bytes encoded;
  encoded.reserve(16 + source.signers.size() * signer_bytes);
  compact::writer target{encoded};
  target.uint(source.version);
  if (source.version == 0)
    write_first_version(target, source);
  else
    write_later_version(target, source);
  return encoded;
}

result<void> validate(const manifest& source) {
  if (source.version > version_max)
    return fail(ec::bad_argument, "manifest: version above " + std::to_string(version_max));
  if (source.quorum > source.signers.size())
    return fail(ec::bad_argument, "manifest: quorum above the number of signers");
  auto has_links = source.linked && !source.linked->empty();
  if (source.version < 2 && (has_links || source.user_data))
    return fail(ec::bad_argument, "manifest: linked keys and user data need version 2");
  return {};
}

core_key key_of(byte_view encoded_manifest) {
  return {crypto::blake2b({manifest_domain().view(), encoded_manifest}).data};
}

bool is_compat(const core_key& key, const manifest& source) {
  return source.signers.size() == 1 && source.signers.front().key.data == key.data;
}

bool belongs_to(const core_key& key, byte_view encoded, const manifest& decoded) {
  return key_of(encoded) == key || is_compat(key, decoded);
}

} // namespace corestore::log
