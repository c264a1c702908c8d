// The logical writes of one step of one core: a value that a log stages, a backend applies and the log then adopts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "log/generation.hpp"
#include "log/head.hpp"
#include "log/node.hpp"

namespace corestore::log {

/// Local number of a core in its store; small, so that storage keys are short.
enum class core_number : std::uint32_t {};

/// Half-open range of block indices.
struct block_range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  friend bool operator==(const block_range&, const block_range&) = default;
};

/// How the key pair of a core comes about.
enum class key_origin : std::uint8_t {
  none = 0,    ///< somebody else's core: no secret key here
  derived = 1, ///< from the primary key, `name_space` and `name`
  foreign = 2  ///< given by a caller: the pair itself is stored
};

/// The head with which a core came back from a backup.
struct head_mark {
  std::uint64_t fork = 0;
  std::uint64_t length = 0;
  friend bool operator==(const head_mark&, const head_mark&) = default;
};

/// What is known of a core apart from its content.
struct core_header {
  core_number number{};
  core_key key;
  corestore::discovery_key discovery;
  log::generation generation = log::generation::g10;
  bytes manifest; ///< encoded; empty while unknown
  key_origin origin = key_origin::none;
  namespace_id name_space;        ///< with `derived`
  std::string name;               ///< with `derived`
  std::optional<key_pair> pair;   ///< with `foreign`
  bool is_mirrored = false;       ///< kept complete, also after a restart
  bool is_frozen = false;         ///< a conflict was found: no replication any more
  std::optional<head_mark> fence; ///< restored: nothing is signed before peers have shown that none has more

  friend bool operator==(const core_header&, const core_header&) = default;
};

/// (namespace, name) that leads to a core.
struct core_alias {
  namespace_id name_space;
  std::string name;
  friend bool operator==(const core_alias&, const core_alias&) = default;
};

/// A namespace below another one: so that a store finds again what is below.
struct namespace_link {
  namespace_id parent;
  std::string name;
  namespace_id child;
  friend bool operator==(const namespace_link&, const namespace_link&) = default;
};

/// Consecutive blocks together with the tree nodes that become complete with them: for each block `b` its leaf,
/// then one parent per trailing one bit of `b`, bottom first; `2 n - popcount` arithmetic makes every offset
/// computable. Stored as one value.
struct block_run {
  std::uint64_t first = 0;
  std::vector<shared_bytes> blocks;
  std::vector<hash32> hashes; ///< of the completed nodes in that order
  friend bool operator==(const block_run&, const block_run&) = default;
};

struct sparse_block {
  std::uint64_t index = 0;
  shared_bytes value;
  friend bool operator==(const sparse_block&, const sparse_block&) = default;
};

/// Generation 9 keeps the signature of every length that was ever signed: an old block may connect to no other.
struct length_signature {
  std::uint64_t length = 0;
  signature64 signature;
  friend bool operator==(const length_signature&, const length_signature&) = default;
};

/// A value that an application keeps beside a core.
struct user_entry {
  std::string name;
  std::optional<bytes> value; ///< nothing: forget it
  friend bool operator==(const user_entry&, const user_entry&) = default;
};

/// The group that a core is in from now on.
struct group_change {
  std::optional<hash32> topic; ///< nothing: in none
  friend bool operator==(const group_change&, const group_change&) = default;
};

/// Applied as a whole or not at all, in the order of the fields.
struct change_set {
  core_number number{};
  std::uint64_t base_fork = 0; ///< head on which it was staged; the log refuses to adopt it on another one
  std::uint64_t base_length = 0;
  std::optional<core_header> header; ///< create or replace
  std::optional<core_alias> alias;
  std::vector<namespace_link> links;        ///< from the store's root down to the alias, as far as they are known
  bool is_purge = false;                    ///< alone: everything of the core goes, its header and its alias too
  std::optional<std::uint64_t> truncate_to; ///< first: drop blocks, bits and every node that reaches past this length
  std::vector<block_range> cleared;         ///< then: drop these blocks and their bits, keep the nodes
  std::vector<block_range> forgotten;       ///< then: drop these blocks, their bits and the nodes that they complete
  std::vector<block_run> runs;              ///< then: blocks with all their nodes
  std::vector<sparse_block> blocks;         ///< blocks that leave gaps
  std::vector<node> nodes;                  ///< nodes outside runs
  std::vector<length_signature> signatures; ///< generation 9
  std::optional<tree_head> head;            ///< the new head
  std::optional<std::uint64_t> contiguous_length; ///< blocks present from 0 without a gap, after this change
  std::vector<user_entry> user_data;
  std::optional<group_change> group; ///< before the head: a head that changes is the newest change of its group

  friend bool operator==(const change_set&, const change_set&) = default;
};

/// Whether `changes` would change nothing.
bool is_empty(const change_set& changes);

/// Payload bytes that `changes` will write, for group sizing.
std::size_t size_of(const change_set& changes);

} // namespace corestore::log
