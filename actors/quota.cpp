// What a store gives up when its quota is used up: blocks of cores that nobody here owns, holds or mirrors. Their heads
// stay, so that everything can be fetched again.
#include <caf/all.hpp>

#include "actors/store.hpp"

namespace corestore::actors {

namespace {

/// Blocks of one step: each costs a look at its nodes, and other commits wait meanwhile.
constexpr std::uint64_t step_blocks_max = 16384;

} // namespace

caf::result<clear_result> store_state::evict(std::uint64_t bytes) {
  if (is_closed_)
    return closed_error();
  auto under_way = std::make_shared<eviction>();
  under_way->wanted = bytes;
  auto promise = under_way->promise = self_->make_response_promise<clear_result>();
  continue_eviction(under_way);
  return promise;
}

void store_state::continue_eviction(const std::shared_ptr<eviction>& under_way) {
  result<std::optional<victim>> chosen;
  if (!is_closed_ && under_way->done.bytes < under_way->wanted)
    chosen = next_victim(*under_way);
  if (!chosen)
    under_way->promise.deliver(to_caf(chosen.error()));
  else if (!*chosen)
    under_way->promise.deliver(under_way->done);
  else
    give_up(under_way, **chosen);
}

/// Goes on behind the core that was looked at last, once around. A core in memory that only peers use is sent away
/// first: then its turn comes in another round.
result<std::optional<store_state::victim>> store_state::next_victim(eviction& under_way) {
  auto source = backend_->open_snapshot();
  if (!source)
    return fail(source.error());
  auto count = (*source)->core_count();
  if (!count)
    return fail(count.error());
  std::optional<victim> chosen;
  error failure;
  auto look_at = [&](const log::core_header& header) {
    if (under_way.walked > *count)
      return false;
    ++under_way.walked;
    eviction_cursor_ = header.discovery;
    if (header.origin != log::key_origin::none || header.is_mirrored || holders_.count(header.discovery) > 0 ||
        busy_.contains(header.discovery))
      return true;
    auto head = (*source)->head(header.number);
    auto bits = (*source)->bits(header.number);
    if (!head || !bits) {
      failure = head ? bits.error() : head.error();
      return false;
    }
    auto first = bits->first_set({0, head->length});
    if (!first)
      return true;
    if (loaded_.contains(header.discovery)) {
      park(header.discovery);
      return true;
    }
    victim found;
    found.header = header;
    found.range = {*first, std::min(head->length, *first + step_blocks_max)};
    found.head = std::move(*head);
    found.contiguous_length = std::min(bits->contiguous_length(), *first);
    auto counted = (*source)->each_block(header.number, found.range, [&](std::uint64_t, byte_view value) {
      ++found.size.blocks;
      found.size.bytes += value.size();
      return true;
    });
    if (!counted)
      failure = counted.error();
    else
      chosen = std::move(found);
    return false;
  };
  auto visited = (*source)->headers_after(eviction_cursor_, look_at);
  if (visited && !chosen && failure.code == ec::none && under_way.walked <= *count)
    visited = (*source)->each_header(look_at);
  if (!visited || failure.code != ec::none)
    return fail(visited ? std::move(failure) : std::move(visited.error()));
  return chosen;
}

void store_state::give_up(const std::shared_ptr<eviction>& under_way, const victim& chosen) {
  const auto& header = chosen.header;
  busy_[header.discovery];
  log::change_set changes;
  changes.number = header.number;
  changes.base_fork = chosen.head.fork;
  changes.base_length = chosen.head.length;
  changes.forgotten.push_back(chosen.range);
  changes.nodes = chosen.head.roots; // what comes back later is proven by them
  changes.contiguous_length = chosen.contiguous_length;
  self_
    ->request(writer_, caf::infinite, commit_atom_v,
              change_set_ptr{std::make_shared<const log::change_set>(std::move(changes))})
    .then(
      [this, under_way, header, size = chosen.size](std::uint64_t) {
        under_way->done.blocks += size.blocks;
        under_way->done.bytes += size.bytes;
        meters_->blocks_evicted += size.blocks;
        meters_->bytes_evicted += size.bytes;
        store_event event;
        event.kind = store_event_kind::eviction;
        event.key = header.key;
        event.discovery = header.discovery;
        event.reason = std::to_string(size.blocks) + " blocks, " + std::to_string(size.bytes) + " bytes";
        tell(scope_id{}, event);
        settled(header.discovery);
        continue_eviction(under_way);
      },
      [this, under_way, header](const caf::error& reason) {
        settled(header.discovery);
        under_way->promise.deliver(reason);
      });
}

} // namespace corestore::actors
