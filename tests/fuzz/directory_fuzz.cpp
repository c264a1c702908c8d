// Input: which of them, then the files of a core of hypercore 9 or 10, each with its length in front (u16le): key,
// name, secret_key, bitfield, tree, signatures, data | oplog, bitfield, tree, data, header. It is opened and walked
// like a core that is imported: whatever comes out of it has been verified, and nothing ends the process.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "log/hashes.hpp"
#include "migration/legacy_directory.hpp"
#include "migration/modern_directory.hpp"
#include "migration/tree_walk.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

class verifier final : public walk_visitor {
public:
  explicit verifier(const core_source& source) : source_(source) {
    // nop
  }

  result<bool> is_known(const log::node&) override {
    return ++nodes_ > 100000 ? result<bool>{fail(ec::cancelled)} : result<bool>{false};
  }
  void on_root(bool) override {
    // nop
  }
  result<void> on_block(std::uint64_t index, std::uint64_t, const shared_bytes& value) override {
    auto leaf = source_.node_at(2 * index);
    CORESTORE_CHECK(leaf && *leaf);
    CORESTORE_CHECK((*leaf)->hash == log::leaf_hash(value.view(), source_.facts().header.generation));
    return {};
  }
  result<void> on_node(const log::node&) override {
    return {};
  }
  result<void> on_signature(const log::length_signature&) override {
    return {};
  }
  void on_damage(log::block_range blocks, const std::string&) override {
    CORESTORE_CHECK(blocks.start < blocks.end);
  }
  void on_fault(const std::string&) override {
    // nop
  }

private:
  const core_source& source_;
  std::size_t nodes_ = 0;
};

const std::filesystem::path& scratch() {
  static const auto path = [] {
    auto pattern = (std::filesystem::temp_directory_path() / "corestore-fuzz-XXXXXX").string();
    CORESTORE_CHECK(::mkdtemp(pattern.data()) != nullptr);
    static const struct remover {
      std::filesystem::path path;
      ~remover() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
      }
    } at_exit{pattern};
    return at_exit.path;
  }();
  return path;
}

void lay_out(byte_view input, const std::vector<const char*>& names) {
  for (const auto* name : names) {
    if (input.size() < 2)
      return;
    std::size_t size = input[0] | (input[1] << 8U);
    input = input.subspan(2);
    auto content = input.first(std::min(size, input.size()));
    input = input.subspan(content.size());
    if (size > 0)
      std::ofstream{scratch() / name, std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                                              static_cast<std::streamsize>(content.size()));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  auto is_nine = (data[0] & 1U) != 0;
  for (const auto& old : std::filesystem::directory_iterator{scratch()})
    std::filesystem::remove(old);
  static const std::vector<const char*> nine{"key", "name", "secret_key", "bitfield", "tree", "signatures", "data"};
  static const std::vector<const char*> ten{"oplog", "bitfield", "tree", "data", "header"};
  lay_out({data + 1, size - 1}, is_nine ? nine : ten);
  auto source = is_nine ? legacy::open_directory(scratch(), primary_key{}) : modern::open_directory(scratch(), {});
  if (!source)
    return 0;
  verifier seen{**source};
  (void)walk(**source, seen);
  return 0;
}
