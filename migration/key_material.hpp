// Whose a core is that was found in files, and what it is called.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "migration/core_source.hpp"

namespace corestore::migration {

/// The pair, if the secret key of 64 bytes belongs to that signer.
std::optional<key_pair> pair_of(const public_key& signer, byte_view secret);

/// The core is ours to write, with that pair.
void own(core_facts& facts, const key_pair& pair);

/// And a name leads to it. One that no store can keep (too long, or random bytes) is dropped; the former is complained
/// of.
void own(core_facts& facts, const key_pair& pair, const namespace_id& name_space, const std::string& name);

/// How the store with that primary key keeps the core: derived when its own primary key derives the pair.
log::core_header adopted(const core_facts& facts, const primary_key& root);

/// For messages: printable, and not too long.
std::string shown_name(std::string_view name);

/// Whether it is UTF-8 without control characters.
bool is_text(std::string_view name);

} // namespace corestore::migration
