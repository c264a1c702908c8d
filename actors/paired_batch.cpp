#include "actors/paired_batch.hpp"

#include <string>
#include <utility>

#include <caf/all.hpp>

#include "base/limits.hpp"
#include "messages/errors.hpp"

namespace corestore::actors {

namespace {

struct paired_batch_state {
  static inline const char* name = "paired_batch";

  paired_batch_state() = default; // no aggregate: CAF would make its first member of the actor's address

  batch_pair batches;
  append_result size;
  bool is_uneven = false;  ///< a change reached one of the two only
  bool is_over = false;    ///< one of them, or a core, has ended
  std::size_t pending = 0; ///< requests that are not answered yet
};

using self_pointer = local_checkout_actor::stateful_pointer<paired_batch_state>;

caf::error uneven() {
  return make_error(ec::internal, "the batch failed in one of the two generations before");
}

void end_when_over(self_pointer self) {
  if (self->state.is_over && self->state.pending == 0)
    self->quit(make_error(ec::store_closed, "its core was closed"));
}

/// Answers when both have; whatever ends meanwhile, its requests fail by themselves.
template <class Answer>
class answer_due {
public:
  explicit answer_due(self_pointer self) : self_(self), promise_(self->make_response_promise<Answer>()) {
    ++self->state.pending;
  }
  template <class Outcome>
  void operator()(Outcome outcome) {
    promise_.deliver(std::move(outcome));
    --self_->state.pending;
    end_when_over(self_);
  }
  [[nodiscard]] const caf::typed_response_promise<Answer>& promise() const {
    return promise_;
  }

private:
  self_pointer self_;
  caf::typed_response_promise<Answer> promise_;
};

/// Makes a change to both; only the second one's answer counts, and they answer in the order of the changes.
template <class... Content>
caf::result<append_result> change(self_pointer self, const Content&... content) {
  if (self->state.is_uneven)
    return uneven();
  answer_due<append_result> due{self};
  auto second = [self, due](const append_result& size) mutable {
    self->state.size = size;
    due(size);
  };
  auto failed = [self, due](const caf::error& reason) mutable {
    self->state.is_uneven = true;
    due(reason);
  };
  self->request(self->state.batches.shown, caf::infinite, content...)
    .then(
      [=](const append_result&) {
        self->request(self->state.batches.other, caf::infinite, content...).then(second, failed);
      },
      [due](const caf::error& reason) mutable { due(reason); });
  return due.promise();
}

caf::result<append_result> append(self_pointer self, const std::vector<shared_bytes>& blocks) {
  for (const auto& block : blocks)
    if (block.size() > limits::legacy_block_bytes_max)
      return make_error(ec::bad_argument, "a block of generation 9 has at most " +
                                            std::to_string(limits::legacy_block_bytes_max) + " bytes");
  return change(self, append_atom_v, blocks);
}

caf::result<append_result> truncate(self_pointer self, std::uint64_t length) {
  if (length < self->state.batches.begun.length)
    return make_error(ec::unsupported,
                      "truncation: a core that is published in both generations has none, its batch keeps the " +
                        std::to_string(self->state.batches.begun.length) + " blocks that it began with");
  return change(self, truncate_atom_v, length);
}

caf::result<append_result> flush(self_pointer self, const bytes& signature) {
  auto& state = self->state;
  if (!signature.empty())
    return make_error(ec::unsupported, "a signature made elsewhere: it is for one generation only");
  if (state.is_uneven)
    return uneven();
  if (state.size.length == state.batches.begun.length) { // a commit of several wants a change
    self->quit();
    return state.size;
  }
  answer_due<append_result> due{self};
  std::vector<checkout_actor> both{caf::actor_cast<checkout_actor>(state.batches.shown),
                                   caf::actor_cast<checkout_actor>(state.batches.other)};
  self->request(state.batches.core, caf::infinite, commit_atom_v, std::move(both))
    .then(
      [self, due](const std::vector<append_result>& sizes) mutable {
        due(sizes.front());
        self->quit();
      },
      [due](const caf::error& reason) mutable { due(reason); });
  return due.promise();
}

caf::result<staged_batch_ptr> prepare(self_pointer self) {
  if (self->state.is_uneven)
    return uneven();
  answer_due<staged_batch_ptr> due{self};
  auto failed = [due](const caf::error& reason) mutable {
    due(reason);
  };
  self->request(self->state.batches.shown, caf::infinite, prepare_atom_v)
    .then(
      [=](const staged_batch_ptr& shown) {
        self->request(self->state.batches.other, caf::infinite, prepare_atom_v)
          .then(
            [due, shown](const staged_batch_ptr& other) mutable {
              auto both = std::make_shared<staged_batch>(*shown);
              both->twin = other;
              due(staged_batch_ptr{std::move(both)});
            },
            failed);
      },
      failed);
  return due.promise();
}

local_checkout_actor::behavior_type paired_batch(self_pointer self, const batch_pair& batches) {
  self->state.batches = batches;
  self->state.size = batches.begun;
  self->monitor(batches.shown);
  self->monitor(batches.other);
  self->set_down_handler([self](const caf::down_msg&) {
    self->state.is_over = true;
    end_when_over(self);
  });
  self->attach_functor([batches] { // a batch of one core ends only when it is told to
    caf::anon_send(batches.shown, close_atom_v);
    caf::anon_send(batches.other, close_atom_v);
  });
  auto shown = caf::actor_cast<checkout_actor>(batches.shown);
  return {
    [self, shown](fetch_atom, std::uint64_t index, std::uint64_t wait_ms) {
      return self->delegate(shown, fetch_atom_v, index, wait_ms);
    },
    [self, shown](read_atom, std::uint64_t start, std::uint64_t end, std::uint64_t bytes_max) {
      return self->delegate(shown, read_atom_v, start, end, bytes_max);
    },
    [self, shown](info_atom) { return self->delegate(shown, info_atom_v); },
    [self](append_atom, const std::vector<shared_bytes>& blocks) { return append(self, blocks); },
    [self](truncate_atom, std::uint64_t length) { return truncate(self, length); },
    [self, shown](signable_atom) { return self->delegate(shown, signable_atom_v); },
    [self](flush_atom, const bytes& signature) { return flush(self, signature); },
    [self](close_atom) {
      self->quit();
      return true;
    },
    [](internal_atom, const truncation_ptr&) {
      // its two batches hear of it themselves
    },
    [self](prepare_atom) { return prepare(self); },
  };
}

} // namespace

checkout_actor pair_up(caf::actor_system& system, const batch_pair& batches) {
  return caf::actor_cast<checkout_actor>(system.spawn(paired_batch, batches));
}

} // namespace corestore::actors
