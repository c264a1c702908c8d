// The replication plan of a core, made when it is first needed: most open cores have neither peers nor wishes.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "actors/boxed.hpp"
#include "base/limits.hpp"
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
      for (const auto& name : extensions_.look())
        plan_->add_extension(name);
    }
    return plan_.get();
  }

  /// As the same of a replicator; a plan that is not there yet need not be made for it.
  bool add_extension(const std::string& name) {
    if (!extensions_.look().contains(name) && extensions_.look().size() >= limits::extensions_max)
      return false;
    extensions_.use().insert(name);
    return !plan_ || plan_->add_extension(name);
  }

  void remove_extension(const std::string& name) {
    extensions_.use().erase(name);
    if (plan_)
      plan_->remove_extension(name);
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
  on_demand<std::set<std::string>> extensions_;
  mutable std::unique_ptr<replication::any_replicator> plan_;
};

} // namespace corestore::actors
