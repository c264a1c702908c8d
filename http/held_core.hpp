// A core that a request uses: opened for as long as the value lives.
#pragma once

#include "http/service.hpp"

namespace corestore::http {

class held_core {
public:
  /// Opens what `selector` names. not_found for a core that the store does not know, unless it may be created.
  static result<held_core> open(service& with, const socket& line, const core_selector& selector);
  /// Opens the core of a path: a key or a discovery key.
  static result<held_core> open(service& with, const exchange& call);

  held_core(held_core&& other) noexcept;
  held_core& operator=(held_core&&) = delete;
  held_core(const held_core&) = delete;
  held_core& operator=(const held_core&) = delete;
  ~held_core();

  [[nodiscard]] const core_actor& handle() const {
    return opened_.handle;
  }
  [[nodiscard]] const core_record& record() const {
    return opened_.record;
  }
  /// It stays open after this value, for as long as it is among the latest that were kept. Ends the value.
  void keep();

  template <class Answer, class... Content>
  result<Answer> ask(const exchange& call, std::chrono::milliseconds limit, Content&&... content) const {
    return with_->asking.ask<Answer>(call.line(), limit, opened_.handle, std::forward<Content>(content)...);
  }

private:
  held_core(service& with, opened_core opened) : with_(&with), opened_(std::move(opened)) {
    // nop
  }

  service* with_;
  opened_core opened_;
};

/// The core that a path names: by key or discovery key, never created. bad_argument for what is no key.
result<core_selector> select_known(std::string_view id);

} // namespace corestore::http
