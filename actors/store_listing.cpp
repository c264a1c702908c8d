// What a store tells of its cores and of itself.
#include <algorithm>
#include <span>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "actors/store.hpp"
#include "base/limits.hpp"
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
  auto record = make_record(resolved->header, **source);
  return record ? caf::result<core_record>{std::move(*record)} : to_caf(record.error());
}

caf::result<bool> store_state::is_loaded(const core_selector& selector) const {
  if (is_closed_)
    return closed_error();
  auto resolved = resolve(selector);
  if (!resolved && resolved.error().code == ec::not_found)
    return false;
  if (!resolved)
    return to_caf(resolved.error());
  return loaded_.contains(resolved->header.discovery);
}

/// Collects one page.
class store_state::page_maker {
public:
  page_maker(const store_state& store, const storage::snapshot& source, const list_request& request)
      : store_(store), source_(source), request_(request),
        limit_(std::clamp<std::uint32_t>(request.limit, 1, page_records_max)) {
    // nop
  }

  /// Every core, in the order of the discovery keys.
  result<void> all(const corestore::discovery_key& after) {
    return finish(source_.headers_after(after, [this](const log::core_header& header) {
      return add(header, [&] { return std::vector<std::string>{std::string{as_text(header.discovery.view())}}; });
    }));
  }

  /// The cores of a namespace by name, then the namespaces below it by name. A cursor is the way down to the last
  /// record.
  // NOLINTNEXTLINE(misc-no-recursion): no deeper than limits::namespace_depth_max
  result<void> below(const namespace_id& start, std::span<const std::string> cursor, std::size_t depth = 0) {
    std::string child;
    if (cursor.size() <= 1) {
      auto after = cursor.empty() ? std::string_view{} : std::string_view{cursor.front()};
      auto done = finish(
        source_.aliases_after(start, after, [this](std::string_view called, const corestore::discovery_key& discovery) {
          auto header = source_.header(discovery);
          return !header || !*header || add(**header, [&] {
            auto way = way_;
            way.emplace_back(called);
            return way;
          });
        }));
      if (!done || !page_.is_last || !request_.is_recursive)
        return done;
    } else {
      child = cursor.front();
      auto inside = enter({start, child, log::child_namespace(start, as_bytes(child))}, cursor.subspan(1), depth);
      if (!inside || !page_.is_last)
        return inside;
    }
    for (;;) {
      auto next = source_.child_after(start, child);
      if (!next || !*next)
        return next ? result<void>{} : fail(next.error());
      child = (*next)->name;
      auto inside = enter(**next, {}, depth);
      if (!inside || !page_.is_last)
        return inside;
    }
  }

  [[nodiscard]] record_page take() {
    return std::move(page_);
  }

private:
  // NOLINTNEXTLINE(misc-no-recursion): see below()
  result<void> enter(const log::namespace_link& link, std::span<const std::string> cursor, std::size_t depth) {
    if (depth >= limits::namespace_depth_max)
      return {};
    way_.push_back(link.name);
    auto done = below(link.child, cursor, depth + 1);
    way_.pop_back();
    return done;
  }

  template <class Cursor>
  bool add(const log::core_header& header, Cursor cursor) {
    auto is_loaded = store_.loaded_.contains(header.discovery);
    if (request_.loaded_only && !is_loaded)
      return true;
    if (page_.records.size() == limit_) {
      page_.is_last = false;
      return false;
    }
    auto record = make_record(header, source_);
    if (!record) {
      failure_ = std::move(record.error());
      return false;
    }
    page_.records.push_back(std::move(*record));
    page_.records.back().active = is_loaded;
    page_.next = cursor();
    return true;
  }

  result<void> finish(const result<void>& done) const {
    return failure_.code == ec::none ? done : fail(failure_);
  }

  const store_state& store_;
  const storage::snapshot& source_;
  const list_request& request_;
  std::size_t limit_;
  std::vector<std::string> way_;
  record_page page_;
  error failure_;
};

caf::result<record_page> store_state::list(const list_request& request) {
  if (is_closed_)
    return closed_error();
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto start = request.name_space;
  for (const auto& child : request.path)
    start = log::child_namespace(start, as_bytes(child));
  page_maker maker{*this, **opened, request};
  auto cursor = request.cursor;
  corestore::discovery_key after;
  after.data = request.after.data;
  result<void> done;
  if (!request.in_namespace && request.path.empty()) {
    if (auto last = cursor.empty() ? std::nullopt : corestore::discovery_key::from(as_bytes(cursor.front())))
      after = *last;
    done = maker.all(after);
  } else {
    if (cursor.empty() && !after.is_zero())
      if (auto last = (*opened)->header(after); last && *last)
        cursor = {(*last)->name};
    done = maker.below(start, cursor);
  }
  if (!done)
    return to_caf(done.error());
  auto page = maker.take();
  if (page.is_last)
    page.next.clear();
  return complete(std::move(page));
}

/// A listing is read from what is stored; who is connected and what is decrypted only a core in memory knows.
caf::result<record_page> store_state::complete(record_page page) {
  struct unfinished {
    record_page page;
    std::size_t left = 0;
  };
  auto shared = std::make_shared<unfinished>();
  shared->page = std::move(page);
  auto is_active = [](const core_record& record) {
    return record.active;
  };
  auto& records = shared->page.records;
  shared->left = static_cast<std::size_t>(std::count_if(records.begin(), records.end(), is_active));
  if (shared->left == 0)
    return std::move(shared->page);
  auto promise = self_->make_response_promise<record_page>();
  auto answered = [shared, promise]() mutable {
    if (--shared->left == 0)
      promise.deliver(std::move(shared->page));
  };
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!records[i].active)
      continue;
    self_->request(loaded_.at(records[i].discovery).handle, caf::infinite, info_atom_v)
      .then(
        [shared, answered, i](core_record& record) mutable {
          shared->page.records[i] = std::move(record);
          answered();
        },
        [answered](const caf::error&) mutable {
          answered(); // it is just leaving the memory: what is stored is all there is to say
        });
  }
  return promise;
}

caf::result<store_record> store_state::describe_store() const {
  if (is_closed_)
    return closed_error();
  store_record record;
  auto opened = backend_->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto counted = (*opened)->core_count();
  if (!counted)
    return to_caf(counted.error());
  record.cores_known = *counted;
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
  record.free_bytes = numbers.free_bytes;
  record.readers = numbers.readers;
  record.oldest_reader_lag = numbers.oldest_reader_lag;
  record.bans = guard_->ban_count(now_ms());
  record.sessions_dialling = dialled_.size();
  for (const auto& [address, session] : sessions_) {
    auto is_open = session.record.state == "open";
    ++(is_open ? record.sessions_open : record.sessions_handshake);
    record.sessions_without_upload += is_open && !session.record.may_upload ? 1 : 0;
    record.sessions_without_download += is_open && !session.record.may_download ? 1 : 0;
    if (dialled_.contains(session.record.id))
      --record.sessions_dialling;
  }
  meters_->fill(record);
  record.file_bytes = numbers.file_bytes;
  record.quota_bytes = numbers.quota_bytes;
  record.is_restored = backend_->is_restored();
  record.durability = std::string{name_of(backend_->mode())};
  record.version = CORESTORE_VERSION;
  return record;
}

} // namespace corestore::actors
