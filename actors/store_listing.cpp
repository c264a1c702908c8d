// What a store tells of its cores and of itself.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "actors/store.hpp"
#include "log/namespaces.hpp"

namespace corestore::actors {

namespace {

constexpr std::uint32_t page_records_max = 10000;

std::string_view name_of(storage::durability mode) {
  switch (mode) {
  case storage::durability::commit:
    return "commit";
  case storage::durability::interval:
    return "interval";
  case storage::durability::none:
    return "none";
  }
  return "unknown";
}

} // namespace

caf::result<core_record> store_state::describe(const core_selector& selector) {
  if (is_closed_)
    return closed_error();
  auto resolved = resolve(selector);
  if (!resolved)
    return to_caf(resolved.error());
  if (auto loaded = loaded_.find(resolved->header.discovery); loaded != loaded_.end())
    return self_->delegate(loaded->second.handle, info_atom_v);
  if (resolved->is_new)
    return make_error(ec::not_found, "the store does not know this core");
  auto source = backend_->open_snapshot();
  if (!source)
    return to_caf(source.error());
  auto head = (*source)->head(resolved->header.number);
  auto bits = (*source)->bits(resolved->header.number);
  if (!head)
    return to_caf(head.error());
  if (!bits)
    return to_caf(bits.error());
  return make_record(resolved->header, *head, bits->contiguous_length());
}

caf::result<bool> store_state::is_loaded(const core_selector& selector) const {
  if (is_closed_)
    return closed_error();
  auto resolved = resolve(selector);
  if (!resolved)
    return to_caf(resolved.error());
  if (resolved->is_new)
    return make_error(ec::not_found, "the store does not know this core");
  return loaded_.contains(resolved->header.discovery);
}

caf::result<record_page> store_state::list(const list_request& wanted) {
  if (is_closed_)
    return closed_error();
  auto request = wanted;
  for (const auto& child : request.path)
    request.name_space = log::child_namespace(request.name_space, as_bytes(child));
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  const auto& source = **opened;
  auto limit = std::clamp<std::uint32_t>(request.limit, 1, page_records_max);
  corestore::discovery_key after;
  after.data = request.after.data;
  record_page page;
  error failure;
  auto add = [&](const log::core_header& header) {
    if (page.records.size() == limit) {
      page.is_last = false;
      return false;
    }
    bool is_loaded = loaded_.find(header.discovery) != loaded_.end();
    if (request.loaded_only && !is_loaded)
      return true;
    auto head = source.head(header.number);
    auto bits = source.bits(header.number);
    if (!head || !bits) {
      failure = head ? bits.error() : head.error();
      return false;
    }
    page.records.push_back(make_record(header, *head, bits->contiguous_length()));
    page.records.back().active = is_loaded;
    return true;
  };
  result<void> done;
  if (request.in_namespace) {
    bool is_past = after.is_zero();
    done = source.each_alias(request.name_space, [&](std::string_view, const corestore::discovery_key& discovery) {
      if (!is_past) {
        is_past = discovery == after;
        return true;
      }
      auto header = source.header(discovery);
      return header && *header ? add(**header) : true;
    });
  } else {
    done = source.each_header([&](const log::core_header& header) {
      return !after.is_zero() && header.discovery <= after ? true : add(header);
    });
  }
  if (!done)
    return to_caf(done.error());
  if (failure.code != ec::none)
    return to_caf(failure);
  return page;
}

caf::result<store_record> store_state::describe_store() const {
  if (is_closed_)
    return closed_error();
  store_record record;
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto counted = (*opened)->each_header([&](const log::core_header&) {
    ++record.cores_known;
    return true;
  });
  if (!counted)
    return to_caf(counted.error());
  auto numbers = backend_->stats();
  record.cores_loaded = loaded_.size();
  record.sessions = sessions_.size();
  record.used_bytes = numbers.used_bytes;
  record.limit_bytes = numbers.limit_bytes;
  record.commits = numbers.commits;
  record.refusals = refusals_;
  record.cores_active = holders_.cores();
  record.cores_idle = cache_.count(idle_kind::released);
  record.cores_passive = cache_.count(idle_kind::passive);
  record.references = holders_.total();
  record.active_limit = cache_.limit(idle_kind::released);
  record.passive_limit = cache_.limit(idle_kind::passive);
  record.cache_hits = hits_;
  record.cache_misses = misses_;
  record.evictions = evictions_;
  record.actors = self_->system().registry().running();
  meters_->fill(record);
  record.durability = std::string{name_of(backend_->mode())};
  record.version = CORESTORE_VERSION;
  return record;
}

} // namespace corestore::actors
