#include "actors/paired_core.hpp"

#include <deque>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "actors/paired_batch.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

namespace {

constexpr std::size_t step_bytes_max = std::size_t{4} << 20U;
constexpr std::uint64_t page_blocks_max = 8192;
constexpr unsigned tries_max = 100; ///< commits in a row that somebody else's append overtook

struct paired_state {
  static inline const char* name = "paired_core";

  struct waiting_append {
    std::vector<shared_bytes> blocks;
    std::size_t bytes = 0;
    caf::typed_response_promise<append_result> promise;
  };

  core_actor shown;
  core_actor other;
  std::deque<waiting_append> queue;
  std::size_t queued_bytes = 0;
  std::vector<waiting_append> step; ///< what is being committed
  std::vector<caf::typed_response_promise<core_record>> records;
  std::vector<caf::typed_response_promise<checkout_actor>> batches; ///< that are to begin
  bool is_level = false;                                            ///< both had the same length when somebody looked
  bool is_busy = false;
  unsigned tries = 0;
};

using self_pointer = caf::stateful_actor<paired_state>*;

void go_on(self_pointer self);

caf::error refusal(const char* what) {
  return make_error(ec::unsupported, std::string{what} + ": a core that is published in both generations has none");
}

/// Whatever waits is answered with that.
void give_up(self_pointer self, const caf::error& reason) {
  auto& state = self->state;
  for (auto& waiting : state.step)
    waiting.promise.deliver(reason);
  for (auto& waiting : state.queue)
    waiting.promise.deliver(reason);
  for (auto& promise : state.records)
    promise.deliver(reason);
  for (auto& promise : state.batches)
    promise.deliver(reason);
  state.step.clear();
  state.queue.clear();
  state.records.clear();
  state.batches.clear();
  state.queued_bytes = 0;
  state.is_busy = false;
  state.tries = 0;
}

auto give_up_with(self_pointer self) {
  return [self](const caf::error& reason) {
    give_up(self, reason);
  };
}

/// A batch that was not flushed ends only when it is told to.
void drop(self_pointer self, const checkout_actor& batch) {
  self->request(batch, caf::infinite, close_atom_v)
    .then(
      [](bool) {
        // nop
      },
      [](const caf::error&) {
        // it had ended
      });
}

// -- making both equally long

void level(self_pointer self);

/// Somebody else is at the same: look again.
void level_again(self_pointer self, const caf::error& reason) {
  if (from_caf(reason).code == ec::stale_base && ++self->state.tries <= tries_max)
    level(self);
  else
    give_up(self, reason);
}

/// Appends only where the log still ends at `from`.
template <class Next>
void append_at(self_pointer self, const core_actor& target, std::uint64_t from, std::vector<shared_bytes> blocks,
               Next next) {
  auto failed = [self](const caf::error& reason) {
    level_again(self, reason);
  };
  auto failed_with = [self](const checkout_actor& batch) {
    return [self, batch](const caf::error& reason) {
      drop(self, batch);
      level_again(self, reason);
    };
  };
  auto end = from + blocks.size();
  checkout_request wanted;
  wanted.is_writable = true;
  self->request(target, caf::infinite, checkout_atom_v, wanted)
    .then(
      [=](const checkout_actor& batch) {
        self->request(batch, caf::infinite, append_atom_v, blocks)
          .then(
            [=](const append_result& size) {
              if (size.length != end) {
                drop(self, batch);
                level_again(self, make_error(ec::stale_base, "it is no longer where it was"));
                return;
              }
              self->request(batch, caf::infinite, flush_atom_v, bytes{})
                .then([=](const append_result&) { next(end); }, failed_with(batch));
            },
            failed_with(batch));
      },
      failed);
}

void copy_page(self_pointer self, const core_actor& longer, const core_actor& shorter, std::uint64_t from,
               std::uint64_t until) {
  if (from >= until) {
    self->state.is_level = true;
    self->state.is_busy = false;
    go_on(self);
    return;
  }
  auto end = std::min(until, from + page_blocks_max);
  self->request(longer, caf::infinite, read_atom_v, from, end, std::uint64_t{step_bytes_max})
    .then(
      [=](block_batch& page) {
        std::vector<shared_bytes> blocks;
        for (auto& one : page.blocks)
          blocks.push_back(std::move(one.value));
        if (blocks.empty())
          give_up(self, make_error(ec::block_not_available, "block " + std::to_string(from) +
                                                              " is not stored: the other generation cannot get it"));
        else
          append_at(self, shorter, from, std::move(blocks),
                    [=](std::uint64_t next) { copy_page(self, longer, shorter, next, until); });
      },
      give_up_with(self));
}

/// The last block that both have must be the same one.
void compare_at(self_pointer self, std::uint64_t shown_length, std::uint64_t other_length) {
  auto& state = self->state;
  auto is_shown_longer = shown_length >= other_length;
  auto copy = [=] {
    auto longer = is_shown_longer ? self->state.shown : self->state.other;
    auto shorter = is_shown_longer ? self->state.other : self->state.shown;
    copy_page(self, longer, shorter, std::min(shown_length, other_length), std::max(shown_length, other_length));
  };
  auto common = std::min(shown_length, other_length);
  if (common == 0) {
    copy();
    return;
  }
  self->request(state.shown, caf::infinite, fetch_atom_v, common - 1, std::uint64_t{0})
    .then(
      [=](const shared_bytes& one) {
        self->request(self->state.other, caf::infinite, fetch_atom_v, common - 1, std::uint64_t{0})
          .then(
            [=](const shared_bytes& two) {
              if (one == two)
                copy();
              else
                give_up(self, make_error(ec::conflict, "the two generations hold different blocks"));
            },
            give_up_with(self));
      },
      [=](const caf::error&) { copy(); }); // cleared here: nothing to compare
}

void level(self_pointer self) {
  auto& state = self->state;
  self->request(state.shown, caf::infinite, info_atom_v)
    .then(
      [self](const core_record& shown) {
        self->request(self->state.other, caf::infinite, info_atom_v)
          .then([self, length = shown.length](const core_record& other) { compare_at(self, length, other.length); },
                give_up_with(self));
      },
      give_up_with(self));
}

// -- appending to both

/// Somebody wrote to one of the two alone, or a commit came between.
void again(self_pointer self, const caf::error& reason) {
  auto& state = self->state;
  if (from_caf(reason).code != ec::stale_base || ++state.tries > tries_max) {
    auto failed = std::exchange(state.step, {});
    for (auto& waiting : failed)
      waiting.promise.deliver(reason);
    state.tries = 0;
  } else {
    for (auto position = state.step.rbegin(); position != state.step.rend(); ++position) {
      state.queued_bytes += position->bytes;
      state.queue.push_front(std::move(*position));
    }
    state.step.clear();
  }
  state.is_level = false;
  state.is_busy = false;
  go_on(self);
}

void commit(self_pointer self, const checkout_actor& one, const checkout_actor& two) {
  self->request(self->state.shown, caf::infinite, commit_atom_v, std::vector<checkout_actor>{one, two})
    .then(
      [self](const std::vector<append_result>& sizes) {
        auto& state = self->state;
        auto done = std::exchange(state.step, {});
        auto size = sizes.front();
        for (const auto& waiting : done) {
          size.length -= waiting.blocks.size();
          size.byte_length -= waiting.bytes;
        }
        for (auto& waiting : done) {
          size.length += waiting.blocks.size();
          size.byte_length += waiting.bytes;
          waiting.promise.deliver(size);
        }
        state.tries = 0;
        state.is_busy = false;
        go_on(self);
      },
      [=](const caf::error& reason) {
        drop(self, one);
        drop(self, two);
        again(self, reason);
      });
}

void fill(self_pointer self, const checkout_actor& one, const checkout_actor& two) {
  std::vector<shared_bytes> blocks;
  for (const auto& waiting : self->state.step)
    blocks.insert(blocks.end(), waiting.blocks.begin(), waiting.blocks.end());
  auto failed = [=](const caf::error& reason) {
    drop(self, one);
    drop(self, two);
    again(self, reason);
  };
  self->request(one, caf::infinite, append_atom_v, blocks)
    .then(
      [=](const append_result& first) {
        self->request(two, caf::infinite, append_atom_v, blocks)
          .then(
            [=](const append_result& second) {
              if (first.length == second.length)
                commit(self, one, two);
              else
                failed(make_error(ec::stale_base, "one of the two is longer"));
            },
            failed);
      },
      failed);
}

void append_step(self_pointer self) {
  auto& state = self->state;
  state.is_busy = true;
  std::size_t bytes = 0;
  while (!state.queue.empty() && (state.step.empty() || bytes + state.queue.front().bytes <= step_bytes_max)) {
    bytes += state.queue.front().bytes;
    state.queued_bytes -= state.queue.front().bytes;
    state.step.push_back(std::move(state.queue.front()));
    state.queue.pop_front();
  }
  auto failed = [self](const caf::error& reason) {
    again(self, reason);
  };
  checkout_request batch;
  batch.is_writable = true;
  self->request(state.shown, caf::infinite, checkout_atom_v, batch)
    .then(
      [=](const checkout_actor& one) {
        self->request(self->state.other, caf::infinite, checkout_atom_v, batch)
          .then([=](const checkout_actor& two) { fill(self, one, two); },
                [=](const caf::error& reason) {
                  drop(self, one);
                  again(self, reason);
                });
      },
      failed);
}

// -- batches

/// The oldest batch that was asked for; the others follow it.
caf::typed_response_promise<checkout_actor> take_batch(self_pointer self) {
  auto& batches = self->state.batches;
  auto promise = std::move(batches.front());
  batches.erase(batches.begin());
  self->state.is_busy = false;
  return promise;
}

void begin_batch_on(self_pointer self, const checkout_actor& one, const checkout_actor& two) {
  auto failed = [=](const caf::error& reason) {
    drop(self, one);
    drop(self, two);
    take_batch(self).deliver(reason);
    go_on(self);
  };
  self
    ->request(one, caf::infinite, append_atom_v, std::vector<shared_bytes>{}) // asks for the size
    .then(
      [=](const append_result& first) {
        self->request(two, caf::infinite, append_atom_v, std::vector<shared_bytes>{})
          .then(
            [=](const append_result& second) {
              if (first.length == second.length) {
                auto handle =
                  pair_up(self->system(), batch_pair{self->state.shown, caf::actor_cast<local_checkout_actor>(one),
                                                     caf::actor_cast<local_checkout_actor>(two), first});
                self->state.tries = 0;
                take_batch(self).deliver(handle);
              } else if (++self->state.tries <= tries_max) {
                drop(self, one);
                drop(self, two);
                self->state.is_level = false; // a commit came between
                self->state.is_busy = false;
              } else {
                failed(make_error(ec::stale_base, "one of the two is longer"));
                return;
              }
              go_on(self);
            },
            failed);
      },
      failed);
}

void begin_batch(self_pointer self) {
  self->state.is_busy = true;
  auto failed = [self](const caf::error& reason) {
    take_batch(self).deliver(reason);
    go_on(self);
  };
  checkout_request batch;
  batch.is_writable = true;
  self->request(self->state.shown, caf::infinite, checkout_atom_v, batch)
    .then(
      [=](const checkout_actor& one) {
        self->request(self->state.other, caf::infinite, checkout_atom_v, batch)
          .then([=](const checkout_actor& two) { begin_batch_on(self, one, two); },
                [=](const caf::error& reason) {
                  drop(self, one);
                  failed(reason);
                });
      },
      failed);
}

caf::result<checkout_actor> check_out(self_pointer self, const checkout_request& request) {
  if (!request.is_writable)
    return self->delegate(self->state.shown, checkout_atom_v, request);
  if (request.length != checkout_request{}.length)
    return refusal("a batch on fewer blocks than there are");
  auto promise = self->make_response_promise<checkout_actor>();
  self->state.batches.push_back(promise);
  go_on(self);
  return promise;
}

// -- what is meant for both

/// Asks the other one, then the one that is shown, and answers what `merge` makes of both answers.
template <class Answer, class Merge, class... Content>
caf::result<Answer> ask_both(self_pointer self, Merge merge, const Content&... content) {
  auto promise = self->make_response_promise<Answer>();
  auto failed = [promise](const caf::error& reason) mutable {
    promise.deliver(reason);
  };
  self->request(self->state.other, caf::infinite, content...)
    .then(
      [=](const Answer& theirs) {
        self->request(self->state.shown, caf::infinite, content...)
          .then([=](const Answer& ours) mutable { promise.deliver(merge(ours, theirs)); }, failed);
      },
      failed);
  return promise;
}

/// Asks the one that is shown; the other one only if `is_found` says that this was not it.
template <class Answer, class Found, class... Content>
caf::result<Answer> ask_either(self_pointer self, Found is_found, const Content&... content) {
  auto promise = self->make_response_promise<Answer>();
  auto ask_other = [=]() mutable {
    promise.delegate(self->state.other, content...);
  };
  self->request(self->state.shown, caf::infinite, content...)
    .then(
      [=](const Answer& answer) mutable {
        if (is_found(answer))
          promise.deliver(answer);
        else
          ask_other();
      },
      [=](const caf::error&) mutable { ask_other(); });
  return promise;
}

/// Both had the blocks, and each its own copy of them.
clear_result sum_of(clear_result ours, const clear_result& theirs) {
  ours.bytes += theirs.bytes;
  return ours;
}

template <class Answer>
Answer first_of(const Answer& ours, const Answer&) {
  return ours;
}

caf::message_handler for_both(self_pointer self) {
  return {
    [self](clear_atom, std::uint64_t start, std::uint64_t end) {
      return ask_both<clear_result>(self, sum_of, clear_atom_v, start, end);
    },
    [self](mark_atom, std::uint64_t start, std::uint64_t end) {
      return ask_both<bool>(self, first_of<bool>, mark_atom_v, start, end);
    },
    [self](sweep_atom) { return ask_both<clear_result>(self, sum_of, sweep_atom_v); },
    [self](repair_atom) {
      auto merge = [](repair_report ours, const repair_report& theirs) {
        ours.dropped_blocks += theirs.dropped_blocks;
        ours.dropped_bytes += theirs.dropped_bytes;
        return ours;
      };
      return ask_both<repair_report>(self, merge, repair_atom_v);
    },
    [self](put_atom, const std::string& name, const bytes& value) {
      return ask_both<bool>(self, first_of<bool>, put_atom_v, name, value);
    },
    [self](fence_atom, bool is_fenced) {
      return ask_both<core_record>(self, first_of<core_record>, fence_atom_v, is_fenced);
    },
    [self](peers_atom) {
      auto merge = [](std::vector<core_peer_record> ours, const std::vector<core_peer_record>& theirs) {
        ours.insert(ours.end(), theirs.begin(), theirs.end());
        return ours;
      };
      return ask_both<std::vector<core_peer_record>>(self, merge, peers_atom_v);
    },
    [self](extend_atom, const std::string& name, const extension_sink& sink) {
      return ask_both<bool>(self, first_of<bool>, extend_atom_v, name, sink);
    },
    [self](retract_atom, const std::string& name, const extension_sink& sink) {
      return ask_both<bool>(self, first_of<bool>, retract_atom_v, name, sink);
    },
    [self](send_atom, const extension_message& message) {
      return ask_both<std::uint64_t>(self, std::plus<std::uint64_t>{}, send_atom_v, message);
    },
    [self](push_atom, std::uint64_t index) {
      return ask_both<std::uint64_t>(self, std::plus<std::uint64_t>{}, push_atom_v, index);
    },
    [self](switch_atom, const core_switches& wanted) {
      if (wanted.session == 0)
        return ask_both<core_switches>(self, first_of<core_switches>, switch_atom_v, wanted);
      return ask_either<core_switches>(
        self, [](const core_switches&) { return true; }, switch_atom_v, wanted);
    },
    [self](evidence_atom) {
      return ask_either<conflict_record>(
        self, [](const conflict_record& found) { return found.is_found; }, evidence_atom_v);
    },
  };
}

void go_on(self_pointer self) {
  auto& state = self->state;
  if (state.is_busy)
    return;
  if (!state.is_level) {
    if (!state.queue.empty() || !state.records.empty() || !state.batches.empty()) {
      state.is_busy = true;
      level(self);
    }
    return;
  }
  for (auto& promise : std::exchange(state.records, {}))
    self->request(state.shown, caf::infinite, info_atom_v)
      .then([promise](core_record& record) mutable { promise.deliver(std::move(record)); },
            [promise](const caf::error& reason) mutable { promise.deliver(reason); });
  if (!state.batches.empty())
    begin_batch(self);
  else if (!state.queue.empty())
    append_step(self);
  else
    state.tries = 0;
}

caf::result<append_result> append(self_pointer self, std::vector<shared_bytes> blocks) {
  auto& state = self->state;
  paired_state::waiting_append waiting;
  for (const auto& block : blocks) {
    waiting.bytes += block.size();
    if (block.size() > limits::legacy_block_bytes_max)
      return make_error(ec::bad_argument, "a block of generation 9 has at most " +
                                            std::to_string(limits::legacy_block_bytes_max) + " bytes");
  }
  if (state.queued_bytes + waiting.bytes > limits::batch_bytes_max)
    return make_error(ec::limit_exceeded, "too many bytes wait to be appended");
  waiting.blocks = std::move(blocks);
  waiting.promise = self->make_response_promise<append_result>();
  auto promise = waiting.promise;
  state.queued_bytes += waiting.bytes;
  state.queue.push_back(std::move(waiting));
  go_on(self);
  return promise;
}

caf::behavior paired_core(self_pointer self, const local_core_actor& shown, const local_core_actor& other) {
  auto& state = self->state;
  state.shown = caf::actor_cast<core_actor>(shown);
  state.other = caf::actor_cast<core_actor>(other);
  auto target = caf::actor_cast<caf::actor>(shown);
  self->set_default_handler(
    [self, target](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
      self->delegate(target, view.move_content_to_message());
      return caf::delegated<caf::message>{};
    });
  self->set_down_handler([self](const caf::down_msg&) {
    give_up(self, make_error(ec::store_closed, "the core has ended"));
    self->quit();
  });
  self->monitor(shown);
  self->monitor(other);
  return caf::message_handler{
    [self](append_atom, std::vector<shared_bytes>& blocks) { return append(self, std::move(blocks)); },
    [self](info_atom) -> caf::result<core_record> {
      auto promise = self->make_response_promise<core_record>();
      self->state.records.push_back(promise);
      go_on(self);
      return promise;
    },
    [](append_atom, const std::vector<shared_bytes>&, const bytes&) -> caf::result<append_result> {
      return refusal("a signature made elsewhere");
    },
    [](truncate_atom, std::uint64_t, std::uint64_t) -> caf::result<core_record> { return refusal("truncation"); },
    [](encrypt_atom, const bytes&, std::uint8_t) -> caf::result<core_record> { return refusal("encryption"); },
    [self](checkout_atom, const checkout_request& request) { return check_out(self, request); },
  }
    .or_else(for_both(self));
}

} // namespace

core_actor pair_up(caf::actor_system& system, const local_core_actor& shown, const local_core_actor& other) {
  return caf::actor_cast<core_actor>(system.spawn(paired_core, shown, other));
}

} // namespace corestore::actors
