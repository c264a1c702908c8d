#include "corestore/core.hpp"

#include <limits>

#include <caf/all.hpp>

#include "actors/evidence.hpp"
#include "base/text.hpp"
#include "corestore/world.hpp"

namespace corestore {

namespace {

constexpr std::chrono::milliseconds no_wait{0};

/// Bytes of blocks that one request of read() brings.
constexpr std::uint64_t read_bytes_max = std::uint64_t{1} << 20U;

[[noreturn]] void raise(const error& what) {
  throw failure(what.code, to_string(what));
}

std::uint64_t ms_of(std::chrono::milliseconds time) {
  return time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0;
}

} // namespace

core_key parse_key(std::string_view text) {
  auto key = text::parse_key<core_key>(text);
  if (!key)
    throw failure(ec::bad_argument,
                  "'" + std::string{text} + "' is not a key: 64 hex digits or 52 z-base-32 characters");
  return *key;
}

const core_key& core::key() const {
  return opened_->first_record().key;
}

const corestore::discovery_key& core::discovery_key() const {
  return opened_->first_record().discovery;
}

core_info core::info() const {
  return facade::info_of(opened_->home().ask<core_record>(opened_->handle(), no_wait, info_atom_v));
}

std::uint64_t core::length() const {
  return info().length;
}

std::uint64_t core::byte_length() const {
  return info().byte_length;
}

std::uint64_t core::fork() const {
  return info().fork;
}

std::uint64_t core::contiguous_length() const {
  return info().contiguous_length;
}

bool core::writable() const {
  return info().writable;
}

std::uint64_t core::append(std::string_view block) {
  return append(as_bytes(block));
}

std::uint64_t core::append(byte_view block) {
  std::vector<bytes> blocks;
  blocks.push_back(to_bytes(block));
  return append(std::move(blocks));
}

std::uint64_t core::append(std::initializer_list<std::string_view> blocks) {
  std::vector<bytes> owned;
  owned.reserve(blocks.size());
  for (auto block : blocks)
    owned.push_back(to_bytes(block));
  return append(std::move(owned));
}

std::uint64_t core::append(std::vector<bytes> blocks) {
  std::vector<shared_bytes> shared;
  shared.reserve(blocks.size());
  for (auto& block : blocks)
    shared.emplace_back(std::move(block));
  return opened_->home().ask<append_result>(opened_->handle(), no_wait, append_atom_v, std::move(shared)).length;
}

std::optional<bytes> core::get(std::uint64_t index, milliseconds timeout) const {
  if (auto block = opened_->stored(index))
    return block;
  try {
    auto block = opened_->home().ask<shared_bytes>(opened_->handle(), timeout, fetch_atom_v, index, ms_of(timeout));
    return to_bytes(block.view());
  } catch (const failure& reason) {
    if (reason.code() == ec::block_not_available || reason.code() == ec::timed_out)
      return std::nullopt;
    throw;
  }
}

bool core::has(std::uint64_t start, std::uint64_t end) const {
  return opened_->home().ask<bool>(opened_->handle(), no_wait, has_atom_v, start, end);
}

std::uint64_t core::read(std::uint64_t start, std::uint64_t end,
                         const std::function<bool(std::uint64_t, byte_view)>& visit) const {
  while (start < end) {
    auto batch = opened_->home().ask<block_batch>(opened_->handle(), no_wait, read_atom_v, start, end,
                                                  std::uint64_t{read_bytes_max});
    if (batch.blocks.empty())
      break;
    for (const auto& block : batch.blocks) {
      start = block.index + 1;
      if (!visit(block.index, block.value.view()))
        return start;
    }
  }
  return start;
}

bool core::update(milliseconds timeout) {
  return opened_->home().ask<bool>(opened_->handle(), timeout, update_atom_v, ms_of(timeout));
}

bool core::download(std::uint64_t start, std::uint64_t end, milliseconds timeout) {
  return opened_->home().ask<bool>(opened_->handle(), timeout, download_atom_v, start, end, ms_of(timeout));
}

block_position core::seek(std::uint64_t byte_offset, milliseconds timeout) const {
  auto found = opened_->home().ask<seek_position>(opened_->handle(), timeout, seek_atom_v, byte_offset, ms_of(timeout));
  return {found.index, found.offset};
}

void core::truncate(std::uint64_t length, std::uint64_t fork) {
  opened_->home().ask<core_record>(opened_->handle(), no_wait, truncate_atom_v, length, fork);
}

cleared core::clear(std::uint64_t start, std::uint64_t end) {
  auto freed = opened_->home().ask<clear_result>(opened_->handle(), no_wait, clear_atom_v, start, end);
  return {freed.blocks, freed.bytes};
}

hash32 core::tree_hash(std::uint64_t length) const {
  return opened_->home().ask<hash32>(opened_->handle(), no_wait, hash_atom_v, length);
}

void core::mirror(bool is_on) {
  opened_->home().ask<core_record>(opened_->handle(), no_wait, mirror_atom_v, is_on);
}

verification_report core::verify() const {
  auto report = opened_->home().ask<verify_report>(opened_->handle(), no_wait, verify_atom_v);
  return {report.blocks, report.bytes_hashed, std::move(report.faults)};
}

void core::join_group(const hash32& topic) {
  opened_->home().ask<core_record>(opened_->handle(), no_wait, group_atom_v, to_bytes(topic.view()));
}

void core::leave_group() {
  opened_->home().ask<core_record>(opened_->handle(), no_wait, group_atom_v, bytes{});
}

void core::set_user_data(const std::string& name, byte_view value) {
  opened_->home().ask<bool>(opened_->handle(), no_wait, put_atom_v, name, to_bytes(value));
}

std::optional<bytes> core::user_data(const std::string& name) const {
  auto kept = opened_->home().ask<user_value>(opened_->handle(), no_wait, fetch_atom_v, name);
  return kept.is_set ? std::optional{std::move(kept.value)} : std::nullopt;
}

std::vector<std::string> core::user_data_names() const {
  std::vector<std::string> names;
  for (;;) {
    auto page = opened_->home().ask<std::set<std::string>>(opened_->handle(), no_wait, list_atom_v,
                                                           names.empty() ? std::string{} : names.back());
    if (page.empty())
      return names;
    names.insert(names.end(), page.begin(), page.end());
  }
}

watch core::on_append(std::function<void(std::uint64_t)> callback) {
  auto wish = std::make_shared<facade::listener>();
  wish->core = discovery_key();
  wish->on_core = [callback = std::move(callback)](const core_event& event) {
    if (event.kind == event_kind::append)
      callback(event.length);
  };
  auto id = opened_->home().listen(opened_->handle(), std::move(wish));
  return watch{std::make_shared<facade::subscription>(opened_->shared_home(), id, opened_)};
}

watch core::on_truncate(std::function<void(std::uint64_t, std::uint64_t)> callback) {
  auto wish = std::make_shared<facade::listener>();
  wish->core = discovery_key();
  wish->on_core = [callback = std::move(callback)](const core_event& event) {
    if (event.kind == event_kind::truncate)
      callback(event.length, event.fork);
  };
  auto id = opened_->home().listen(opened_->handle(), std::move(wish));
  return watch{std::make_shared<facade::subscription>(opened_->shared_home(), id, opened_)};
}

watch core::on_extension(const std::string& name, std::function<void(std::uint64_t, byte_view)> callback) const {
  auto wish = std::make_shared<facade::listener>();
  wish->core = discovery_key();
  wish->on_extension = [name, callback = std::move(callback)](const extension_event& event) {
    if (event.name == name)
      callback(event.session, event.payload);
  };
  auto id = opened_->home().listen(opened_->handle(), name, std::move(wish));
  return watch{std::make_shared<facade::subscription>(opened_->shared_home(), id, opened_)};
}

std::uint64_t core::send_extension(const std::string& name, byte_view payload, std::uint64_t session) const {
  return opened_->home().ask<std::uint64_t>(opened_->handle(), no_wait, send_atom_v,
                                            extension_message{name, to_bytes(payload), session});
}

std::uint64_t core::push(std::uint64_t index) const {
  return opened_->home().ask<std::uint64_t>(opened_->handle(), no_wait, push_atom_v, index);
}

void core::allow_push(bool is_on) const {
  core_switches wanted;
  wanted.allow_push = is_on ? toggle::on : toggle::off;
  opened_->home().ask<core_switches>(opened_->handle(), no_wait, switch_atom_v, wanted);
}

void core::set_transfers(bool may_upload, bool may_download) const {
  core_switches wanted;
  wanted.upload = may_upload ? toggle::on : toggle::off;
  wanted.download = may_download ? toggle::on : toggle::off;
  opened_->home().ask<core_switches>(opened_->handle(), no_wait, switch_atom_v, wanted);
}

std::optional<bytes> core::conflict() const {
  auto found = opened_->home().ask<conflict_record>(opened_->handle(), no_wait, evidence_atom_v);
  return found.is_found ? std::optional{std::move(found.proof)} : std::nullopt;
}

conflict_facts check_conflict(byte_view proof) {
  auto key = actors::core_of_evidence(proof);
  if (!key)
    raise(key.error());
  auto checked = actors::check_evidence(proof, *key);
  if (!checked)
    raise(checked.error());
  return {*key, checked->fork, checked->length, checked->our_tree, checked->their_tree};
}

} // namespace corestore
