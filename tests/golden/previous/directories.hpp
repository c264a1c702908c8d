// Recorded directories, laid out on the disk again.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "migration/core_source.hpp"
#include "migration/tree_walk.hpp"
#include "tests/support/temp_dir.hpp"

namespace corestore::golden {

using json = nlohmann::json;

inline bytes hex(const json& value) {
  return text::from_hex(value.get<std::string>()).value();
}

inline void lay_out(const std::filesystem::path& root, const json& files) {
  for (const auto& [name, content] : files.items()) {
    std::filesystem::create_directories((root / name).parent_path());
    auto raw = hex(content);
    std::ofstream{root / name, std::ios::binary}.write(reinterpret_cast<const char*>(raw.data()),
                                                       static_cast<std::streamsize>(raw.size()));
  }
}

inline bytes content_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Collects what a walk hands on.
class collector final : public migration::walk_visitor {
public:
  result<bool> is_known(const log::node&) override {
    return false;
  }
  void on_root(bool) override {
    // nop
  }
  result<void> on_block(std::uint64_t index, std::uint64_t, const shared_bytes& value) override {
    blocks[index] = to_bytes(value.view());
    return {};
  }
  result<void> on_node(const log::node& node) override {
    nodes[node.index] = node;
    return {};
  }
  result<void> on_signature(const log::length_signature& signature) override {
    signatures[signature.length] = signature.signature;
    return {};
  }
  void on_damage(log::block_range, const std::string& reason) override {
    faults.push_back(reason);
  }
  void on_fault(const std::string& reason) override {
    faults.push_back(reason);
  }

  std::map<std::uint64_t, bytes> blocks;
  std::map<std::uint64_t, log::node> nodes;
  std::map<std::uint64_t, signature64> signatures;
  std::vector<std::string> faults;
};

inline std::map<std::uint64_t, bytes> blocks_of(const json& recorded) {
  std::map<std::uint64_t, bytes> blocks;
  for (const auto& [index, value] : recorded.items())
    blocks[std::stoull(index)] = hex(value);
  return blocks;
}

} // namespace corestore::golden
