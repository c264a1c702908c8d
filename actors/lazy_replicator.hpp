// The replication plan of a core, made when it is first needed: most open cores have neither peers nor wishes.
#pragma once

#include <memory>
#include <optional>

#include "replication/any_replicator.hpp"

namespace corestore::actors {

class lazy_replicator {
public:
  /// Both must outlive this.
  void prepare(const log::core_state& state, const replication::replicator_settings& settings) {
    state_ = &state;
    settings_ = &settings;
  }

  /// For a plan that is not there yet: owners hold the core.
  void download_from_start() {
    is_downloading_ = true;
  }

  replication::any_replicator* operator->() const {
    if (!plan_) {
      auto settings = *settings_;
      settings.is_downloading = settings.is_downloading || is_downloading_;
      plan_ = std::make_unique<replication::any_replicator>(*state_, settings);
    }
    return plan_.get();
  }

  [[nodiscard]] bool is_present() const {
    return plan_ != nullptr;
  }

  [[nodiscard]] bool is_quiet() const {
    return !plan_ || plan_->is_quiet();
  }

  [[nodiscard]] bool is_update_settled() const {
    return !plan_ || plan_->is_update_settled();
  }

private:
  const log::core_state* state_ = nullptr;
  const replication::replicator_settings* settings_ = nullptr;
  bool is_downloading_ = false;
  mutable std::unique_ptr<replication::any_replicator> plan_;
};

} // namespace corestore::actors
