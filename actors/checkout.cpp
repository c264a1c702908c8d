#include "actors/checkout.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "base/limits.hpp"
#include "log/core_state.hpp"
#include "log/hashes.hpp"

namespace corestore::actors {

namespace {

constexpr std::size_t read_blocks_max = 8192;

error not_here(std::uint64_t index) {
  return {ec::block_not_available, "block " + std::to_string(index) + " of this view is not here"};
}

error not_writable() {
  return {ec::read_only, "a view cannot be changed; a batch can"};
}

} // namespace

void checkout_state::open(self_pointer self, checkout_arguments arguments) {
  self_ = self;
  begun_ = std::move(arguments);
  base_ = begun_.shown;
  tree_ = log::tree_batch{base_, begun_.header.generation};
  known_fork_ = begun_.head.fork;
  shared_length_ = begun_.head.length;
}

std::uint64_t checkout_state::fork() const {
  return base_.length < begun_.head.length && begun_.is_writable ? begun_.head.fork + 1 : begun_.head.fork;
}

log::tree_head checkout_state::head() const {
  return tree_.head(fork(), {});
}

append_result checkout_state::size() const {
  auto padding = begun_.cipher ? log::encryption_padding : 0;
  return {tree_.length(), tree_.byte_length() - std::min(tree_.byte_length(), tree_.length() * padding)};
}

core_record checkout_state::record() const {
  auto record = begun_.record;
  auto shown = head();
  record.length = shown.length;
  record.byte_length = size().byte_length;
  record.fork = shown.fork;
  record.contiguous_length = std::min(record.contiguous_length, base_.length);
  if (record.contiguous_length == base_.length)
    record.contiguous_length = shown.length;
  record.tree_hash = log::tree_hash(shown.roots, begun_.header.generation);
  record.writable = begun_.is_writable;
  return record;
}

result<bool> checkout_state::is_known(const storage::snapshot& source) const {
  return source.head(begun_.header.number).map([this](const log::tree_head& now) { return now.fork == known_fork_; });
}

result<std::optional<shared_bytes>> checkout_state::stored(const storage::snapshot& source, std::uint64_t index) const {
  if (index >= base_.length)
    return index < tree_.length() ? std::optional{blocks_[index - base_.length]} : std::nullopt;
  if (auto kept = rescued_.find(index); kept != rescued_.end())
    return kept->second;
  if (index >= shared_length_)
    return std::nullopt;
  return source.block(begun_.header.number, index);
}

result<shared_bytes> checkout_state::readable(std::uint64_t index, const shared_bytes& block) const {
  if (!begun_.cipher)
    return block;
  return begun_.cipher->decrypt(index, block.view()).map([](bytes plain) { return shared_bytes{std::move(plain)}; });
}

/// A promise that is kept when the core has answered: until paid(), or until the core ends.
std::uint64_t checkout_state::owe(caf::response_promise promise) {
  owed_.emplace(++last_owed_, std::move(promise));
  return last_owed_;
}

void checkout_state::paid(std::uint64_t owed) {
  owed_.erase(owed);
}

/// Nothing is left to show without the core.
void checkout_state::on_core_down() {
  auto closed = make_error(ec::store_closed, "its core was closed");
  for (auto& [number, promise] : std::exchange(owed_, {}))
    promise.deliver(closed);
  self_->quit(closed);
}

/// The same question once more, when the core has told us of the truncation that storage shows already.
template <class Answer, class... Content>
caf::result<Answer> checkout_state::behind_the_news(Content... content) {
  auto promise = self_->make_response_promise<Answer>();
  auto owed = owe(promise);
  self_->request(begun_.core, caf::infinite, info_atom_v)
    .then(
      [this, promise, owed, content...](const core_record&) mutable {
        paid(owed);
        promise.delegate(caf::actor_cast<checkout_actor>(self_), content...);
      },
      [this, promise, owed](const caf::error& reason) mutable {
        paid(owed);
        promise.deliver(reason);
      });
  return promise;
}

caf::result<shared_bytes> checkout_state::fetch(std::uint64_t index, std::uint64_t wait_ms) {
  if (index >= tree_.length())
    return to_caf(not_here(index));
  auto source = begun_.backend->open_snapshot();
  if (!source)
    return to_caf(source.error());
  auto known = is_known(**source);
  if (!known)
    return to_caf(known.error());
  if (!*known)
    return behind_the_news<shared_bytes>(fetch_atom_v, index, wait_ms);
  auto block = stored(**source, index);
  if (!block)
    return to_caf(block.error());
  if (*block) {
    auto plain = readable(index, **block);
    if (!plain)
      return to_caf(plain.error());
    return *plain;
  }
  if (wait_ms == 0 || index >= shared_length_)
    return to_caf(not_here(index));
  auto promise = self_->make_response_promise<shared_bytes>();
  fetch_request wanted{index, wait_ms, 0, true};
  auto owed = owe(promise);
  self_->request(begun_.core, caf::infinite, fetch_atom_v, wanted)
    .then(
      [this, promise, owed, index](const shared_bytes& found) mutable {
        paid(owed);
        auto plain = readable(index, found);
        if (index >= shared_length_)
          promise.deliver(to_caf(not_here(index))); // another history's
        else if (plain)
          promise.deliver(std::move(*plain));
        else
          promise.deliver(to_caf(plain.error()));
      },
      [this, promise, owed](const caf::error& reason) mutable {
        paid(owed);
        promise.deliver(reason);
      });
  return promise;
}

caf::result<block_batch> checkout_state::read(std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
  auto source = begun_.backend->open_snapshot();
  if (!source)
    return to_caf(source.error());
  auto known = is_known(**source);
  if (!known)
    return to_caf(known.error());
  if (!*known)
    return behind_the_news<block_batch>(read_atom_v, start, end, bytes_max);
  block_batch batch;
  std::uint64_t read_bytes = 0;
  auto stop = std::min(end, tree_.length());
  for (auto index = start; index < stop && batch.blocks.size() < read_blocks_max; ++index) {
    auto block = stored(**source, index);
    if (!block)
      return to_caf(block.error());
    if (!*block || (!batch.blocks.empty() && read_bytes + (*block)->size() > bytes_max))
      break;
    read_bytes += (*block)->size();
    auto plain = readable(index, **block);
    if (!plain)
      return to_caf(plain.error());
    batch.blocks.push_back({index, std::move(*plain)});
  }
  return batch;
}

caf::result<append_result> checkout_state::append(const std::vector<shared_bytes>& blocks) {
  if (!begun_.is_writable)
    return to_caf(not_writable());
  const auto bytes_max = log::block_bytes_max(begun_.header.generation) - (begun_.cipher ? log::encryption_padding : 0);
  std::size_t more_bytes = 0;
  for (const auto& block : blocks) {
    if (block.size() > bytes_max)
      return make_error(ec::bad_argument, "a block is too large");
    more_bytes += block.size();
  }
  if (more_bytes > limits::batch_bytes_max - std::min(limits::batch_bytes_max, staged_bytes_))
    return make_error(ec::limit_exceeded, "a batch holds at most " + std::to_string(limits::batch_bytes_max) +
                                            " bytes before it is flushed");
  for (const auto& block : blocks) {
    auto kept = begun_.cipher ? shared_bytes{begun_.cipher->encrypt(tree_.length(), fork(), block.view())} : block;
    if (!tree_.append(kept.view()))
      return make_error(ec::limit_exceeded, "the log cannot become longer");
    staged_bytes_ += kept.size();
    blocks_.push_back(std::move(kept));
  }
  return size();
}

caf::result<append_result> checkout_state::truncate(std::uint64_t length) {
  if (!begun_.is_writable)
    return to_caf(not_writable());
  if (length > tree_.length())
    return make_error(ec::bad_argument, "the batch has only " + std::to_string(tree_.length()) + " blocks");
  if (length < base_.length) {
    auto source = begun_.backend->open_snapshot();
    if (!source)
      return to_caf(source.error());
    storage::core_view view{**source, begun_.header.number};
    auto shorter = log::head_at(base_, view, length);
    if (!shorter)
      return to_caf(shorter.error());
    base_ = std::move(*shorter);
  }
  blocks_.resize(length - base_.length);
  tree_ = log::tree_batch{base_, begun_.header.generation};
  staged_bytes_ = 0;
  for (const auto& block : blocks_) {
    std::ignore = tree_.append(block.view()); // it fitted before
    staged_bytes_ += block.size();
  }
  return size();
}

caf::result<bytes> checkout_state::signable() const {
  if (!begun_.manifest)
    return make_error(ec::not_found, "the manifest of the core is not known");
  return log::signable(begun_.header, *begun_.manifest, head());
}

staged_batch_ptr checkout_state::staged(bytes signature) const {
  auto batch = std::make_shared<staged_batch>();
  batch->core = begun_.core;
  batch->discovery = begun_.header.discovery;
  batch->base_fork = begun_.head.fork;
  batch->base_length = begun_.head.length;
  batch->kept = base_.length;
  batch->blocks = blocks_;
  batch->signature = std::move(signature);
  return batch;
}

caf::result<append_result> checkout_state::flush(bytes signature) {
  if (!begun_.is_writable)
    return to_caf(not_writable());
  auto promise = self_->make_response_promise<append_result>();
  auto owed = owe(promise);
  self_->request(begun_.core, caf::infinite, commit_atom_v, staged(std::move(signature)))
    .then(
      [this, promise](const append_result& flushed) mutable {
        promise.deliver(flushed);
        self_->quit();
      },
      [this, promise, owed](const caf::error& reason) mutable {
        paid(owed);
        promise.deliver(reason);
      });
  return promise;
}

void checkout_state::on_truncation(const truncation& lost) {
  known_fork_ = lost.fork;
  for (const auto& block : lost.rescued)
    if (block.index < base_.length && block.index < shared_length_)
      rescued_.emplace(block.index, block.value);
  shared_length_ = std::min(shared_length_, lost.length);
}

local_checkout_actor::behavior_type checkout(checkout_state::self_pointer self, checkout_arguments arguments) {
  auto& state = self->state;
  self->monitor(arguments.core);
  self->set_down_handler([&state](const caf::down_msg&) { state.on_core_down(); });
  state.open(self, std::move(arguments));
  return {
    [&state](fetch_atom, std::uint64_t index, std::uint64_t wait_ms) { return state.fetch(index, wait_ms); },
    [&state](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
      return state.read(start, end, bytes_max);
    },
    [&state](info_atom) { return state.record(); },
    [&state](append_atom, const std::vector<shared_bytes>& blocks) { return state.append(blocks); },
    [&state](truncate_atom, std::uint64_t length) { return state.truncate(length); },
    [&state](signable_atom) { return state.signable(); },
    [&state](flush_atom, bytes& signature) { return state.flush(std::move(signature)); },
    [self](close_atom) {
      self->quit();
      return true;
    },
    [&state](internal_atom, const truncation_ptr& lost) { state.on_truncation(*lost); },
    [&state](prepare_atom) { return state.staged({}); },
  };
}

} // namespace corestore::actors
