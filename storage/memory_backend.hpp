// The reference backend: ordered maps, nothing on disk. Slow and simple on purpose; the shared suite runs against it
// and against LMDB, and actors are tested on it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "storage/backend.hpp"
#include "storage/groups.hpp"

namespace corestore::storage {

struct memory_options {
  std::optional<primary_key> primary; ///< random when absent
  std::uint64_t limit_bytes = 0;      ///< a group that would take the stored payload above it is storage_full; 0 = none
  position_clock clock = nullptr;     ///< tests only
};

class memory_backend final : public backend {
public:
  struct contents; ///< everything stored; opaque

  /// What a snapshot shares with its backend besides the contents.
  struct sharing {
    std::mutex mutex;
    std::uint32_t readers = 0;
  };

  explicit memory_backend(memory_options options = {});
  ~memory_backend() override;
  memory_backend(const memory_backend&) = delete;
  memory_backend& operator=(const memory_backend&) = delete;

  result<void> apply(std::span<const log::change_set> group) override;
  result<void> sync() override;
  [[nodiscard]] result<std::unique_ptr<snapshot>> open_snapshot() override;
  [[nodiscard]] result<log::core_number> next_number() override;
  [[nodiscard]] primary_key root_key() const override;
  [[nodiscard]] statistics stats() const override;
  [[nodiscard]] durability mode() const override;

  /// Every later apply and sync fails with storage_poisoned, as after a failed sync of a disk.
  void poison();

private:
  memory_options options_;
  primary_key root_key_;

  // Snapshots share `contents_`; a change copies what a live snapshot still sees (see memory_backend.cpp).
  std::shared_ptr<sharing> sharing_;
  std::shared_ptr<contents> contents_;
  statistics statistics_;
  bool is_poisoned_ = false;
};

} // namespace corestore::storage
