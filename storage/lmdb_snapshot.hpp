// A snapshot on a pooled read transaction. Private to lmdb_*.cpp.
#pragma once

#include <memory>

#include "storage/backend.hpp"
#include "storage/lmdb_env.hpp"

namespace corestore::storage {

class lmdb_snapshot final : public snapshot {
public:
  /// The environment outlives every snapshot.
  lmdb_snapshot(std::shared_ptr<lmdb_env> env, std::unique_ptr<lmdb_txn> txn)
      : env_(std::move(env)), txn_(std::move(txn)) {
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
  [[nodiscard]] result<std::optional<signature64>> signature(log::core_number number,
                                                             std::uint64_t length) const override;
  result<void> each_block(log::core_number number, log::block_range range,
                          const std::function<bool(std::uint64_t index, byte_view value)>& visit) const override;

private:
  std::shared_ptr<lmdb_env> env_;
  std::unique_ptr<lmdb_txn> txn_;
};

} // namespace corestore::storage
