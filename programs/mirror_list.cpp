#include "programs/mirror_list.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "base/text.hpp"
#include "programs/ask.hpp"

namespace corestore::programs {

namespace {

std::string shown(const core_key& key, const std::string& label) {
  return text::to_hex(key.view()) + (label.empty() ? "" : " (" + label + ")");
}

} // namespace

mirror_list::mirror_list(caf::actor_system& system, store_actor store) : self_(system), store_(std::move(store)) {
  // nop
}

result<std::vector<std::string>> mirror_list::apply(const std::vector<config::mirrored_core>& cores) {
  std::vector<std::string> changes;
  for (const auto& wanted : cores) {
    if (auto known = held_.find(wanted.key); known != held_.end()) {
      if (known->second.label != wanted.label)
        changes.push_back("mirrored core " + shown(wanted.key, known->second.label) + " is now called " +
                          (wanted.label.empty() ? "nothing" : wanted.label));
      known->second.label = wanted.label;
      continue;
    }
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
    held_.emplace(wanted.key, held_core{core, wanted.label});
    changes.push_back("mirrors " + shown(wanted.key, wanted.label));
  }
  for (auto held = held_.begin(); held != held_.end();) {
    auto is_it = [&](const config::mirrored_core& wanted) {
      return wanted.key == held->first;
    };
    if (std::any_of(cores.begin(), cores.end(), is_it)) {
      ++held;
      continue;
    }
    const auto& [core, label] = held->second;
    auto off = ask<core_record>(self_, core, patience, mirror_atom_v, false, false);
    if (!off)
      return fail(off.error());
    std::ignore = ask<bool>(self_, store_, patience, close_atom_v, off->discovery);
    changes.push_back("no longer mirrors " + shown(held->first, label));
    held = held_.erase(held);
  }
  return changes;
}

} // namespace corestore::programs
