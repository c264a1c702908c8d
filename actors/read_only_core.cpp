#include "actors/read_only_core.hpp"

#include <caf/all.hpp>

namespace corestore::actors {

namespace {

caf::error refusal() {
  return make_error(ec::not_writable, "this handle was opened read-only");
}

/// An untyped actor, because it treats messages alike that it does not know.
caf::behavior read_only_core(caf::event_based_actor* self, const core_actor& core) {
  self->set_default_handler([self, target = caf::actor_cast<caf::actor>(core)](
                              caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
    self->delegate(target, view.move_content_to_message());
    return caf::delegated<caf::message>{};
  });
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  self->monitor(core);
  return {
    [](append_atom, const std::vector<shared_bytes>&) -> caf::result<append_result> { return refusal(); },
    [](append_atom, const std::vector<shared_bytes>&, const bytes&) -> caf::result<append_result> { return refusal(); },
    [](truncate_atom, std::uint64_t, std::uint64_t) -> caf::result<core_record> { return refusal(); },
    [](clear_atom, std::uint64_t, std::uint64_t) -> caf::result<clear_result> { return refusal(); },
    [](sweep_atom) -> caf::result<clear_result> { return refusal(); },
    [](mark_atom, std::uint64_t, std::uint64_t) -> caf::result<bool> { return refusal(); },
    [](put_atom, const std::string&, const bytes&) -> caf::result<bool> { return refusal(); },
    [](repair_atom) -> caf::result<repair_report> { return refusal(); },
    [](import_atom, const bytes&) -> caf::result<std::uint64_t> { return refusal(); },
    [](fence_atom, bool) -> caf::result<core_record> { return refusal(); },
    [](group_atom, const bytes&) -> caf::result<core_record> { return refusal(); },
    [](commit_atom, const std::vector<checkout_actor>&) -> caf::result<std::vector<append_result>> {
      return refusal();
    },
    [self, target = caf::actor_cast<caf::actor>(core)](checkout_atom,
                                                       const checkout_request& request) -> caf::result<checkout_actor> {
      if (request.is_writable)
        return refusal();
      self->delegate(target, checkout_atom_v, request);
      return caf::delegated<checkout_actor>{};
    },
  };
}

} // namespace

core_actor read_only(caf::actor_system& system, const core_actor& core) {
  return caf::actor_cast<core_actor>(system.spawn(read_only_core, core));
}

} // namespace corestore::actors
