// What an owner does to a log besides appending: truncate, clear, keep user data; and its tree hash at a length.
#include <algorithm>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "base/limits.hpp"
#include "log/hashes.hpp"
#include "log/merkle_tree.hpp"
#include "log/prove.hpp"

namespace corestore::actors {

namespace {

/// Names of user values in one answer.
constexpr std::size_t user_names_max = 1000;

/// What the engine itself keeps beside a core (evidence.hpp).
bool is_of_engine(std::string_view entry) {
  return entry.starts_with('\0');
}

caf::error engine_entry_error() {
  return make_error(ec::bad_argument, "names that begin with a zero byte are the engine's own");
}

/// Blocks of `range` that are stored, and their bytes. A stretch of which both ends can be located costs a few nodes,
/// the rest a look at each block.
result<clear_result> measure(const log::core_state& log, const storage::snapshot& source, log::block_range range) {
  clear_result found;
  range.end = std::min(range.end, log.head.length);
  if (range.start >= range.end)
    return found;
  found.blocks = log.bits.count(range);
  storage::core_view view{source, log.header.number};
  auto prefix_end = std::clamp(log.contiguous_length(), range.start, range.end);
  if (prefix_end > range.start) {
    auto from = log::byte_offset(log.head, view, range.start);
    auto to = log::byte_offset(log.head, view, prefix_end);
    if (from && to && *from && *to) {
      found.bytes += **to - **from;
      range.start = prefix_end;
    }
  }
  auto counted = source.each_block(log.header.number, range, [&](std::uint64_t index, byte_view value) {
    if (log.bits.test(index))
      found.bytes += value.size();
    return true;
  });
  return counted.map([&] { return found; });
}

} // namespace

void core_state::enqueue(edit change) {
  if (ending_) {
    change.done(fail(ec::store_closed, "the store is closing"));
    return;
  }
  writes_.push_back({{}, {}, std::move(change)});
  settle();
}

caf::result<core_record> core_state::truncate(std::uint64_t length, std::uint64_t fork) {
  if (auto refusal = signing_refusal(); refusal.code != ec::none)
    return to_caf(refusal);
  if (fork > limits::safe_integer_max)
    return make_error(ec::bad_argument, "no such fork: " + std::to_string(fork));
  auto promise = self_->make_response_promise<core_record>();
  edit change;
  change.stage = [this, length, fork](const storage::snapshot& source) -> result<log::change_set> {
    if (fork != 0 && fork <= log_.head.fork)
      return fail(ec::bad_argument, "the log is on fork " + std::to_string(log_.head.fork) + " already");
    storage::core_view view{source, log_.header.number};
    return log::stage_truncate(log_, view, length, fork == 0 ? log_.head.fork + 1 : fork, *keys());
  };
  change.done = [this, promise](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(record());
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<clear_result> core_state::clear(std::uint64_t start, std::uint64_t end) {
  if (start > end)
    return make_error(ec::bad_argument, "a range ends before it starts");
  auto promise = self_->make_response_promise<clear_result>();
  auto given_back = std::make_shared<clear_result>();
  edit change;
  change.stage = [this, start, end, given_back](const storage::snapshot& source) -> result<log::change_set> {
    auto measured = measure(log_, source, {start, end});
    if (!measured)
      return fail(measured.error());
    *given_back = *measured;
    if (measured->blocks == 0)
      return log::change_set{};
    return log::stage_clear(log_, {start, end});
  };
  change.done = [promise, given_back](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(*given_back);
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<clear_result> core_state::stored(std::uint64_t start, std::uint64_t end) {
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto measured = measure(log_, **opened, {start, end});
  if (!measured)
    return to_caf(measured.error());
  return *measured;
}

caf::result<core_record> core_state::encrypt(const bytes& key, std::uint8_t schedule) {
  constexpr std::uint8_t automatic = 255;
  if (key.empty()) {
    encryption_.reset();
    return record();
  }
  if (log_.header.generation == log::generation::g9)
    return make_error(ec::unsupported, "a core of generation 9 cannot be encrypted");
  auto decoded = hash32::from(key);
  if (!decoded)
    return make_error(ec::bad_argument, "an encryption key has 32 bytes");
  if (schedule != automatic && schedule > static_cast<std::uint8_t>(log::key_schedule::block))
    return make_error(ec::bad_argument, "no such key schedule: " + std::to_string(schedule));
  encryption_.emplace();
  encryption_->key = *decoded;
  if (schedule != automatic)
    encryption_->schedule = static_cast<log::key_schedule>(schedule);
  return record();
}

caf::result<core_record> core_state::adopt_key(const bytes& key) {
  if (encryption_ && !std::equal(key.begin(), key.end(), encryption_->key.data.begin(), encryption_->key.data.end()))
    return make_error(ec::key_mismatch, "the core is open with another encryption key");
  constexpr std::uint8_t automatic = 255;
  return encryption_ ? caf::result<core_record>{record()} : encrypt(key, automatic);
}

caf::result<bytes> core_state::signable(std::uint64_t length, std::uint64_t fork) {
  if (length > log_.head.length)
    return make_error(ec::bad_argument, "the log has only " + std::to_string(log_.head.length) + " blocks");
  if (!log_.manifest)
    return make_error(ec::not_found, "the manifest of the core is not known");
  result<log::tree_head> head;
  if (auto done = reading([&](const log::log_source& source) { head = log::head_at(log_.head, source, length); });
      !done)
    return to_caf(done.error());
  if (!head)
    return to_caf(head.error());
  head->fork = fork;
  return log::signable(log_.header, *log_.manifest, *head);
}

caf::result<append_result> core_state::append_signed(std::vector<shared_bytes> blocks, bytes signature) {
  auto promise = self_->make_response_promise<append_result>();
  auto size = std::make_shared<append_result>();
  edit change;
  change.stage = [this, size, blocks = std::move(blocks),
                  signature = std::move(signature)](const storage::snapshot&) mutable -> result<log::change_set> {
    if (log_.header.fence)
      return fail(signing_refusal());
    const auto* secrecy = cipher();
    for (std::size_t i = 0; secrecy != nullptr && i < blocks.size(); ++i)
      blocks[i] = shared_bytes{secrecy->encrypt(log_.head.length + i, log_.head.fork, blocks[i].view())};
    auto staged = log::stage_append(log_, blocks, log::authority{nullptr, signature});
    const auto& head = staged && staged->head ? *staged->head : log_.head;
    *size = {head.length, head.byte_length - std::min(head.byte_length, head.length * padding())};
    return staged;
  };
  change.done = [promise, size](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(*size);
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<core_record> core_state::learn(const change_set_ptr& known) {
  auto promise = self_->make_response_promise<core_record>();
  edit change;
  change.stage = [this, known](const storage::snapshot&) -> result<log::change_set> {
    log::change_set changes;
    changes.number = log_.header.number;
    changes.base_fork = log_.head.fork;
    changes.base_length = log_.head.length;
    changes.alias = known->alias;
    changes.links = known->links;
    changes.header = known->header;
    changes.header->number = log_.header.number;
    changes.header->is_mirrored = log_.header.is_mirrored;
    changes.header->is_frozen = log_.header.is_frozen;
    if (!log_.header.manifest.empty()) // learned from a peer meanwhile: it belongs to the key as well
      changes.header->manifest = log_.header.manifest;
    return changes;
  };
  change.done = [this, promise](const result<void>& outcome) mutable {
    are_keys_known_ = false;
    keys_.reset();
    if (mirror_wish_ && is_writable()) {
      replicator_->remove_download(*mirror_wish_);
      mirror_wish_.reset();
    }
    if (outcome)
      promise.deliver(record());
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

bool core_state::mark(std::uint64_t start, std::uint64_t end) {
  if (!marks_)
    marks_.emplace();
  auto stop = std::min(end, log_.head.length);
  if (start < stop)
    marks_->set({start, stop});
  return start < stop;
}

caf::result<clear_result> core_state::sweep() {
  auto promise = self_->make_response_promise<clear_result>();
  auto given_back = std::make_shared<clear_result>();
  edit change;
  change.stage = [this, given_back, marks = marks_.take().value_or(log::bitfield{})](
                   const storage::snapshot& source) -> result<log::change_set> {
    log::change_set changes;
    changes.number = log_.header.number;
    changes.base_fork = log_.head.fork;
    changes.base_length = log_.head.length;
    for (std::uint64_t start = 0; start < log_.head.length;) {
      auto first = marks.first_unset({start, log_.head.length});
      if (!first)
        break;
      start = marks.first_set({*first, log_.head.length}).value_or(log_.head.length);
      auto measured = measure(log_, source, {*first, start});
      if (!measured)
        return fail(measured.error());
      if (measured->blocks == 0)
        continue;
      given_back->blocks += measured->blocks;
      given_back->bytes += measured->bytes;
      changes.cleared.push_back({*first, start});
    }
    if (!changes.cleared.empty())
      changes.contiguous_length = std::min(log_.contiguous_length(), changes.cleared.front().start);
    return changes;
  };
  change.done = [promise, given_back](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(*given_back);
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<hash32> core_state::tree_hash(std::uint64_t length) {
  if (length > log_.head.length)
    return make_error(ec::bad_argument, "the log has only " + std::to_string(log_.head.length) + " blocks");
  result<std::vector<log::node>> roots;
  if (auto done = reading([&](const log::log_source& source) { roots = log::roots_at(log_.head, source, length); });
      !done)
    return to_caf(done.error());
  if (!roots)
    return to_caf(roots.error());
  return log::tree_hash(*roots, log_.header.generation);
}

caf::result<bool> core_state::put_user_data(std::string entry, bytes value) {
  if (is_of_engine(entry))
    return engine_entry_error();
  if (value.size() > limits::user_value_bytes_max)
    return make_error(ec::bad_argument,
                      "a user value has at most " + std::to_string(limits::user_value_bytes_max) + " bytes");
  auto promise = self_->make_response_promise<bool>();
  auto is_changed = std::make_shared<bool>(false);
  edit change;
  change.stage = [this, entry = std::move(entry), value = std::move(value),
                  is_changed](const storage::snapshot& source) -> result<log::change_set> {
    log::change_set changes;
    changes.number = log_.header.number;
    changes.base_fork = log_.head.fork;
    changes.base_length = log_.head.length;
    auto known = source.user_data(log_.header.number, entry);
    if (!known)
      return fail(known.error());
    if (*known ? **known == value : value.empty())
      return changes;
    *is_changed = true;
    changes.user_data.push_back({entry, value.empty() ? std::nullopt : std::optional{value}});
    return changes;
  };
  change.done = [promise, is_changed](const result<void>& outcome) mutable {
    if (outcome)
      promise.deliver(*is_changed);
    else
      promise.deliver(to_caf(outcome.error()));
  };
  enqueue(std::move(change));
  return promise;
}

caf::result<user_value> core_state::user_data(const std::string& entry) {
  if (is_of_engine(entry))
    return engine_entry_error();
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto found = (*opened)->user_data(log_.header.number, entry);
  if (!found)
    return to_caf(found.error());
  return user_value{found->has_value(), found->value_or(bytes{})};
}

caf::result<std::set<std::string>> core_state::user_names(const std::string& after) {
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  std::set<std::string> names;
  auto done = (*opened)->each_user_data(log_.header.number, [&](std::string_view entry, byte_view) {
    if (!is_of_engine(entry) && (after.empty() || entry > after))
      names.emplace_hint(names.end(), entry);
    return names.size() < user_names_max;
  });
  if (!done)
    return to_caf(done.error());
  return names;
}

} // namespace corestore::actors
