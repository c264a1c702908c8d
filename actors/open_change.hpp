// A change set that waits for the writer and may become longer until the writer takes it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "log/change_set.hpp"

namespace corestore::actors {

/// Shared between the core that stages and the writer.
class open_change {
public:
  using content = std::shared_ptr<const log::change_set>;

  explicit open_change(content staged) : content_(std::move(staged)) {
    // nop
  }
  open_change(const open_change&) = delete;
  open_change& operator=(const open_change&) = delete;

  [[nodiscard]] bool is_taken() const {
    const std::lock_guard guard{mutex_};
    return is_taken_;
  }

  /// Puts another one in its place; false when the writer has it already.
  bool replace(content staged) {
    const std::lock_guard guard{mutex_};
    if (is_taken_)
      return false;
    content_ = std::move(staged);
    return true;
  }

  /// By the writer.
  content take() {
    const std::lock_guard guard{mutex_};
    is_taken_ = true;
    return std::move(content_);
  }

private:
  mutable std::mutex mutex_;
  content content_;
  bool is_taken_ = false;
};

} // namespace corestore::actors
