#include "migration/core_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "log/flat_tree.hpp"
#include "log/hashes.hpp"
#include "log/manifest.hpp"
#include "migration/legacy_format.hpp"
#include "migration/modern_directory.hpp"
#include "migration/oplog.hpp"
#include "migration/output_file.hpp"
#include "migration/transfer.hpp"
#include "migration/tree_walk.hpp"

namespace corestore::migration {

namespace {

constexpr std::uint64_t modern_page_bits = 32768;

class core_writer : public walk_visitor {
public:
  core_writer(const core_source& source, std::filesystem::path directory, const export_options& options)
      : source_(source), directory_(std::move(directory)), options_(options) {
    // nop
  }

  result<export_report> run() {
    if (auto made = make_empty_directory(directory_); !made)
      return fail(made.error());
    if (auto begun = begin(); !begun)
      return fail(begun.error());
    if (auto walked = walk(source_, *this); !walked)
      return fail(walked.error());
    if (auto ended = end(); !ended)
      return fail(ended.error());
    return std::move(report_);
  }

  result<bool> is_known(const log::node&) override {
    if (options_.is_ending && options_.is_ending())
      return fail(ec::cancelled);
    return false;
  }
  void on_root(bool) override {
    // nop
  }
  result<void> on_block(std::uint64_t index, std::uint64_t offset, const shared_bytes& value) override {
    bits_.set({index, index + 1});
    ++report_.blocks;
    report_.bytes += value.size();
    if (options_.progress)
      options_.progress(report_.blocks, report_.bytes);
    return value.empty() ? result<void>{} : data_->write(offset, value.view());
  }
  void on_damage(log::block_range blocks, const std::string& reason) override {
    auto end = std::min(blocks.end, source_.facts().head.length);
    report_.damaged += source_.facts().bits.count({blocks.start, end});
    on_fault("blocks from " + std::to_string(blocks.start) + " to " + std::to_string(end - 1) + ": " + reason);
  }
  void on_fault(const std::string& reason) override {
    if (report_.faults.size() < transfer_report::faults_max)
      report_.faults.push_back(reason);
  }

protected:
  /// Opens the files that the walk writes to.
  virtual result<void> begin() = 0;
  /// Writes the rest.
  virtual result<void> end() = 0;

  result<void> create(std::optional<output_file>& target, const char* name) {
    auto made = output_file::create(directory_ / name);
    if (!made)
      return fail(made.error());
    target.emplace(std::move(*made));
    return {};
  }
  result<void> write(const char* name, byte_view content) const {
    return write_file(directory_ / name, content);
  }
  [[nodiscard]] const core_facts& facts() const {
    return source_.facts();
  }
  [[nodiscard]] const export_options& options() const {
    return options_;
  }

  std::optional<output_file> data_;
  std::optional<output_file> tree_;
  log::bitfield bits_;

private:
  const core_source& source_;
  std::filesystem::path directory_;
  const export_options& options_;
  export_report report_;
};

class legacy_writer final : public core_writer {
public:
  using core_writer::core_writer;

  result<void> on_node(const log::node& node) override {
    nodes_.set({node.index, node.index + 1});
    return tree_->write(legacy::header_bytes + legacy::node_bytes * node.index, legacy::encode_node(node));
  }
  result<void> on_signature(const log::length_signature& signature) override {
    return signatures_->write(legacy::header_bytes + legacy::signature_bytes * (signature.length - 1),
                              signature.signature.view());
  }

protected:
  result<void> begin() override {
    for (auto [target, name, type] : {std::tuple{&tree_, "tree", legacy::file_type::tree},
                                      std::tuple{&signatures_, "signatures", legacy::file_type::signatures}}) {
      if (auto made = create(*target, name); !made)
        return made;
      if (auto done = (*target)->write(0, legacy::encode_header(legacy::header_of(type))); !done)
        return done;
    }
    return facts().head.length > 0 ? create(data_, "data") : result<void>{};
  }

  result<void> end() override {
    const auto& head = facts().head;
    if (auto newest = signature64::from(head.signature); newest && head.length > 0)
      if (auto done = on_signature({head.length, *newest}); !done)
        return done;
    for (auto* file : {&tree_, &signatures_, &data_})
      if (*file)
        if (auto done = (*file)->finish(); !done)
          return done;
    auto bitfield = legacy::encode_header(legacy::header_of(legacy::file_type::bitfield));
    auto pages = legacy::encode_pages({std::move(bits_), std::move(nodes_)}, head.length);
    bitfield.insert(bitfield.end(), pages.begin(), pages.end());
    if (auto done = write("bitfield", bitfield); !done)
      return done;
    if (auto done = write_secret(); !done)
      return done;
    return write("key", facts().header.key.view());
  }

private:
  result<void> write_secret() {
    const auto& header = facts().header;
    if (!header.pair)
      return {};
    if (options().has_root_secret && header.origin == log::key_origin::derived)
      return write("name", legacy::encode_name(header.name));
    return write("secret_key", header.pair->secret_part.view());
  }

  std::optional<output_file> signatures_;
  log::bitfield nodes_;
};

class modern_writer final : public core_writer {
public:
  using core_writer::core_writer;

  result<void> on_node(const log::node& node) override {
    return tree_->write(modern::node_bytes * node.index, modern::encode_node(node));
  }
  result<void> on_signature(const log::length_signature&) override {
    return {};
  }

protected:
  result<void> begin() override {
    const auto& encoded = facts().header.manifest;
    if (!encoded.empty()) {
      auto manifest = log::decode_manifest(encoded);
      if (!manifest)
        return fail(manifest.error());
      if (manifest->version > 1)
        return fail(ec::unsupported, "its manifest has version " + std::to_string(manifest->version) +
                                       ", which hypercore 10 does not know");
    }
    if (auto made = create(tree_, "tree"); !made)
      return made;
    return create(data_, "data");
  }

  result<void> end() override {
    for (auto* file : {&tree_, &data_})
      if (auto done = (*file)->finish(); !done)
        return done;
    auto contiguous = bits_.contiguous_length();
    if (auto done = write("bitfield", encode_bits()); !done)
      return done;
    auto encoded = oplog::encode_header(header_with(contiguous));
    if (encoded.size() <= oplog::slot_header_bytes_max)
      return write("oplog", oplog::encode_file(encoded));
    if (auto done = write("header", encoded); !done)
      return done;
    return write("oplog", oplog::encode_file_external(encoded.size()));
  }

private:
  [[nodiscard]] bytes encode_bits() const {
    auto pages = (facts().head.length + modern_page_bits - 1) / modern_page_bits;
    auto words = bits_.words({0, pages * modern_page_bits});
    bytes target;
    target.reserve(4 * words.size());
    for (auto word : words)
      for (unsigned shift = 0; shift < 32; shift += 8)
        target.push_back(static_cast<std::uint8_t>(word >> shift));
    return target;
  }

  [[nodiscard]] oplog::header header_with(std::uint64_t contiguous) const {
    const auto& core = facts().header;
    const auto& head = facts().head;
    oplog::header header;
    header.key = core.key;
    header.manifest = core.manifest;
    if (core.pair) {
      header.public_part = to_bytes(core.pair->public_part.view());
      header.secret_part = to_bytes(core.pair->secret_part.view());
    }
    if (options().has_root_secret && core.origin == log::key_origin::derived) {
      header.user_data.push_back({std::string{modern::name_entry}, to_bytes(core.name)});
      header.user_data.push_back({std::string{modern::namespace_entry}, to_bytes(core.name_space.view())});
    }
    for (const auto& one : facts().user_data)
      if (one.value && one.name != modern::name_entry && one.name != modern::namespace_entry)
        header.user_data.push_back({one.name, *one.value});
    header.fork = head.fork;
    header.length = head.length;
    if (head.length > 0) {
      auto hash = log::tree_hash(head.roots);
      header.root_hash = to_bytes(hash.view());
      header.signature = head.signature;
    }
    header.contiguous_length = contiguous;
    return header;
  }
};

} // namespace

result<export_report> write_core(const core_source& source, const std::filesystem::path& directory,
                                 const export_options& options) {
  if (source.facts().header.generation == log::generation::g9)
    return legacy_writer{source, directory, options}.run();
  return modern_writer{source, directory, options}.run();
}

std::filesystem::path place_of(const discovery_key& discovery) {
  auto name = text::to_hex(discovery.view());
  return std::filesystem::path{name.substr(0, 2)} / name.substr(2, 2) / name;
}

} // namespace corestore::migration
