#include "http/held_core.hpp"

#include "base/text.hpp"

namespace corestore::http {

result<core_selector> select_known(std::string_view id) {
  auto parsed = text::parse_key<hash32>(id);
  if (!parsed)
    return fail(parsed.error());
  core_selector selector;
  selector.kind = selector_kind::by_id;
  selector.id = *parsed;
  selector.create = false;
  return selector;
}

result<held_core> held_core::open(service& with, const socket& line, const core_selector& selector) {
  auto opened = with.asking.ask<opened_core>(line, patience, with.store, open_atom_v, selector);
  if (!opened)
    return fail(opened.error());
  return held_core{with, std::move(*opened)};
}

result<held_core> held_core::open(service& with, const exchange& call) {
  auto selector = select_known(call.arguments.front());
  if (!selector)
    return fail(selector.error());
  return open(with, call.line(), *selector);
}

held_core::held_core(held_core&& other) noexcept
    : with_(std::exchange(other.with_, nullptr)), opened_(std::move(other.opened_)) {
  // nop
}

held_core::~held_core() {
  if (with_ != nullptr)
    with_->asking.tell<bool>(with_->store, close_atom_v, opened_.record.discovery);
}

void held_core::keep() {
  if (auto surplus = with_->kept.keep(opened_.record.discovery))
    with_->asking.tell<bool>(with_->store, close_atom_v, *surplus);
  with_ = nullptr;
}

} // namespace corestore::http
