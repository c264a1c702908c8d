#include "http/manifest_json.hpp"

#include <optional>

#include "base/text.hpp"
#include "http/fields.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"

namespace corestore::http {

namespace {

using nlohmann::json;

const json* member(const json& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

auto wrong(const std::string& reason) {
  return fail(ec::bad_argument, "manifest: " + reason);
}

result<log::signer> read_signer(const json& value) {
  if (!value.is_object())
    return wrong("a signer is an object");
  log::signer signer = log::default_manifest({}).signers.front();
  if (const auto* scheme = member(value, "signature"); scheme != nullptr && *scheme != "ed25519")
    return wrong("the only signature is ed25519");
  if (const auto* name_space = member(value, "namespace")) {
    auto key = read_key<namespace_id>("manifest: namespace", *name_space);
    if (!key)
      return fail(key.error());
    signer.name_space = *key;
  }
  const auto* given = member(value, "publicKey");
  if (given == nullptr)
    return wrong("a signer has a publicKey");
  auto key = read_key<public_key>("manifest: publicKey", *given);
  if (!key)
    return fail(key.error());
  signer.key = *key;
  return signer;
}

result<void> read_prologue(const json& value, log::manifest& into) {
  if (!value.is_object() || member(value, "hash") == nullptr || member(value, "length") == nullptr)
    return wrong("a prologue has hash and length");
  auto hash = read_key<hash32>("manifest: prologue.hash", value["hash"]);
  auto length = read_whole("manifest: prologue.length", value["length"]);
  if (!hash || !length)
    return fail(hash ? length.error() : hash.error());
  into.beginning = log::prologue{*hash, *length};
  return {};
}

result<void> read_signers(const json& value, log::manifest& into) {
  if (!value.is_array())
    return wrong("signers is a list");
  into.signers.clear();
  for (const auto& element : value) {
    auto signer = read_signer(element);
    if (!signer)
      return fail(signer.error());
    into.signers.push_back(*signer);
  }
  return {};
}

result<void> read_linked(const json& value, log::manifest& into) {
  if (!value.is_array())
    return wrong("linked is a list of keys");
  into.linked.emplace();
  for (const auto& element : value) {
    auto key = read_key<core_key>("manifest: linked", element);
    if (!key)
      return fail(key.error());
    into.linked->push_back(*key);
  }
  return {};
}

result<void> read_user_data(const json& value, log::manifest& into) {
  auto raw = value.is_string() ? text::from_hex(value.get<std::string>()) : std::nullopt;
  if (!raw)
    return wrong("userData is hex digits");
  into.user_data = std::move(*raw);
  return {};
}

/// What the reference fills in when a caller leaves it out.
result<log::manifest> read_object(const json& value) {
  log::manifest made;
  made.version = 1;
  if (const auto* version = member(value, "version")) {
    auto number = read_whole("manifest: version", *version);
    if (!number || *number > 2)
      return wrong("version is 0, 1 or 2");
    made.version = static_cast<std::uint8_t>(*number);
  }
  if (const auto* hash = member(value, "hash"); hash != nullptr && *hash != "blake2b")
    return wrong("the only hash is blake2b");
  if (const auto* patch = member(value, "allowPatch")) {
    if (!patch->is_boolean())
      return wrong("allowPatch is true or false");
    made.allow_patch = patch->get<bool>();
  }
  result<void> done;
  if (const auto* signers = member(value, "signers"))
    done = read_signers(*signers, made);
  if (const auto* prologue = member(value, "prologue"); done && prologue != nullptr)
    done = read_prologue(*prologue, made);
  if (const auto* linked = member(value, "linked"); done && linked != nullptr && !linked->empty())
    done = read_linked(*linked, made);
  if (const auto* user_data = member(value, "userData"); done && user_data != nullptr)
    done = read_user_data(*user_data, made);
  if (!done)
    return fail(done.error());
  made.quorum = made.signers.size() / 2 + (made.signers.empty() ? 0 : 1);
  if (const auto* quorum = member(value, "quorum")) {
    auto number = read_whole("manifest: quorum", *quorum);
    if (!number)
      return fail(number.error());
    made.quorum = *number;
  }
  return made;
}

} // namespace

result<bytes> read_manifest(const json& value) {
  std::optional<log::manifest> made;
  bytes encoded;
  if (value.is_string()) {
    auto raw = text::from_base64(value.get<std::string>());
    if (!raw)
      return wrong("neither an object nor base64");
    std::size_t consumed = 0;
    auto decoded = log::decode_manifest(*raw, &consumed);
    if (!decoded || consumed != raw->size())
      return wrong("the bytes are no encoded manifest");
    return std::move(*raw);
  }
  if (!value.is_object())
    return wrong("neither an object nor base64");
  auto read = read_object(value);
  if (!read)
    return fail(read.error());
  if (auto valid = log::validate(*read); !valid)
    return wrong(to_string(valid.error()));
  return log::encode_manifest(*read);
}

} // namespace corestore::http
