#include "migration/modern_directory.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "log/namespaces.hpp"
#include "log/verifier.hpp"
#include "migration/input_file.hpp"
#include "migration/key_material.hpp"
#include "migration/oplog.hpp"

namespace corestore::migration::modern {

namespace {

constexpr std::uint64_t bitfield_bytes_max = std::uint64_t{1} << 30U; ///< 8,590 million blocks
constexpr std::uint64_t header_bytes_max = std::uint64_t{64} << 20U;
constexpr std::size_t bits_chunk_bytes = 65536;
constexpr std::uint64_t entry_blocks_max = std::uint64_t{1} << 26U; ///< that one entry of the oplog marks
constexpr std::size_t user_name_bytes_max = 507;                    ///< what a storage key can hold

class directory_source final : public core_source {
public:
  result<void> open(const std::filesystem::path& directory, const std::optional<primary_key>& primary);

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override;
  [[nodiscard]] result<shared_bytes> block_bytes(std::uint64_t index, std::uint64_t offset,
                                                 std::size_t size) const override;

private:
  result<oplog::content> read_oplog();
  result<void> read_bits();
  void apply(const std::vector<oplog::entry>& entries);
  void apply(const oplog::upgrade& moved);
  void take_identity(const std::optional<primary_key>& primary);
  void take_user_data();
  result<void> take_head();
  result<bool> is_signed(log::tree_head& head) const;

  void complain(std::string what) {
    facts_.complaints.push_back(std::move(what));
  }

  std::optional<chunked_file> tree_;
  std::optional<input_file> data_;
  oplog::header header_;                                    ///< with the entries applied
  std::map<std::uint64_t, std::optional<log::node>> newer_; ///< nodes of entries; nothing: taken away
  std::uint64_t tree_end_ = ~std::uint64_t{0};              ///< nodes of the file from here on were truncated away
};

result<void> directory_source::open(const std::filesystem::path& directory, const std::optional<primary_key>& primary) {
  facts_.place = directory;
  auto log = read_oplog();
  if (!log)
    return fail(log.error());
  header_ = std::move(log->header);
  auto tree = input_file::open(directory / "tree");
  if (!tree)
    return fail(tree.error());
  if (*tree)
    tree_.emplace(std::move(**tree));
  auto data = input_file::open(directory / "data");
  if (!data)
    return fail(data.error());
  data_ = std::move(*data);
  if (data_)
    facts_.data_bytes = std::min(data_->size(), data_->allocated());
  if (auto done = read_bits(); !done)
    return done;
  apply(log->entries);
  if (log->surplus_bytes > 0)
    complain(std::to_string(log->surplus_bytes) + " bytes of a write that was cut off are left out");
  take_identity(primary);
  take_user_data();
  return take_head();
}

result<oplog::content> directory_source::read_oplog() {
  auto file = input_file::open(facts_.place / "oplog");
  if (!file)
    return fail(file.error());
  if (!*file)
    return fail(ec::not_found, facts_.place.string() + " holds no core: there is no oplog");
  auto content = (*file)->read_all(oplog::file_bytes_max);
  if (!content)
    return fail(content.error());
  auto decoded = oplog::decode(*content);
  if (!decoded)
    return fail(decoded.error().code, facts_.place.string() + ": " + decoded.error().detail);
  if (!decoded->header.external)
    return decoded;
  const auto& place = *decoded->header.external;
  auto aside = input_file::open(facts_.place / "header");
  if (!aside)
    return fail(aside.error());
  if (!*aside || place.length > header_bytes_max)
    return fail(ec::decoding_failed, facts_.place.string() + ": the file `header` is missing, or too long");
  auto encoded = (*aside)->read(place.start, static_cast<std::size_t>(place.length));
  if (!encoded)
    return fail(encoded.error());
  auto header = oplog::decode_header(*encoded);
  if (!header || header->external)
    return fail(ec::decoding_failed, facts_.place.string() + ": the file `header` is damaged");
  decoded->header = std::move(*header);
  return decoded;
}

result<void> directory_source::read_bits() {
  auto file = input_file::open(facts_.place / "bitfield");
  if (!file)
    return fail(file.error());
  if (!*file && header_.contiguous_length > 0 && header_.contiguous_length <= log::flat_tree::length_max) {
    complain("there is no file `bitfield`: only the blocks without a gap are known");
    facts_.bits.set({0, header_.contiguous_length});
  }
  if (!*file)
    return {};
  if ((*file)->size() > bitfield_bytes_max)
    return fail(ec::limit_exceeded, (*file)->path().string() + " has " + std::to_string((*file)->size()) + " bytes");
  for (std::uint64_t offset = 0; offset < (*file)->size(); offset += bits_chunk_bytes) {
    auto content = (*file)->read_some(offset, bits_chunk_bytes);
    if (!content)
      return fail(content.error());
    std::vector<std::uint32_t> words((content->size() + 3) / 4);
    for (std::size_t i = 0; i < content->size(); ++i)
      words[i / 4] |= std::uint32_t{(*content)[i]} << (8 * (i % 4));
    if (std::any_of(words.begin(), words.end(), [](std::uint32_t word) { return word != 0; }))
      facts_.bits.assign(8 * offset, words);
  }
  return {};
}

void directory_source::apply(const std::vector<oplog::entry>& entries) {
  for (const auto& one : entries) {
    if (one.upgrade)
      apply(*one.upgrade);
    for (const auto& node : one.nodes)
      newer_[node.index] = node.size == 0 && node.hash.is_zero() ? std::nullopt : std::optional{node};
    if (one.bits && one.bits->start <= log::flat_tree::length_max) {
      auto end = one.bits->start + std::min(one.bits->length, log::flat_tree::length_max - one.bits->start);
      auto is_bounded = one.bits->is_drop || end - one.bits->start <= entry_blocks_max;
      if (one.bits->is_drop)
        facts_.bits.clear({one.bits->start, end});
      else if (is_bounded)
        facts_.bits.set({one.bits->start, end});
    }
    if (!one.user_data)
      continue;
    std::erase_if(header_.user_data, [&](const auto& kept) { return kept.name == one.user_data->name; });
    if (!one.user_data->value.empty())
      header_.user_data.push_back(*one.user_data);
  }
}

void directory_source::apply(const oplog::upgrade& moved) {
  if (moved.ancestors < header_.length) { // a truncation: what reaches past it is gone
    auto end = 2 * moved.ancestors;
    tree_end_ = std::min(tree_end_, end);
    newer_.erase(newer_.lower_bound(end), newer_.end());
  }
  header_.fork = moved.fork;
  header_.length = moved.length;
  header_.signature = moved.signature;
}

result<std::optional<log::node>> directory_source::node_at(std::uint64_t index) const {
  if (auto newer = newer_.find(index); newer != newer_.end())
    return newer->second;
  if (!tree_ || index >= tree_end_ || index > log::flat_tree::index_max)
    return std::optional<log::node>{};
  std::array<std::uint8_t, node_bytes> entry{};
  if (auto done = tree_->read(node_bytes * index, entry); !done)
    return fail(done.error());
  return decode_node(index, entry);
}

result<shared_bytes> directory_source::block_bytes(std::uint64_t, std::uint64_t offset, std::size_t size) const {
  if (size == 0)
    return shared_bytes{};
  if (!data_)
    return fail(ec::decoding_failed, "there is no file `data`");
  return data_->read(offset, size).map([](bytes&& content) { return shared_bytes{std::move(content)}; });
}

void directory_source::take_identity(const std::optional<primary_key>& primary) {
  auto& core = facts_.header;
  core.key = header_.key;
  core.discovery = log::discovery_key_of(core.key);
  core.manifest = header_.manifest;
  std::optional<bytes> name;
  namespace_id name_space;
  for (const auto& value : header_.user_data) {
    if (value.name == name_entry)
      name = value.value;
    if (value.name == namespace_entry)
      if (auto id = namespace_id::from(value.value))
        name_space = *id;
  }
  std::optional<key_pair> pair;
  if (auto signer = header_.public_part ? public_key::from(*header_.public_part) : std::nullopt;
      signer && header_.secret_part) {
    pair = pair_of(*signer, *header_.secret_part);
    if (!pair)
      complain("the secret key in the oplog does not belong to its public key");
  }
  if (!pair && name && primary)
    pair = log::derive_key_pair(*primary, name_space, as_text(*name));
  if (core.manifest.empty() && pair && pair->public_part.data == core.key.data)
    core.manifest = log::encode_manifest(log::default_manifest(pair->public_part, 0));
  if (!pair)
    return;
  auto decoded = log::decode_manifest(core.manifest);
  auto signs = [&pair](const log::signer& one) {
    return one.key == pair->public_part;
  };
  if (!decoded || std::none_of(decoded->signers.begin(), decoded->signers.end(), signs)) {
    complain(name ? "another primary key: it does not derive this core from " + shown_name(as_text(*name))
                  : std::string{"the key pair in the oplog is not the one that signs this core"});
    return;
  }
  if (name)
    own(facts_, *pair, name_space, std::string{as_text(*name)});
  else
    own(facts_, *pair);
}

void directory_source::take_user_data() {
  for (auto& value : header_.user_data) {
    if (value.name == name_entry || value.name == namespace_entry)
      continue;
    if (value.name.empty() || value.name.starts_with('\0') || value.name.size() > user_name_bytes_max ||
        value.value.size() > limits::user_value_bytes_max)
      complain("the value of " + shown_name(value.name) + " is too large or wrongly named, and is dropped");
    else
      facts_.user_data.push_back({value.name, std::move(value.value)});
  }
}

result<bool> directory_source::is_signed(log::tree_head& head) const {
  for (auto index : log::flat_tree::full_roots(head.length)) {
    auto root = node_at(index);
    if (!root)
      return fail(root.error());
    if (!*root || (*root)->size > limits::safe_integer_max - head.byte_length)
      return false;
    head.byte_length += (*root)->size;
    head.roots.push_back(**root);
  }
  const auto& core = facts_.header;
  auto manifest = log::decode_manifest(core.manifest);
  return manifest && log::belongs_to(core.key, core.manifest, *manifest) &&
         log::is_signed(core.key, *manifest, core.manifest, head);
}

result<void> directory_source::take_head() {
  auto& core = facts_.header;
  if (header_.length == 0) {
    facts_.bits = {};
    return {};
  }
  if (core.manifest.empty()) { // somebody else's core whose manifest was never needed, because its key is the signer's
    public_key signer;
    signer.data = core.key.data;
    core.manifest = log::encode_manifest(log::default_manifest(signer, 0));
  }
  log::tree_head head;
  head.fork = header_.fork;
  head.length = header_.length;
  head.signature = header_.signature;
  auto holds = header_.length <= log::flat_tree::length_max ? is_signed(head) : result<bool>{false};
  if (!holds)
    return fail(holds.error());
  if (!*holds) {
    complain("the signature of its " + std::to_string(header_.length) +
             " blocks does not hold, or a root of the tree is missing: nothing of them can be verified");
    facts_.bits = {};
    return {};
  }
  facts_.head = std::move(head);
  facts_.bits.clear({facts_.head.length, log::flat_tree::length_max});
  return {};
}

} // namespace

bool is_core_directory(const std::filesystem::path& directory) {
  auto file = input_file::open(directory / "oplog");
  return file && *file && (*file)->size() > 0;
}

result<std::unique_ptr<core_source>> open_directory(const std::filesystem::path& directory,
                                                    const std::optional<primary_key>& primary) {
  auto source = std::make_unique<directory_source>();
  if (auto done = source->open(directory, primary); !done)
    return fail(done.error());
  return source;
}

std::array<std::uint8_t, node_bytes> encode_node(const log::node& source) {
  std::array<std::uint8_t, node_bytes> target{};
  for (std::size_t i = 0; i < 8; ++i)
    target[i] = static_cast<std::uint8_t>(source.size >> (8 * i));
  std::copy(source.hash.data.begin(), source.hash.data.end(), target.begin() + 8);
  return target;
}

std::optional<log::node> decode_node(std::uint64_t index, byte_view source) {
  log::node found;
  found.index = index;
  for (std::size_t i = 0; i < 8; ++i)
    found.size |= std::uint64_t{source[i]} << (8 * i);
  std::copy_n(source.begin() + 8, hash32::size, found.hash.data.begin());
  if (found.size == 0 && found.hash.is_zero())
    return std::nullopt;
  return found;
}

} // namespace corestore::migration::modern
