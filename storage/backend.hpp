// The seam between a store and what keeps its bytes: groups of change sets in, snapshots out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "log/bitfield.hpp"
#include "log/change_set.hpp"
#include "log/head.hpp"
#include "log/node.hpp"
#include "storage/groups.hpp"

namespace corestore::storage {

enum class durability : std::uint8_t {
  commit,   ///< `apply` returns after the sync
  interval, ///< synced at an interval: a power cut may lose the last of it
  none      ///< synced on close only
};

struct statistics {
  std::uint64_t used_bytes = 0; ///< bytes of the pages in use
  std::uint64_t file_bytes = 0; ///< of the database on disk: those and the free ones
  std::uint64_t limit_bytes = 0;
  std::uint64_t quota_bytes = 0; ///< 0 = none
  std::uint64_t commits = 0;
  std::uint64_t syncs = 0;
  std::uint64_t bytes_written = 0; ///< payload of applied change sets
  std::uint32_t readers = 0;
  std::uint64_t free_bytes = 0;        ///< of pages that were given back and wait for new use
  std::uint64_t oldest_reader_lag = 0; ///< commits since the oldest open snapshot, of any process
};

/// A consistent view. Every read copies: nothing returned points into the map. Owned by one thread at a time; a
/// snapshot does not outlive the handler that opened it, because an old one keeps freed pages from being used again.
class snapshot {
public:
  virtual ~snapshot() = default;

  [[nodiscard]] virtual result<std::optional<log::core_header>> header(const discovery_key& discovery) const = 0;
  [[nodiscard]] virtual result<std::optional<discovery_key>> alias(const namespace_id& name_space,
                                                                   std::string_view name) const = 0;

  using header_visitor = std::function<bool(const log::core_header&)>;
  using alias_visitor = std::function<bool(std::string_view name, const discovery_key&)>;

  /// In byte order of the discovery keys, those after `after`; `visit` returns false to stop.
  virtual result<void> headers_after(const discovery_key& after, const header_visitor& visit) const = 0;
  result<void> each_header(const header_visitor& visit) const {
    return headers_after({}, visit);
  }

  /// Cores that have a header; does not walk them.
  [[nodiscard]] virtual result<std::uint64_t> core_count() const = 0;

  /// Aliases of one namespace in byte order of the names, those after `after`.
  virtual result<void> aliases_after(const namespace_id& name_space, std::string_view after,
                                     const alias_visitor& visit) const = 0;
  result<void> each_alias(const namespace_id& name_space, const alias_visitor& visit) const {
    return aliases_after(name_space, {}, visit);
  }

  /// The first namespace below `parent` whose name is after `after`, in byte order.
  [[nodiscard]] virtual result<std::optional<log::namespace_link>> child_after(const namespace_id& parent,
                                                                               std::string_view after) const = 0;

  /// Cores that are kept complete also after a restart.
  virtual result<void> each_mirrored(const std::function<bool(const discovery_key&, const core_key&)>& visit) const = 0;

  /// Head and contiguous length; an empty head when nothing was ever appended.
  [[nodiscard]] virtual result<log::tree_head> head(log::core_number number) const = 0;
  [[nodiscard]] virtual result<log::bitfield> bits(log::core_number number) const = 0;
  [[nodiscard]] virtual result<std::optional<log::node>> node(log::core_number number, std::uint64_t index) const = 0;
  [[nodiscard]] virtual result<std::optional<shared_bytes>> block(log::core_number number,
                                                                  std::uint64_t index) const = 0;

  /// What an application keeps beside the core under `name`.
  [[nodiscard]] virtual result<std::optional<bytes>> user_data(log::core_number number,
                                                               std::string_view name) const = 0;

  /// All of that, in byte order of the names.
  using user_data_visitor = std::function<bool(std::string_view name, byte_view value)>;
  virtual result<void> each_user_data(log::core_number number, const user_data_visitor& visit) const = 0;

  /// The signature of exactly that length (generation 9 keeps one for every batch).
  [[nodiscard]] virtual result<std::optional<signature64>> signature(log::core_number number,
                                                                     std::uint64_t length) const = 0;

  /// The group that a core is in.
  [[nodiscard]] virtual result<std::optional<group_place>> group(log::core_number number) const = 0;

  /// The cores of a group by the last change of each, which is one to its head; `visit` returns false to stop.
  using change_visitor = std::function<bool(std::uint64_t position, const discovery_key& core)>;
  virtual result<void> group_changes(const hash32& topic, const group_range& range,
                                     const change_visitor& visit) const = 0;

  /// Calls `visit` for the stored blocks of `range` in order, skipping gaps; reads each run once.
  virtual result<void> each_block(log::core_number number, log::block_range range,
                                  const std::function<bool(std::uint64_t index, byte_view value)>& visit) const = 0;
};

class backend {
public:
  virtual ~backend() = default;

  /// Applies every change set in one transaction, or none of them. Only the writer calls it, always from one thread.
  /// storage_full fails this group and nothing else; storage_poisoned after a failed sync is for ever.
  virtual result<void> apply(std::span<const log::change_set> group) = 0;

  /// Makes everything applied so far durable, whatever the durability.
  virtual result<void> sync() = 0;

  [[nodiscard]] virtual result<std::unique_ptr<snapshot>> open_snapshot() = 0;

  /// Number that the next new core gets: one past the highest ever used.
  [[nodiscard]] virtual result<log::core_number> next_number() = 0;

  // -- upkeep; a backend that keeps nothing on disk answers `unsupported`

  /// Copies what is committed now into a new or empty directory, beside readers and the writer, from any thread; the
  /// bytes of the copy. It is marked as a backup: see restore.hpp. `is_compact` leaves free pages out. bad_argument
  /// when something is there, storage_failed, storage_full; then nothing is left behind.
  virtual result<std::uint64_t> copy_to(const std::filesystem::path& /*directory*/, bool /*is_compact*/) {
    return fail(ec::unsupported, "this store is not on a disk");
  }

  /// Gives free pages back to the file system. Only the writer calls it. timed_out when a snapshot or a copy stayed
  /// open, storage_full when there is no room for the copy that takes the place of the file: nothing changed then.
  virtual result<void> compact() {
    return fail(ec::unsupported, "this store is not on a disk");
  }

  /// Whether the store came from a backup, and nobody has said that what is created from now on is really new.
  [[nodiscard]] virtual bool is_restored() const {
    return false;
  }
  /// Says so, for ever. Only the writer calls it.
  virtual result<void> end_restoration() {
    return {};
  }

  [[nodiscard]] virtual primary_key root_key() const = 0;
  [[nodiscard]] virtual statistics stats() const = 0;
  [[nodiscard]] virtual durability mode() const = 0;
};

/// One core of a snapshot as the log room wants to see it. Both must outlive the view.
class core_view final : public log::log_source {
public:
  core_view(const snapshot& source, log::core_number number) : source_(source), number_(number) {
    // nop
  }

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    return source_.node(number_, index);
  }

  [[nodiscard]] result<std::optional<shared_bytes>> block_at(std::uint64_t index) const override {
    return source_.block(number_, index);
  }

  [[nodiscard]] result<std::optional<signature64>> signature_at(std::uint64_t length) const override {
    return source_.signature(number_, length);
  }

private:
  const snapshot& source_;
  log::core_number number_;
};

} // namespace corestore::storage
