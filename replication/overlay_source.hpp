// Nodes that are verified and not committed yet, on top of what is stored: later answers may build on earlier ones.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "log/node.hpp"

namespace corestore::replication {

using node_map = std::unordered_map<std::uint64_t, log::node>;

class overlay_source final : public log::node_source {
public:
  /// Both must outlive the overlay.
  overlay_source(const log::node_source& stored, const node_map& fresh) : stored_(stored), fresh_(fresh) {
    // nop
  }

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    if (const auto found = fresh_.find(index); found != fresh_.end())
      return found->second;
    return stored_.node_at(index);
  }

private:
  const log::node_source& stored_;
  const node_map& fresh_;
};

} // namespace corestore::replication
