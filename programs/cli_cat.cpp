// cat: blocks one after another, and with --follow those to come.
#include <limits>

#include <caf/all.hpp>

#include <unistd.h>

#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/page_reader.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// With --follow: how long one request for a missing block waits before we look whether the user wants to end.
constexpr std::uint64_t follow_wait_ms = 1000;

struct cat_options {
  std::string core;
  std::uint64_t start = 0;
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  bool is_following = false;
};

class cat_run {
public:
  cat_run(session& store, const cat_options& options, const opened_core& core)
      : store_(store), options_(options), core_(core.handle), length_(core.record.length),
        pages_(store, core.handle, options.start, std::min(options.end, core.record.length)) {
    // nop
  }

  result<void> run() {
    if (options_.is_following) {
      auto record = store_.ask<core_record>(core_, subscribe_atom_v, as_sink(store_.self()));
      if (!record)
        return fail(record.error());
      grow(record->length);
    }
    for (;;) {
      if (auto printed = print_stored(); !printed)
        return printed;
      if (auto flushed = store_.out().flush(); !flushed)
        return flushed;
      if (!options_.is_following || pages_.position() >= options_.end || store_.is_ending())
        return {};
      if (auto grown = wait(); !grown)
        return grown;
    }
  }

private:
  void grow(std::uint64_t length) {
    length_ = std::max(length_, length);
    pages_.extend_to(std::min(options_.end, length_));
  }

  result<void> print(std::uint64_t index, const shared_bytes& value) {
    if (store_.is_json())
      return store_.out().write(to_line({{"index", index}, {"base64", text::to_base64(value.view())}}) + "\n");
    return store_.out().write(value.view());
  }

  /// Everything up to the known length; with --follow, blocks that only peers have are waited for.
  result<void> print_stored() {
    while (!store_.is_ending()) {
      auto page = pages_.next();
      if (!page && options_.is_following && page.error().code == ec::block_not_available)
        page = fetch_missing();
      if (!page)
        return fail(page.error());
      if (page->blocks.empty())
        return {};
      if (!is_terminal_)
        progress_.at(pages_.position() - options_.start);
      for (const auto& block : page->blocks)
        if (auto printed = print(block.index, block.value); !printed)
          return printed;
    }
    return {};
  }

  /// The block at the reader's position, as soon as a peer delivers it; an empty page when the user ends it first.
  result<block_batch> fetch_missing() {
    if (auto flushed = store_.out().flush(); !flushed)
      return fail(flushed.error());
    auto index = pages_.position();
    while (!store_.is_ending()) {
      auto block = store_.ask_for<shared_bytes>(follow_wait_ms, core_, fetch_atom_v, index, follow_wait_ms);
      if (block) {
        pages_.skip_one();
        return block_batch{{indexed_block{index, std::move(*block)}}};
      }
      auto code = block.error().code;
      if (code != ec::block_not_available && code != ec::timed_out)
        return fail(block.error());
    }
    return block_batch{};
  }

  /// Until the log is longer, or the user ends it.
  result<void> wait() {
    result<void> outcome;
    const auto known = length_;
    while (outcome && length_ == known && !store_.is_ending()) {
      store_.self()->receive(
        [this, &outcome](const core_event& event) {
          if (event.kind == event_kind::append)
            grow(event.length);
          else if (event.kind == event_kind::truncate && event.length < pages_.position())
            outcome = fail(ec::conflict, "the core was truncated below what is already printed");
          else if (event.kind == event_kind::truncate)
            length_ = event.length;
          else if (event.kind == event_kind::closed)
            outcome = fail(ec::store_closed, "the core was closed");
        },
        [](shutdown_atom) {
          // the loop looks whether the end was asked for
        });
    }
    return outcome;
  }

  session& store_;
  const cat_options& options_;
  core_actor core_;
  std::uint64_t length_;
  page_reader pages_;
  progress progress_{"reading", "blocks"};
  bool is_terminal_ = isatty(STDOUT_FILENO) == 1;
};

result<void> cat(session& store, const cat_options& options) {
  auto core = store.open_core(options.core, options.is_following);
  if (!core)
    return fail(core.error());
  return cat_run{store, options, *core}.run();
}

} // namespace

void add_cat(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<cat_options>();
  auto* verb = app.add_subcommand("cat", "Write blocks one after another to standard output");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("--start", options->start, "First block (0)");
  verb->add_option("--end", options->end, "One past the last block (the length)");
  verb->add_flag("--follow", options->is_following, "Go on with the blocks to come, until SIGINT");
  verb->callback([&chosen, options] {
    chosen.target.may_write = chosen.target.may_create = chosen.target.is_live = options->is_following;
    chosen.run = [options](session& store) {
      return cat(store, *options);
    };
  });
}

} // namespace corestore::programs
