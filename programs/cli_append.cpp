// append: batches in flight while more input is read, acknowledged in order.
#include <algorithm>
#include <deque>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "programs/block_source.hpp"
#include "programs/cli.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

/// Appends that wait for their commit: enough to fill the writer's groups, few enough to bound the memory.
constexpr std::size_t in_flight_max = 8;

struct append_options {
  std::string core;
  block_source_options source;
};

class append_run {
public:
  append_run(session& store, const opened_core& core) : store_(store), core_(core.handle), first_(core.record.length) {
    // nop
  }

  result<void> run(block_source& source) {
    auto outcome = pump(source);
    progress_.hide();
    while (!in_flight_.empty()) // what was sent is reported, whatever stopped us
      if (auto taken = take_one(); !taken && outcome)
        outcome = taken;
    if (outcome && !store_.is_json() && last_)
      return store_.out().line(fmt::format("length {}  bytes {}", last_->length, last_->byte_length));
    return outcome;
  }

private:
  using pending = decltype(std::declval<caf::scoped_actor&>()->request(
    std::declval<core_actor&>(), patience, append_atom_v, std::declval<std::vector<shared_bytes>>()));

  result<void> pump(block_source& source) {
    for (;;) {
      // Acknowledgements come first whenever there is no input to be read.
      while (!in_flight_.empty() && (in_flight_.size() >= in_flight_max || !source.is_ready()))
        if (auto taken = take_one(); !taken)
          return taken;
      auto batch = source.next();
      if (!batch)
        return fail(batch.error());
      if (batch->empty())
        return {};
      in_flight_.push_back(store_.self()->request(core_, patience, append_atom_v, std::move(*batch)));
    }
  }

  result<void> take_one() {
    result<void> outcome;
    in_flight_.front().receive([this](append_result& committed) { last_ = committed; },
                               [&outcome](caf::error& failure) { outcome = fail(from_caf(failure)); });
    in_flight_.pop_front();
    if (outcome)
      progress_.at(last_->length - std::min(first_, last_->length));
    if (outcome && store_.is_json())
      outcome = store_.out().line(to_line(to_json(*last_)));
    return outcome;
  }

  session& store_;
  core_actor core_;
  std::deque<pending> in_flight_;
  std::uint64_t first_; ///< the length at the start
  progress progress_{"appending", "blocks"};
  std::optional<append_result> last_;
};

result<void> append(session& store, const append_options& options) {
  if (options.source.by_line && options.source.block_bytes > 0)
    return fail(ec::bad_argument, "--lines and --block-size exclude each other");
  if (options.source.block_bytes > limits::block_bytes_max)
    return fail(ec::bad_argument, fmt::format("--block-size: {} at most", limits::block_bytes_max));
  auto core = store.open_core(options.core, true);
  if (!core)
    return fail(core.error());
  if (!core->record.writable)
    return fail(ec::not_writable,
                "no secret key for the core " + options.core +
                  " is known here: append where it was created, or to a core of this store (name:NAME)");
  block_source source{options.source};
  return append_run{store, *core}.run(source);
}

} // namespace

void add_append(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<append_options>();
  auto* verb = app.add_subcommand("append", "Append a block for each FILE, or what standard input holds");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("FILE", options->source.files, "One block for each file; - is standard input");
  verb->add_flag("--lines", options->source.by_line, "A block for each line, without its line end");
  verb->add_option("--block-size", options->source.block_bytes, "Blocks of that many bytes")
    ->check(CLI::PositiveNumber);
  verb
    ->add_option("--batch", options->source.batch_blocks_max,
                 "Blocks of one batch: one signature and one commit (what one read delivers, at most 1,024)")
    ->check(CLI::PositiveNumber);
  verb->callback([&chosen, options] {
    chosen.run = [options](session& store) {
      return append(store, *options);
    };
  });
}

} // namespace corestore::programs
