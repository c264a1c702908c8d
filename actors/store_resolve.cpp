// How a selector leads to a core: by alias, key, discovery key, key pair or manifest.
#include <caf/all.hpp>

#include "actors/store.hpp"
#include "base/crypto.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

namespace {

/// Bytes of a name; it becomes part of a storage key.
constexpr std::size_t name_bytes_max = 400;

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

} // namespace

result<store_state::resolution> store_state::resolve(const core_selector& wanted) const {
  auto selector = wanted;
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
  if (wanted.empty() || wanted.size() > name_bytes_max)
    return fail(ec::bad_argument, "a core's name has 1 to " + std::to_string(name_bytes_max) + " bytes");
  auto alias = source.alias(selector.name_space, wanted);
  if (!alias)
    return fail(alias.error());
  if (*alias) {
    auto header = source.header(**alias);
    if (!header)
      return fail(header.error());
    if (!*header)
      return fail(ec::storage_damaged, "the name " + wanted + " leads to a core that is not stored");
    return resolution{**header, {}, false, true};
  }
  auto pair = log::derive_key_pair(backend_->root_key(), selector.name_space, wanted);
  auto identity = log::identity_of(pair.public_part);
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
