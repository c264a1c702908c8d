// How a selector leads to a core: by alias, key, discovery key, key pair or manifest.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/store.hpp"
#include "base/crypto.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"
#include "log/manifest.hpp"
#include "log/namespaces.hpp"
#include "log/twin.hpp"

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

/// What a selector's name leads to. In generation 9 there is one flat space of names, which has an alias space of its
/// own here; namespaces change only what the default core is called.
struct naming {
  namespace_id name_space;
  std::string name;
};

naming name_of(const core_selector& selector, log::generation which) {
  naming found;
  auto is_default = selector.kind == selector_kind::by_default;
  found.name_space = selector.name_space;
  found.name = is_default ? "default" : selector.name;
  if (which == log::generation::g10)
    return found;
  found.name_space = log::legacy::alias_space();
  if (is_default)
    found.name = log::legacy::name_of_default(selector.path);
  return found;
}

/// What the core that a name is derived for is called.
result<log::core_identity> identity_of(const core_selector& selector, const naming& named, log::generation which,
                                       const primary_key& root, std::uint8_t manifest_version) {
  if (which == log::generation::g9)
    return log::legacy::identity_of(log::legacy::derive_key_pair(root, named.name).public_part);
  auto pair = log::derive_key_pair(root, named.name_space, named.name);
  if (!selector.manifest.empty())
    return identity_with(selector.manifest, pair.public_part);
  return log::identity_of(pair.public_part, manifest_version);
}

} // namespace

store_state::resolution store_state::stored_as(log::core_header header) {
  resolution found;
  found.header = std::move(header);
  found.is_stored = true;
  return found;
}

log::generation store_state::generation_of(const core_selector& selector) const {
  if (selector.generation == 9)
    return log::generation::g9;
  return selector.generation == 10 || !selector.manifest.empty() ? log::generation::g10 : generation_;
}

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
  auto found =
    selector.generation == log::both_generations ? resolve_both(**opened, selector) : resolve_kind(**opened, selector);
  if (!found)
    return found;
  if (auto added = add_twin(**opened, *found); !added)
    return fail(added.error());
  return found;
}

result<store_state::resolution> store_state::resolve_kind(const storage::snapshot& source,
                                                          const core_selector& selector) const {
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
  const auto generation = generation_of(selector);
  const auto named = name_of(selector, generation);
  const auto& wanted = named.name;
  if (wanted.empty() || wanted.size() > limits::name_bytes_max)
    return fail(ec::bad_argument, "a core's name has 1 to " + std::to_string(limits::name_bytes_max) + " bytes");
  auto alias = source.alias(named.name_space, wanted);
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
    return stored_as(**header);
  }
  auto identity = identity_of(selector, named, generation, backend_->root_key(), manifest_version_);
  if (!identity)
    return fail(identity.error());
  resolution found;
  found.is_new = true;
  found.alias = log::core_alias{named.name_space, wanted};
  auto stored = source.header(identity->discovery); // it may have come from a peer, by key
  if (!stored)
    return fail(stored.error());
  if (*stored) {
    found.header = **stored;
    found.is_stored = true;
  }
  found.header.key = identity->key;
  found.header.discovery = identity->discovery;
  found.header.manifest = identity->manifest;
  found.header.origin = log::key_origin::derived;
  found.header.generation = generation;
  found.header.name_space = named.name_space;
  found.header.name = wanted;
  return found;
}

result<store_state::resolution> store_state::resolve_id(const storage::snapshot& source,
                                                        const core_selector& selector) const {
  if (selector.id.is_zero())
    return fail(ec::bad_argument, "no core has the key of all zeros");
  auto key = as_key(selector.id);
  auto discovery = log::discovery_key_of(key);
  std::vector<corestore::discovery_key> candidates;
  if (selector.kind != selector_kind::by_discovery)
    candidates.push_back(discovery);
  if (selector.kind != selector_kind::by_key)
    candidates.push_back(as_discovery(selector.id));
  for (const auto& candidate : candidates) {
    auto stored = source.header(candidate);
    if (!stored)
      return fail(stored.error());
    if (!*stored)
      continue;
    auto other = log::both_generations - static_cast<std::uint8_t>((*stored)->generation);
    if (selector.generation == other) { // the other half, if there is one
      auto twin = source.header(log::twin_id(candidate));
      if (!twin)
        return fail(twin.error());
      stored = *twin ? std::move(twin) : std::move(stored);
    }
    return resolve_stored(source, **stored, selector);
  }
  if (selector.kind == selector_kind::by_discovery)
    return fail(ec::not_found, "no core is stored under discovery key " + text::to_hex(selector.id.view()));
  resolution found;
  found.is_new = true;
  found.header.key = key;
  found.header.discovery = discovery;
  found.header.generation = generation_of(selector);
  return found;
}

/// A key alone does not say of which generation its core is. Until something of it is known, a selector that names one
/// corrects what was assumed before.
result<store_state::resolution> store_state::resolve_stored(const storage::snapshot& source,
                                                            const log::core_header& header,
                                                            const core_selector& selector) const {
  auto found = stored_as(header);
  auto is_named = selector.generation == 9 || selector.generation == 10;
  if (!is_named || header.generation == generation_of(selector))
    return found;
  auto head = source.head(header.number);
  if (!head)
    return fail(head.error());
  if (head->length > 0 || !header.manifest.empty() || header.origin != log::key_origin::none)
    return fail(ec::key_mismatch, "core " + text::to_hex(header.key.view()) + " is of generation " +
                                    std::to_string(static_cast<int>(header.generation)));
  found.is_new = true;
  found.header.generation = generation_of(selector);
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
  if (selector.kind != selector_kind::by_manifest && generation_of(selector) == log::generation::g9)
    return resolve_legacy_pair(source, pair);
  found.header.manifest = selector.manifest;
  if (selector.kind == selector_kind::at_random || selector.manifest.empty()) {
    if (selector.kind == selector_kind::by_manifest)
      return fail(ec::bad_argument, "a manifest is needed");
    found.header.manifest = log::identity_of(pair.public_part, manifest_version_).manifest;
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
    return stored_as(**stored);
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

/// The name, pair or key of generation 9: it is the one that a core can have in both generations.
result<store_state::resolution> store_state::resolve_both(const storage::snapshot& source,
                                                          core_selector selector) const {
  if (!selector.manifest.empty() || !selector.encryption_key.empty())
    return fail(ec::bad_argument, "a core in both generations has neither a manifest of its own nor an encryption key");
  auto is_by_id = selector.kind == selector_kind::by_key || selector.kind == selector_kind::by_discovery ||
                  selector.kind == selector_kind::by_id;
  selector.generation = is_by_id ? std::uint8_t{0} : std::uint8_t{9};
  auto found = resolve_kind(source, selector);
  if (!found)
    return found;
  auto& header = found->header;
  if ((is_by_id && found->is_new) || header.origin == log::key_origin::none)
    return fail(ec::not_writable, "only a core that is written here can be published in both generations");
  if (!log::may_have_twin(header))
    return fail(ec::bad_argument, "the key of the core is that of its manifest: generation 9 knows public keys only");
  auto pair = header.pair ? *header.pair : log::derive_key_pair(backend_->root_key(), header);
  found->twin = log::twin_of(header, pair);
  found->is_twin_new = true;
  return found;
}

/// The other half of a core that is kept in both generations.
result<void> store_state::add_twin(const storage::snapshot& source, resolution& found) const {
  if (found.header.origin == log::key_origin::none || (found.is_new && !found.is_stored))
    return {};
  auto wire = log::discovery_key_of(found.header.key);
  auto stored = source.header(found.header.discovery == wire ? log::twin_id(wire) : wire);
  if (!stored)
    return fail(stored.error());
  if (!*stored || (*stored)->key != found.header.key || (*stored)->generation == found.header.generation)
    return {};
  found.twin = **stored;
  found.is_twin_new = false;
  return {};
}

/// A core of generation 9 is known by its public key.
result<store_state::resolution> store_state::resolve_legacy_pair(const storage::snapshot& source,
                                                                 const key_pair& pair) const {
  auto identity = log::legacy::identity_of(pair.public_part);
  auto stored = source.header(identity.discovery);
  if (!stored)
    return fail(stored.error());
  resolution found;
  if (*stored)
    found.header = **stored;
  found.is_stored = stored->has_value();
  found.is_new = !*stored || (*stored)->origin == log::key_origin::none;
  if (!found.is_new)
    return found;
  found.header.key = identity.key;
  found.header.discovery = identity.discovery;
  found.header.generation = log::generation::g9;
  found.header.origin = log::key_origin::foreign;
  found.header.pair = pair;
  return found;
}

} // namespace corestore::actors
