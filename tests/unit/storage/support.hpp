// Temporary stores, change sets made up for tests, and disks that fail.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/change_set.hpp"
#include "storage/backend.hpp"
#include "storage/open.hpp"

namespace corestore::storage::testing {

/// Removed with everything in it when it goes out of scope.
class temporary_directory {
public:
  temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory();

  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }
  [[nodiscard]] std::filesystem::path store() const {
    return path_ / "store";
  }

private:
  std::filesystem::path path_;
};

/// A log whose bytes, sizes and hashes follow from (salt, index), so that any part of it can be made up and checked
/// without keeping it. Storage never looks into a hash: these are not real ones.
class made_up_log {
public:
  explicit made_up_log(std::uint64_t salt = 1, std::size_t block_bytes_max = 100)
      : salt_(salt), block_bytes_max_(block_bytes_max) {
    // nop
  }

  [[nodiscard]] bytes block(std::uint64_t index) const;
  [[nodiscard]] log::node node(std::uint64_t index) const;
  [[nodiscard]] log::tree_head head(std::uint64_t length, std::uint64_t fork = 0) const;
  [[nodiscard]] log::block_run run(std::uint64_t first, std::uint64_t end) const;

  /// The nodes that blocks `[start, end)` complete.
  [[nodiscard]] std::vector<log::node> nodes(std::uint64_t start, std::uint64_t end) const;

private:
  [[nodiscard]] std::size_t size(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t offset(std::uint64_t index) const; ///< bytes before the block

  std::uint64_t salt_;
  std::size_t block_bytes_max_;
  mutable std::vector<std::uint64_t> offsets_{0};
};

inline constexpr log::core_number core_a{7};
inline constexpr log::core_number core_b{8};

/// Appends `[start, end)` as one run with head and contiguous length.
log::change_set append_of(const made_up_log& source, log::core_number number, std::uint64_t start, std::uint64_t end);

/// The blocks at `indices` with the nodes that they complete.
log::change_set sparse_of(const made_up_log& source, log::core_number number,
                          const std::vector<std::uint64_t>& indices);

/// A change set that changes nothing.
log::change_set no_change(log::core_number number);

log::core_header header_of(log::core_number number);

/// Fails the n-th call from now of each kind, once; counts all of them.
class failing_disk final : public fault_hook {
public:
  struct plan {
    int code = 0; ///< 0: nothing planned
    std::uint64_t after = 0;
  };
  plan put;
  plan commit;
  plan sync;
  std::uint64_t puts = 0;

  int before_put() override;
  int before_commit() override;
  int before_sync() override;
};

/// A backend that can be closed and opened again where that means something.
class store_fixture {
public:
  virtual ~store_fixture() = default;
  virtual backend& store() = 0;
  virtual void reopen() = 0;
};
std::unique_ptr<store_fixture> memory_fixture(position_clock clock = nullptr);
std::unique_ptr<store_fixture> lmdb_fixture(journal_limits journal = {}, position_clock clock = nullptr);

} // namespace corestore::storage::testing
