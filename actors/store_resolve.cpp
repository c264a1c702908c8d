// How a selector leads to a core: by alias, key, discovery key, key pair or manifest.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/store.hpp"
#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

namespace {

corestore::discovery_key as_discovery(const hash32& id) {
  corestore::discovery_key discovery;
  discovery.data = id.data;
  return discovery;
}

core_key as_key(const hash32& id) {
  core_key key;
  key.data = id.data;
  return key;
}

/// Whether both halves belong together.
bool is_pair(const key_pair& pair) {
  key_seed seed; // an Ed25519 secret key is its seed, followed by the public key
  std::copy_n(pair.secret_part.data.begin(), seed.data.size(), seed.data.begin());
  return crypto::ed25519_key_pair(seed) == pair;
}

/// What a core with that manifest is called, if `signer` may sign it.
result<log::core_identity> identity_with(const bytes& manifest, const public_key& signer) {
  auto decoded = log::decode_manifest(manifest);
  if (!decoded)
    return fail(ec::bad_argument, "the manifest cannot be decoded: " + decoded.error().detail);
  if (auto valid = log::validate(*decoded); !valid)
    return fail(valid.error());
  auto signs = [&](const log::signer& candidate) {
    return candidate.key == signer;
  };
  if (std::none_of(decoded->signers.begin(), decoded->signers.end(), signs))
    return fail(ec::key_mismatch, "the manifest names no signer with public key " + text::to_hex(signer.view()));
  log::core_identity identity;
  identity.manifest = manifest;
  identity.key = log::key_of(manifest);
  identity.discovery = log::discovery_key_of(identity.key);
  return identity;
}

} // namespace

result<store_state::resolution> store_state::resolve(const core_selector& wanted) const {
  auto selector = wanted;
  auto is_long = [](const std::string& child) {
    return child.empty() || child.size() > limits::name_bytes_max;
  };
  if (selector.path.size() > limits::namespace_depth_max ||
      std::any_of(selector.path.begin(), selector.path.end(), is_long))
    return fail(ec::bad_argument, "a path has at most " + std::to_string(limits::namespace_depth_max) +
                                    " names, each of 1 to " + std::to_string(limits::name_bytes_max) + " bytes");
  for (const auto& child : selector.path)
    selector.name_space = log::child_namespace(selector.name_space, as_bytes(child));
  auto opened = backend_->open_snapshot();
  if (!opened)
    return fail(opened.error());
  const auto& source = **opened;
  switch (selector.kind) {
  case selector_kind::by_name:
  case selector_kind::by_default:
    return resolve_name(source, selector);
  case selector_kind::by_key:
  case selector_kind::by_discovery:
  case selector_kind::by_id:
    return resolve_id(source, selector);
  case selector_kind::by_pair:
  case selector_kind::by_manifest:
  case selector_kind::at_random:
    return resolve_keys(source, selector);
  }
  return fail(ec::bad_argument, "an unknown kind of selector");
}

result<store_state::resolution> store_state::resolve_name(const storage::snapshot& source,
                                                          const core_selector& selector) const {
  std::string wanted = selector.kind == selector_kind::by_default ? "default" : selector.name;
  if (wanted.empty() || wanted.size() > limits::name_bytes_max)
    return fail(ec::bad_argument, "a core's name has 1 to " + std::to_string(limits::name_bytes_max) + " bytes");
  auto alias = source.alias(selector.name_space, wanted);
  if (!alias)
    return fail(alias.error());
  if (*alias) {
    auto header = source.header(**alias);
    if (!header)
      return fail(header.error());
    if (!*header)
      return fail(ec::storage_damaged, "the name " + wanted + " leads to a core that is not stored");
    if (!selector.manifest.empty() && selector.manifest != (*header)->manifest)
      return fail(ec::key_mismatch, "the name " + wanted + " leads to a core with another manifest");
    return resolution{**header, {}, false, true};
  }
  auto pair = log::derive_key_pair(backend_->root_key(), selector.name_space, wanted);
  auto identity = log::identity_of(pair.public_part);
  if (!selector.manifest.empty()) {
    auto given = identity_with(selector.manifest, pair.public_part);
    if (!given)
      return fail(given.error());
    identity = std::move(*given);
  }
  resolution found;
  found.is_new = true;
  found.alias = log::core_alias{selector.name_space, wanted};
  auto stored = source.header(identity.discovery); // it may have come from a peer, by key
  if (!stored)
    return fail(stored.error());
  if (*stored) {
    found.header = **stored;
    found.is_stored = true;
  }
  found.header.key = identity.key;
  found.header.discovery = identity.discovery;
  found.header.manifest = identity.manifest;
  found.header.origin = log::key_origin::derived;
  found.header.name_space = selector.name_space;
  found.header.name = wanted;
  return found;
}

result<store_state::resolution> store_state::resolve_id(const storage::snapshot& source,
                                                        const core_selector& selector) const {
  if (selector.id.is_zero())
    return fail(ec::bad_argument, "no core has the key of all zeros");
  auto key = as_key(selector.id);
  auto discovery = log::discovery_key_of(key);
  if (selector.kind != selector_kind::by_discovery) {
    auto stored = source.header(discovery);
    if (!stored)
      return fail(stored.error());
    if (*stored)
      return resolution{**stored, {}, false, true};
  }
  if (selector.kind != selector_kind::by_key) {
    auto stored = source.header(as_discovery(selector.id));
    if (!stored)
      return fail(stored.error());
    if (*stored)
      return resolution{**stored, {}, false, true};
  }
  if (selector.kind == selector_kind::by_discovery)
    return fail(ec::not_found, "no core is stored under discovery key " + text::to_hex(selector.id.view()));
  resolution found;
  found.is_new = true;
  found.header.key = key;
  found.header.discovery = discovery;
  return found;
}

result<store_state::resolution> store_state::resolve_keys(const storage::snapshot& source,
                                                          const core_selector& selector) const {
  resolution found;
  found.is_new = true;
  auto pair = selector.kind == selector_kind::at_random ? crypto::ed25519_key_pair() : selector.pair;
  if (selector.kind == selector_kind::by_pair && !is_pair(pair))
    return fail(ec::key_mismatch,
                "the secret key does not belong to public key " + text::to_hex(pair.public_part.view()));
  found.header.manifest = selector.manifest;
  if (selector.kind == selector_kind::at_random || selector.manifest.empty()) {
    if (selector.kind == selector_kind::by_manifest)
      return fail(ec::bad_argument, "a manifest is needed");
    found.header.manifest = log::identity_of(pair.public_part).manifest;
  }
  auto decoded = log::decode_manifest(found.header.manifest);
  if (!decoded)
    return fail(ec::bad_argument, "the manifest cannot be decoded: " + decoded.error().detail);
  if (auto valid = log::validate(*decoded); !valid)
    return fail(valid.error());
  auto signs = [&](const log::signer& candidate) {
    return candidate.key == pair.public_part;
  };
  if (selector.kind == selector_kind::by_pair && std::none_of(decoded->signers.begin(), decoded->signers.end(), signs))
    return fail(ec::key_mismatch,
                "the manifest names no signer with public key " + text::to_hex(pair.public_part.view()));
  found.header.key = log::key_of(found.header.manifest);
  found.header.discovery = log::discovery_key_of(found.header.key);
  auto stored = source.header(found.header.discovery);
  if (!stored)
    return fail(stored.error());
  bool is_writable = *stored && (*stored)->origin != log::key_origin::none;
  if (is_writable || (*stored && selector.kind == selector_kind::by_manifest && !(*stored)->manifest.empty()))
    return resolution{**stored, {}, false, true};
  if (*stored) {
    found.header.number = (*stored)->number;
    found.is_stored = true;
  }
  if (selector.kind != selector_kind::by_manifest) {
    found.header.origin = log::key_origin::foreign;
    found.header.pair = pair;
  }
  return found;
}

} // namespace corestore::actors
