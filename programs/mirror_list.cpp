#include "programs/mirror_list.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "base/text.hpp"
#include "programs/ask.hpp"

namespace corestore::programs {

mirror_list::mirror_list(caf::actor_system& system, store_actor store) : self_(system), store_(std::move(store)) {
  // nop
}

result<std::vector<std::string>> mirror_list::apply(const std::vector<config::mirrored_core>& cores) {
  std::vector<std::string> changes;
  for (const auto& wanted : cores) {
    if (held_.contains(wanted))
      continue;
    core_selector selector;
    selector.kind = selector_kind::by_key;
    selector.id.data = wanted.key.data;
    selector.generation = wanted.generation;
    auto opened = ask<opened_core>(self_, store_, patience, open_atom_v, selector);
    if (!opened)
      return fail(opened.error());
    // The list is what is remembered: the core itself forgets with the process.
    auto core = caf::actor_cast<actors::local_core_actor>(opened->handle);
    if (auto on = ask<core_record>(self_, core, patience, mirror_atom_v, true, false); !on)
      return fail(on.error());
    held_.emplace(wanted, core);
    changes.push_back("mirrors " + text::to_hex(wanted.key.view()));
  }
  for (auto held = held_.begin(); held != held_.end();) {
    if (std::find(cores.begin(), cores.end(), held->first) != cores.end()) {
      ++held;
      continue;
    }
    if (auto off = ask<core_record>(self_, held->second, patience, mirror_atom_v, false, false); !off)
      return fail(off.error());
    changes.push_back("no longer mirrors " + text::to_hex(held->first.key.view()));
    held = held_.erase(held);
  }
  return changes;
}

} // namespace corestore::programs
