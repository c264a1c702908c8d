// replicate: one connection, until everything asked for is here.
#include <algorithm>
#include <chrono>
#include <map>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "programs/cli.hpp"
#include "programs/endpoint_of.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Without an upload for that long the other side has what it wants.
constexpr milliseconds upload_quiet{1000};

/// How long one question for a longer log waits; it is asked again until the time is up.
constexpr milliseconds update_wait{1000};

/// As good as for ever: a year.
constexpr std::uint64_t live_wait_ms = std::uint64_t{365} * 24 * 3600 * 1000;

constexpr milliseconds progress_interval{200};

/// Requests in flight over many cores.
constexpr std::size_t window = 256;

struct replicate_options {
  std::string address;
  std::vector<std::string> keys;
  bool is_live = false;
  std::uint64_t timeout_ms = 30000;
};

class replicate_run {
public:
  replicate_run(session& store, const replicate_options& options, actors::endpoint where)
      : store_(store), options_(options), where_(std::move(where)),
        deadline_(steady_clock::now() + milliseconds{options.timeout_ms}) {
    // nop
  }

  result<void> run() {
    return open_cores().and_then([this] {
      store_.engine().connect(where_);
      return options_.is_live ? stay() : once();
    });
  }

private:
  struct wanted_core {
    core_actor handle;
    core_record record;
    std::uint32_t peers = 0;
  };

  // -- opening

  result<void> open_cores() {
    for (const auto& key : options_.keys) {
      auto selector = store_.select(key, true);
      if (!selector)
        return fail(selector.error());
      if (selector->generation == 0)
        selector->generation = where_.generation; // of the peer that has it
      if (auto opened = open_core(*selector); !opened)
        return opened;
    }
    if (!options_.keys.empty())
      return {};
    auto records = store_.list();
    if (!records)
      return fail(records.error());
    for (const auto& record : *records) {
      core_selector selector;
      selector.kind = selector_kind::by_discovery;
      selector.id.data = record.discovery.data;
      selector.create = false;
      if (auto opened = open_core(selector); !opened)
        return opened;
    }
    if (cores_.empty())
      return fail(ec::not_found, "the store holds no core yet: name one with --key");
    return {};
  }

  result<void> open_core(const core_selector& selector) {
    auto opened = store_.ask<opened_core>(store_.store(), open_atom_v, selector);
    if (!opened)
      return fail(opened.error());
    auto record = store_.ask<core_record>(opened->handle, subscribe_atom_v, as_sink(store_.self()));
    if (!record)
      return fail(record.error());
    by_key_[record->key] = cores_.size();
    auto peers = record->peers;
    cores_.push_back({opened->handle, std::move(*record), peers});
    return {};
  }

  // -- once

  result<void> once() {
    return wait_for_peers()
      .and_then([this] { return update(); })
      .and_then([this] { return download(); })
      .and_then([this] { return wait_for_uploads(); })
      .and_then([this] { return report(); });
  }

  result<void> wait_for_peers() {
    for (;;) {
      auto lonely = std::find_if(cores_.begin(), cores_.end(), [](const auto& core) { return core.peers == 0; });
      if (lonely == cores_.end())
        return {};
      if (steady_clock::now() >= deadline_)
        return fail(ec::timed_out, no_peer(lonely->record));
      take_events(std::min(left(), progress_interval));
      show_progress();
    }
  }

  [[nodiscard]] std::string no_peer(const core_record& record) {
    auto connections = store_.ask<std::vector<peer_record>>(store_.store(), peers_atom_v);
    auto is_open = connections && std::any_of(connections->begin(), connections->end(),
                                              [](const auto& peer) { return peer.state == "open"; });
    if (is_open)
      return fmt::format("{} does not offer the core {}", options_.address, text::to_hex(record.key.view()));
    auto reason = store_.engine().last_dial_failure(where_);
    return fmt::format("no connection to {} within {} ms{}{}", options_.address, options_.timeout_ms,
                       reason.empty() ? "" : ": ", reason);
  }

  /// Asks for the newest head of every core that others write.
  result<void> update() {
    auto wait = static_cast<std::uint64_t>(std::min(left(), update_wait).count());
    return for_each_core<bool>([](const wanted_core& core) { return !core.record.writable; },
                               [this, wait](const wanted_core& core) {
                                 return store_.self()->request(core.handle, patience_with(wait), update_atom_v, wait);
                               },
                               [](wanted_core&, bool) { return result<void>{}; });
  }

  result<void> download() {
    if (auto refreshed = refresh(); !refreshed)
      return refreshed;
    auto wait = static_cast<std::uint64_t>(std::max<std::int64_t>(left().count(), 1));
    return for_each_core<bool>(
      [](const wanted_core& core) { return core.record.contiguous_length < core.record.length; },
      [this, wait](const wanted_core& core) {
        return store_.self()->request(core.handle, patience_with(wait), download_atom_v, std::uint64_t{0},
                                      core.record.length, wait);
      },
      [this](wanted_core& core, bool is_complete) -> result<void> {
        if (is_complete)
          return {};
        return fail(ec::timed_out,
                    fmt::format("not all blocks of {} came from {} within {} ms", text::to_hex(core.record.key.view()),
                                options_.address, options_.timeout_ms));
      });
  }

  /// The other side has nothing to say when it is complete: it is when it stops asking.
  result<void> wait_for_uploads() {
    auto gives = options_.keys.empty() ||
                 std::any_of(cores_.begin(), cores_.end(), [](const auto& core) { return core.record.writable; });
    if (!gives)
      return {};
    last_upload_ = std::max(last_upload_, steady_clock::now() - upload_quiet / 2);
    while (steady_clock::now() - last_upload_ < upload_quiet) {
      take_events(progress_interval);
      show_progress();
    }
    return {};
  }

  result<void> report() {
    progress_.hide();
    if (auto refreshed = refresh(); !refreshed)
      return refreshed;
    for (const auto& core : cores_) {
      auto line = store_.is_json() ? to_line(to_json(core.record)) : to_summary(core.record);
      if (auto written = store_.out().line(line); !written)
        return written;
    }
    return {};
  }

  // -- live

  /// Downloads what there is and what is to come, and serves, until the user ends it.
  result<void> stay() {
    for (const auto& core : cores_)
      if (!core.record.writable)
        store_.self()->request(core.handle, caf::infinite, download_atom_v, std::uint64_t{0}, limits::safe_integer_max,
                               live_wait_ms);
    while (!store_.is_ending()) {
      take_events(progress_interval);
      show_progress();
    }
    return report();
  }

  // -- common

  [[nodiscard]] milliseconds left() const {
    auto rest = std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
    return std::max(rest, milliseconds{0});
  }

  /// Events that are there, or the first within `time`.
  void take_events(milliseconds time) {
    auto end = steady_clock::now() + time;
    bool is_quiet = false;
    while (!is_quiet && !store_.is_ending()) {
      auto rest = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
      store_.self()->receive([this](const core_event& event) { count(event); },
                             [](shutdown_atom) {
                               // the loop looks whether the end was asked for
                             },
                             [](bool) {
                               // a live download ended: its core was closed
                             },
                             caf::after(std::max(rest, milliseconds{0})) >> [&is_quiet] { is_quiet = true; });
      is_quiet = is_quiet || rest.count() <= 0;
    }
  }

  void count(const core_event& event) {
    auto found = by_key_.find(event.key);
    if (found == by_key_.end())
      return;
    auto& core = cores_[found->second];
    switch (event.kind) {
    case event_kind::peer_add:
      ++core.peers;
      break;
    case event_kind::peer_remove:
      core.peers -= core.peers > 0 ? 1 : 0;
      break;
    case event_kind::upload:
      ++uploads_;
      last_upload_ = steady_clock::now();
      break;
    case event_kind::download:
      ++downloads_;
      break;
    default:
      break;
    }
  }

  result<void> refresh() {
    return for_each_core<core_record>(
      [](const wanted_core&) { return true; },
      [this](const wanted_core& core) { return store_.self()->request(core.handle, patience, info_atom_v); },
      [](wanted_core& core, core_record& record) {
        core.record = std::move(record);
        return result<void>{};
      });
  }

  /// One request for each core that `wants` it, at most `window` of them in flight; answers in order.
  template <class Answer, class Wants, class Send, class Take>
  result<void> for_each_core(Wants wants, Send send, Take take) {
    std::vector<std::size_t> chosen;
    for (std::size_t position = 0; position < cores_.size(); ++position)
      if (wants(cores_[position]))
        chosen.push_back(position);
    result<void> outcome;
    for (std::size_t start = 0; start < chosen.size() && outcome; start += window) {
      auto end = std::min(chosen.size(), start + window);
      std::vector<decltype(send(cores_.front()))> pending;
      for (auto position = start; position < end; ++position)
        pending.push_back(send(cores_[chosen[position]]));
      for (auto position = start; position < end; ++position) {
        auto& core = cores_[chosen[position]];
        pending[position - start].receive(
          [&](Answer& answer) {
            if (auto taken = take(core, answer); !taken && outcome)
              outcome = taken;
          },
          [&](caf::error& failure) {
            if (outcome)
              outcome = fail(from_caf(failure));
          });
      }
      show_progress();
    }
    return outcome;
  }

  void show_progress() {
    if (!progress_.is_watched())
      return;
    auto connected = std::count_if(cores_.begin(), cores_.end(), [](const auto& core) { return core.peers > 0; });
    progress_.say(
      fmt::format("{} of {} cores connected, {} in, {} out", connected, cores_.size(), downloads_, uploads_));
  }

  session& store_;
  const replicate_options& options_;
  actors::endpoint where_;
  steady_clock::time_point deadline_;
  std::vector<wanted_core> cores_;
  std::map<core_key, std::size_t> by_key_;
  std::uint64_t downloads_ = 0;
  std::uint64_t uploads_ = 0;
  steady_clock::time_point last_upload_;
  progress progress_{"replicating", "blocks"};
};

result<void> replicate(session& store, const replicate_options& options) {
  return dial_endpoint(options.address).and_then([&](const actors::endpoint& where) {
    return replicate_run{store, options, where}.run();
  });
}

} // namespace

void add_replicate(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<replicate_options>();
  auto* verb = app.add_subcommand("replicate", "Replicate once with a peer, without a server");
  verb->add_option("ADDR", options->address, "host:port or unix:PATH of the peer")->required();
  verb->add_option("--key", options->keys, "Core to replicate; repeat it for several (every core of the store)")
    ->allow_extra_args(false);
  verb->add_flag("--live", options->is_live, "Stay connected until SIGINT");
  verb->add_option("--timeout", options->timeout_ms, "Milliseconds until it gives up (30000); not with --live");
  verb->callback([&chosen, options] {
    chosen.target.is_local = true;
    chosen.target.is_live = options->is_live;
    chosen.run = [options](session& store) {
      return replicate(store, *options);
    };
  });
}

} // namespace corestore::programs
