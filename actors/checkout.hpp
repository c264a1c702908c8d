// A view of a core: what it was at one moment, and (a batch) what shall be appended to it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <caf/response_promise.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "base/error.hpp"
#include "log/encryption.hpp"
#include "log/head.hpp"
#include "log/manifest.hpp"
#include "log/tree_batch.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

struct checkout_arguments {
  local_core_actor core;
  std::shared_ptr<storage::backend> backend;
  core_record record; ///< of the core, when the view was begun
  log::core_header header;
  std::optional<log::manifest> manifest;
  log::tree_head head;  ///< of the core
  log::tree_head shown; ///< its first blocks that the view shows
  std::optional<log::block_cipher> cipher;
  bool is_writable = false;
};

class checkout_state {
public:
  using self_pointer = local_checkout_actor::stateful_pointer<checkout_state>;

  static inline const char* name = "checkout";

  void open(self_pointer self, checkout_arguments arguments);

  caf::result<shared_bytes> fetch(std::uint64_t index, std::uint64_t wait_ms);
  caf::result<block_batch> read(std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max);
  [[nodiscard]] core_record record() const;
  caf::result<append_result> append(const std::vector<shared_bytes>& blocks);
  caf::result<append_result> truncate(std::uint64_t length);
  caf::result<bytes> signable() const;
  caf::result<append_result> flush(bytes signature);
  [[nodiscard]] staged_batch_ptr staged(bytes signature) const;
  void on_truncation(const truncation& lost);
  void on_core_down();

private:
  std::uint64_t owe(caf::response_promise promise);
  void paid(std::uint64_t owed);
  template <class Answer, class... Content>
  caf::result<Answer> behind_the_news(Content... content);
  [[nodiscard]] append_result size() const;
  [[nodiscard]] log::tree_head head() const;
  [[nodiscard]] std::uint64_t fork() const;
  /// A block as it is stored; nothing when it is not here.
  [[nodiscard]] result<std::optional<shared_bytes>> stored(const storage::snapshot& source, std::uint64_t index) const;
  [[nodiscard]] result<shared_bytes> readable(std::uint64_t index, const shared_bytes& block) const;
  /// Whether the snapshot is of the history that this view knows; otherwise the news of its end are under way.
  [[nodiscard]] result<bool> is_known(const storage::snapshot& source) const;

  self_pointer self_ = nullptr;
  checkout_arguments begun_;
  log::tree_head base_; ///< shown of the core: `begun_.shown`, or less once a batch was truncated below it
  log::tree_batch tree_;
  std::vector<shared_bytes> blocks_; ///< staged, as they are to be stored
  std::size_t staged_bytes_ = 0;
  std::uint64_t known_fork_ = 0;
  std::uint64_t shared_length_ = 0;                     ///< blocks that the core still has as they were
  std::map<std::uint64_t, caf::response_promise> owed_; ///< what waits for an answer of the core
  std::uint64_t last_owed_ = 0;
  std::map<std::uint64_t, shared_bytes> rescued_; ///< blocks that it has no longer, as they were stored
};

local_checkout_actor::behavior_type checkout(checkout_state::self_pointer self, checkout_arguments arguments);

} // namespace corestore::actors
