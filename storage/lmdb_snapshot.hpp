// A snapshot on a pooled read transaction. Private to lmdb_*.cpp.
#pragma once

#include <memory>

#include "storage/backend.hpp"
#include "storage/journal_index.hpp"
#include "storage/lmdb_env.hpp"
#include "storage/read_ahead.hpp"
#include "storage/run_format.hpp"

namespace corestore::storage {

class lmdb_snapshot final : public snapshot {
public:
  /// The environment outlives every snapshot. `journal` may be null: then nothing is looked up there.
  lmdb_snapshot(std::shared_ptr<lmdb_env> env, std::unique_ptr<lmdb_txn> txn,
                std::shared_ptr<const journal_index> journal)
      : env_(std::move(env)), txn_(std::move(txn)), journal_(std::move(journal)), view_(txn_->number()) {
    // nop
  }
  lmdb_snapshot(const lmdb_snapshot&) = delete;
  lmdb_snapshot& operator=(const lmdb_snapshot&) = delete;
  ~lmdb_snapshot() override {
    env_->give_back(std::move(txn_));
  }

  [[nodiscard]] lmdb_txn& transaction() const {
    return *txn_;
  }

  [[nodiscard]] result<std::optional<log::core_header>> header(const discovery_key& discovery) const override;
  [[nodiscard]] result<std::optional<discovery_key>> alias(const namespace_id& name_space,
                                                           std::string_view name) const override;
  result<void> headers_after(const discovery_key& after, const header_visitor& visit) const override;
  [[nodiscard]] result<std::uint64_t> core_count() const override;
  result<void> aliases_after(const namespace_id& name_space, std::string_view after,
                             const alias_visitor& visit) const override;
  [[nodiscard]] result<std::optional<log::namespace_link>> child_after(const namespace_id& parent,
                                                                       std::string_view after) const override;
  result<void> each_mirrored(const std::function<bool(const discovery_key&, const core_key&)>& visit) const override;
  [[nodiscard]] result<log::tree_head> head(log::core_number number) const override;
  [[nodiscard]] result<log::bitfield> bits(log::core_number number) const override;
  [[nodiscard]] result<std::optional<log::node>> node(log::core_number number, std::uint64_t index) const override;
  [[nodiscard]] result<std::optional<shared_bytes>> block(log::core_number number, std::uint64_t index) const override;
  [[nodiscard]] result<std::optional<bytes>> user_data(log::core_number number, std::string_view name) const override;
  result<void> each_user_data(log::core_number number, const user_data_visitor& visit) const override;
  [[nodiscard]] result<std::optional<signature64>> signature(log::core_number number,
                                                             std::uint64_t length) const override;
  [[nodiscard]] result<std::optional<group_place>> group(log::core_number number) const override;
  result<void> group_changes(const hash32& topic, const group_range& range, const change_visitor& visit) const override;
  result<void> each_block(log::core_number number, log::block_range range,
                          const std::function<bool(std::uint64_t index, byte_view value)>& visit) const override;

private:
  using block_visitor = std::function<bool(std::uint64_t index, byte_view value)>;

  [[nodiscard]] shared_bytes copy_of(log::core_number number, std::uint64_t index, byte_view value) const;

  /// The journal entry with the first block at or after `block`.
  [[nodiscard]] std::optional<journal_index::place> journalled_from(log::core_number number, std::uint64_t block) const;

  /// The run of the journal that holds `block`. Points into the map.
  [[nodiscard]] result<std::optional<run_view>> journalled(log::core_number number, std::uint64_t block) const;

  /// Whether the visitor wants more.
  [[nodiscard]] result<bool> each_in_tables(log::core_number number, log::block_range range,
                                            const block_visitor& visit) const;
  [[nodiscard]] result<bool> each_in_run(const run_view& run, log::core_number number, log::block_range range,
                                         const block_visitor& visit) const;

  std::shared_ptr<lmdb_env> env_;
  std::unique_ptr<lmdb_txn> txn_;
  std::shared_ptr<const journal_index> journal_;
  journal_index::transaction view_;
  mutable read_ahead ahead_; ///< changes nothing that anybody reads
};

} // namespace corestore::storage
