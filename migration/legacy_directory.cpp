#include "migration/legacy_directory.hpp"

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "log/flat_tree.hpp"
#include "log/legacy/keys.hpp"
#include "log/legacy/node_index.hpp"
#include "log/legacy/signing.hpp"
#include "migration/input_file.hpp"
#include "migration/key_material.hpp"
#include "migration/legacy_format.hpp"

namespace corestore::migration::legacy {

namespace {

constexpr std::size_t small_file_bytes_max = 65536;                   ///< key, name, secret key
constexpr std::uint64_t bitfield_bytes_max = std::uint64_t{1} << 30U; ///< 2,400 million blocks
constexpr std::uint64_t signatures_tried_max = 10000;                 ///< when the newest does not hold
constexpr std::uint64_t lengths_tried_max = std::uint64_t{1} << 24U;  ///< of which most have no signature
constexpr std::uint64_t scanned_nodes_max = std::uint64_t{1} << 28U;  ///< when there is no bitfield

/// Which nodes are known, by the bits.
class known_nodes final : public log::legacy::node_index {
public:
  explicit known_nodes(const log::bitfield& bits) : bits_(bits) {
    // nop
  }

  [[nodiscard]] bool contains(std::uint64_t index) const override {
    return bits_.test(index);
  }

private:
  const log::bitfield& bits_;
};

class directory_source final : public core_source {
public:
  result<void> open(const std::filesystem::path& directory, const std::optional<primary_key>& master);

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    std::array<std::uint8_t, node_bytes> entry{};
    if (!tree_ || index > log::flat_tree::index_max)
      return std::optional<log::node>{};
    if (auto done = tree_->read(header_bytes + node_bytes * index, entry); !done)
      return fail(done.error());
    return decode_node(index, entry);
  }

  [[nodiscard]] result<shared_bytes> block_bytes(std::uint64_t, std::uint64_t offset, std::size_t size) const override {
    if (size == 0)
      return shared_bytes{};
    if (!data_)
      return fail(ec::decoding_failed, "there is no file `data`");
    return data_->read(offset, size).map([](bytes&& content) { return shared_bytes{std::move(content)}; });
  }

  [[nodiscard]] result<std::optional<signature64>> signature_at(std::uint64_t length) const override {
    std::array<std::uint8_t, signature_bytes> entry{};
    if (!signatures_ || length == 0 || length > log::flat_tree::length_max)
      return std::optional<signature64>{};
    if (auto done = signatures_->read(header_bytes + signature_bytes * (length - 1), entry); !done)
      return fail(done.error());
    auto found = signature64::from(entry);
    return found->is_zero() ? std::nullopt : found;
  }

private:
  result<void> read_keys(const std::optional<primary_key>& master);
  result<std::optional<chunked_file>> open_entries(const char* name, file_type type);
  result<void> read_bits();
  result<void> guess_bits(const char* why);
  result<void> find_head();
  result<bool> adopt(std::uint64_t length);

  void complain(std::string what) {
    facts_.complaints.push_back(std::move(what));
  }

  std::optional<input_file> bitfield_; ///< stays open for its lock
  std::optional<chunked_file> tree_;
  std::optional<chunked_file> signatures_;
  std::optional<input_file> data_;
  bit_content bits_;
  bool are_bits_guessed_ = false; ///< from the tree, which then says how far they go
};

result<void> directory_source::open(const std::filesystem::path& directory, const std::optional<primary_key>& master) {
  facts_.place = directory;
  facts_.header.generation = log::generation::g9;
  auto bitfield = input_file::open(directory / "bitfield");
  if (!bitfield)
    return fail(bitfield.error());
  bitfield_ = std::move(*bitfield);
  if (bitfield_)
    if (auto free = bitfield_->lock_shared(); !free)
      return free;
  if (auto done = read_keys(master); !done)
    return done;
  auto tree = open_entries("tree", file_type::tree);
  if (!tree)
    return fail(tree.error());
  tree_ = std::move(*tree);
  auto signatures = open_entries("signatures", file_type::signatures);
  if (!signatures)
    return fail(signatures.error());
  signatures_ = std::move(*signatures);
  auto data = input_file::open(directory / "data");
  if (!data)
    return fail(data.error());
  data_ = std::move(*data);
  if (data_)
    facts_.data_bytes = std::min(data_->size(), data_->allocated());
  if (auto done = read_bits(); !done)
    return done;
  return find_head();
}

result<void> directory_source::read_keys(const std::optional<primary_key>& master) {
  auto read = [this](const char* name) -> result<std::optional<bytes>> {
    auto file = input_file::open(facts_.place / name);
    if (!file)
      return fail(file.error());
    if (!*file)
      return std::optional<bytes>{};
    auto content = (*file)->read_all(small_file_bytes_max);
    if (!content)
      return fail(content.error());
    return std::optional<bytes>{std::move(*content)};
  };
  auto key = read("key");
  if (!key)
    return fail(key.error());
  if (!*key || (*key)->size() != core_key::size)
    return fail(ec::not_found, facts_.place.string() + " holds no core: there is no key of 32 bytes");
  auto signer = public_key::from(**key);
  auto identity = log::legacy::identity_of(*signer);
  facts_.header.key = identity.key;
  facts_.header.discovery = identity.discovery;

  auto name = read("name");
  if (!name)
    return fail(name.error());
  if (*name) {
    auto decoded = decode_name(**name);
    if (!decoded)
      complain("the file `name` is damaged");
    else if (!master)
      complain("no master key derives the key pair of " + shown_name(*decoded));
    else if (auto pair = log::legacy::derive_key_pair(*master, *decoded); pair.public_part != *signer)
      complain("another master key: it does not derive this core from " + shown_name(*decoded));
    else
      own(facts_, pair, log::legacy::alias_space(), *decoded);
  }
  auto secret = read("secret_key");
  if (!secret)
    return fail(secret.error());
  if (*secret && facts_.header.origin == log::key_origin::none) {
    auto pair = pair_of(*signer, **secret);
    if (pair)
      own(facts_, *pair);
    else
      complain("the file `secret_key` does not belong to the key");
  }
  return {};
}

result<std::optional<chunked_file>> directory_source::open_entries(const char* name, file_type type) {
  auto file = input_file::open(facts_.place / name);
  if (!file)
    return fail(file.error());
  if (!*file) {
    complain(std::string{"there is no file `"} + name + "`");
    return std::optional<chunked_file>{};
  }
  auto start = (*file)->read_some(0, header_bytes);
  if (!start)
    return fail(start.error());
  if (auto header = decode_header(*start, type); !header) {
    complain(std::string{"the file `"} + name + "` is damaged: " + header.error().detail);
    return std::optional<chunked_file>{};
  }
  return std::optional<chunked_file>{std::in_place, std::move(**file)};
}

result<void> directory_source::read_bits() {
  if (!bitfield_)
    return guess_bits("there is no file `bitfield`");
  auto start = bitfield_->read_some(0, header_bytes);
  if (!start)
    return fail(start.error());
  auto header = decode_header(*start, file_type::bitfield);
  if (!header || bitfield_->size() > bitfield_bytes_max)
    return guess_bits("the file `bitfield` is damaged");
  for (std::uint64_t page = 0;; ++page) {
    auto content = bitfield_->read_some(header_bytes + page * header->entry_bytes, header->entry_bytes);
    if (!content)
      return fail(content.error());
    auto is_first_missing = page == 0 && content->empty() && tree_ && tree_->file().size() >= header_bytes + node_bytes;
    if (is_first_missing || (!content->empty() && content->size() < header->entry_bytes))
      return guess_bits("the file `bitfield` is cut off");
    if (content->empty())
      return {};
    load_page(bits_, page, *content);
  }
}

/// Without bits, a node that is stored is known, and every block may be there.
result<void> directory_source::guess_bits(const char* why) {
  complain(std::string{why} + ": every block that matches its hash is taken");
  are_bits_guessed_ = true;
  bits_ = {};
  if (!tree_)
    return {};
  auto count = tree_->file().size() / node_bytes;
  for (std::uint64_t index = 0; index < std::min(count, scanned_nodes_max); ++index) {
    auto found = node_at(index);
    if (!found)
      return fail(found.error());
    if (*found)
      bits_.nodes.set({index, index + 1});
    if (*found && log::flat_tree::is_leaf(index))
      bits_.blocks.set({index / 2, index / 2 + 1});
  }
  return {};
}

/// Whether the log of that length is signed; then it is the head.
result<bool> directory_source::adopt(std::uint64_t length) {
  auto signature = signature_at(length);
  if (!signature)
    return fail(signature.error());
  if (!*signature)
    return false;
  log::tree_head head;
  head.length = length;
  for (auto index : log::flat_tree::full_roots(length)) {
    auto root = node_at(index);
    if (!root)
      return fail(root.error());
    if (!*root || (*root)->size > limits::safe_integer_max - head.byte_length)
      return false;
    head.byte_length += (*root)->size;
    head.roots.push_back(**root);
  }
  head.signature = to_bytes((*signature)->view());
  if (!log::legacy::verify_head(facts_.header.key, head))
    return false;
  facts_.head = std::move(head);
  return true;
}

result<void> directory_source::find_head() {
  known_nodes known{bits_.nodes};
  std::uint64_t top = 0;
  auto bits_end = are_bits_guessed_ ? 2 * (tree_ ? tree_->file().size() : 0)
                                    : bitfield_->size() / page_bytes * nodes_per_page + nodes_per_page;
  for (std::uint64_t edge = 0; edge < bits_end; edge = log::flat_tree::parent(edge))
    if (known.contains(edge))
      top = edge;
  auto claimed = log::legacy::verified_length(known, top);
  std::uint64_t tried = 0;
  for (auto length = claimed; length > 0 && claimed - length < lengths_tried_max; --length) {
    auto found = adopt(length);
    if (!found)
      return fail(found.error());
    if (*found)
      break;
    auto signature = signature_at(length);
    if (length == claimed)
      complain("length " + std::to_string(length) + " is not signed");
    else if (signature && *signature && ++tried >= signatures_tried_max)
      break;
  }
  facts_.bits = std::move(bits_.blocks);
  if (facts_.head.length < claimed) {
    complain("the log ends at " + std::to_string(facts_.head.length) + " blocks, the newest length that is signed");
  }
  facts_.bits.clear({facts_.head.length, log::flat_tree::length_max}); // a truncation leaves some behind
  return {};
}

} // namespace

bool is_core_directory(const std::filesystem::path& directory) {
  auto key = input_file::open(directory / "key");
  return key && *key && (*key)->size() == core_key::size;
}

result<std::unique_ptr<core_source>> open_directory(const std::filesystem::path& directory,
                                                    const std::optional<primary_key>& master) {
  auto source = std::make_unique<directory_source>();
  if (auto done = source->open(directory, master); !done)
    return fail(done.error());
  return source;
}

} // namespace corestore::migration::legacy
