// One core as another implementation left it in files: what its directory says, and where the rest is read from.
// Nothing of it is trusted; transfer.hpp verifies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/node.hpp"

namespace corestore::migration {

struct core_facts {
  std::filesystem::path place;
  log::core_header header;              ///< key, generation, manifest; origin `foreign` with the pair, or `none`
  std::optional<log::core_alias> alias; ///< the name that leads to it
  log::tree_head head;                  ///< the newest one whose signature holds
  log::bitfield bits;                   ///< blocks said to be there, below the head's length
  std::vector<log::user_entry> user_data;
  std::vector<std::string> complaints; ///< what is wrong and did not keep the rest from being read
  std::uint64_t data_bytes = 0;        ///< what its blocks take on the disk, about
};

class core_source : public log::node_source {
public:
  [[nodiscard]] const core_facts& facts() const {
    return facts_;
  }

  /// The bytes of a block; where they begin and how many they are follows from the tree. decoding_failed when they are
  /// not all there.
  [[nodiscard]] virtual result<shared_bytes> block_bytes(std::uint64_t index, std::uint64_t offset,
                                                         std::size_t size) const = 0;

  /// The signature of exactly that length (generation 9).
  [[nodiscard]] virtual result<std::optional<signature64>> signature_at(std::uint64_t /*length*/) const {
    return std::optional<signature64>{};
  }

protected:
  core_facts facts_;
};

} // namespace corestore::migration
