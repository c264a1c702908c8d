// Replicators of one core, connected by queues whose order of events a seed decides.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "replication/replicator.hpp"
#include "tests/unit/log/memory_log.hpp"

namespace corestore::test {

namespace wire = replication::wire;

/// One owner of a core: stages what the replicator verified, commits it some time later.
struct world_node {
  memory_core core;
  std::unique_ptr<replication::replicator> machine;
  std::vector<log::verification> waiting;
  std::optional<replication::reorg> waiting_reorg;
  std::vector<log::verification> committing;
  std::optional<log::change_set> in_commit;
  std::size_t failing_commits = 0; ///< so many commits fail from now on

  std::map<std::uint64_t, std::size_t> asked;     ///< block -> requests sent
  std::map<std::size_t, std::size_t> sent;        ///< message type -> count
  std::map<std::uint64_t, std::size_t> nodes_got; ///< block -> proof nodes received with it
  std::map<replication::peer_id, std::size_t> blocks_from;
  std::vector<replication::replicator_event> events;
  std::set<std::uint64_t> wanted;
  std::map<replication::seek_id, std::uint64_t> seeks;
  std::map<replication::seek_id, log::seek_result> found;

  template <class Event>
  [[nodiscard]] std::size_t count_events() const {
    return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [](const auto& event) { return std::holds_alternative<Event>(event); }));
  }
};

class world {
public:
  explicit world(std::uint64_t seed) : random_(seed) {
    // nop
  }

  std::uint64_t now = 1000;
  replication::replicator_settings settings;
  std::size_t credit = std::size_t{1} << 30U;
  bool is_pushed_on = true; ///< time passes when nothing else happens
  std::vector<std::unique_ptr<world_node>> nodes;

  world_node& add(memory_core core) {
    nodes.push_back(std::make_unique<world_node>());
    nodes.back()->core = std::move(core);
    restart(*nodes.back());
    return *nodes.back();
  }

  void restart(world_node& node) {
    node.machine = std::make_unique<replication::replicator>(node.core.state, settings);
    node.waiting.clear();
    node.waiting_reorg.reset();
    node.in_commit.reset();
  }

  /// Returns the id that both sides use for the connection.
  replication::peer_id connect(world_node& left, world_node& right, replication::peer_options left_options = {true},
                               replication::peer_options right_options = {true}) {
    const auto id = next_link_++;
    links_[id] = {&left, &right, {}, {}};
    left.machine->add_peer(id, left_options, left.core.store, now);
    right.machine->add_peer(id, right_options, right.core.store, now);
    left.machine->grant(id, credit, left.core.store);
    right.machine->grant(id, credit, right.core.store);
    drain(left);
    drain(right);
    return id;
  }

  void disconnect(replication::peer_id id) {
    auto link = links_.at(id);
    links_.erase(id);
    link.left->machine->remove_peer(id, link.left->core.store, now);
    link.right->machine->remove_peer(id, link.right->core.store, now);
    drain(*link.left);
    drain(*link.right);
  }

  void append(world_node& node, const std::vector<shared_bytes>& blocks, const key_pair& keys) {
    own(node, log::stage_append(node.core.state, blocks, keys).value());
  }

  void truncate(world_node& node, std::uint64_t length, std::uint64_t fork, const key_pair& keys) {
    own(node, log::stage_truncate(node.core.state, node.core.store, length, fork, keys).value());
  }

  void clear(world_node& node, log::block_range range) {
    own(node, log::stage_clear(node.core.state, range));
  }

  void want(world_node& node, std::uint64_t index) {
    node.wanted.insert(index);
    node.machine->want_block(index, node.core.store, now);
    drain(node);
  }

  void download(world_node& node, log::block_range range = {0, UINT64_MAX}, bool is_linear = false) {
    node.machine->add_download(next_wish_++, range, is_linear, node.core.store, now);
    drain(node);
  }

  void seek(world_node& node, replication::seek_id id, std::uint64_t position) {
    node.seeks[id] = position;
    node.machine->add_seek(id, position, 0, node.core.store, now);
    drain(node);
  }

  /// Messages of a stranger on a connection, as if the other side had sent them.
  void inject(world_node& to, replication::peer_id id, std::vector<wire::message> messages) {
    to.machine->receive(id, std::move(messages), to.core.store, now);
    drain(to);
  }

  /// Runs until nothing is under way, letting time pass for the timers. The number of events is bounded.
  void run(std::size_t steps_max = 400000) {
    std::size_t idle = 0;
    for (std::size_t step = 0; step < steps_max; ++step) {
      if (act()) {
        idle = 0;
        continue;
      }
      if (!is_pushed_on || !advance() || ++idle > 200)
        return;
    }
    FAIL("the world does not come to rest");
  }

  /// Runs `steps` random events at most.
  void run_some(std::size_t steps) {
    for (std::size_t step = 0; step < steps && act(); ++step) {
    }
  }

  /// Delivers whatever is sent while no disk answers: nothing is committed.
  void deliver_all() {
    for (bool is_moved = true; is_moved;) {
      is_moved = false;
      for (auto& [id, entry] : links_) {
        for (const bool is_left : {true, false}) {
          if ((is_left ? entry.to_left : entry.to_right).empty())
            continue;
          deliver(entry, id, is_left);
          is_moved = true;
        }
      }
    }
  }

  /// Jumps to the next timer. False when there is none.
  bool advance() {
    std::optional<std::uint64_t> next;
    for (const auto& node : nodes) {
      if (const auto when = node->machine->next_tick_ms())
        next = next ? std::min(*next, *when) : *when;
    }
    if (!next)
      return false;
    now = std::max(now + 1, *next);
    for (const auto& node : nodes) {
      node->machine->tick(node->core.store, now);
      drain(*node);
    }
    return true;
  }

  void drain(world_node& node) {
    auto effects = node.machine->take_effects();
    for (auto& outgoing : effects.messages) {
      for (const auto& message : outgoing.messages)
        count(node, message);
      const auto link = links_.find(outgoing.peer);
      if (link == links_.end())
        continue;
      auto& queue = link->second.left == &node ? link->second.to_right : link->second.to_left;
      queue.push_back(std::move(outgoing.messages));
    }
    for (auto& event : effects.events) {
      if (const auto* got = std::get_if<replication::block_downloaded>(&event))
        ++node.blocks_from[got->peer];
      node.events.push_back(std::move(event));
    }
    for (auto& verified : effects.verified)
      node.waiting.push_back(std::move(verified));
    if (effects.replaced) {
      REQUIRE_FALSE(node.waiting_reorg.has_value());
      node.waiting_reorg = std::move(effects.replaced);
    }
  }

  std::mt19937_64& random() {
    return random_;
  }

private:
  struct link_queues {
    world_node* left = nullptr;
    world_node* right = nullptr;
    std::deque<std::vector<wire::message>> to_left;
    std::deque<std::vector<wire::message>> to_right;
  };

  void own(world_node& node, const log::change_set& changes) {
    REQUIRE(node.core.apply(changes));
    node.machine->changed(changes, true, node.core.store, now);
    drain(node);
  }

  static void count(world_node& node, const wire::message& message) {
    ++node.sent[message.index()];
    if (const auto* request = std::get_if<wire::request>(&message); request != nullptr && request->wanted.block)
      ++node.asked[request->wanted.block->index];
  }

  /// One random event: a delivery or a commit.
  bool act() {
    std::vector<std::pair<link_queues*, bool>> deliveries;
    std::vector<replication::peer_id> ids;
    for (auto& [id, entry] : links_) {
      for (const bool is_left : {true, false}) {
        if (!(is_left ? entry.to_left : entry.to_right).empty()) {
          deliveries.emplace_back(&entry, is_left);
          ids.push_back(id);
        }
      }
    }
    std::vector<world_node*> commits;
    for (const auto& node : nodes) {
      if (node->in_commit || !node->waiting.empty() || node->waiting_reorg)
        commits.push_back(node.get());
    }
    const auto total = deliveries.size() + commits.size();
    if (total == 0)
      return false;
    const auto choice = random_() % total;
    if (choice < deliveries.size())
      deliver(*deliveries[choice].first, ids[choice], deliveries[choice].second);
    else
      commit(*commits[choice - deliveries.size()]);
    return true;
  }

  void deliver(link_queues& entry, replication::peer_id id, bool is_left) {
    auto& queue = is_left ? entry.to_left : entry.to_right;
    auto& to = is_left ? *entry.left : *entry.right;
    std::vector<wire::message> messages;
    const auto batches = 1 + random_() % queue.size();
    for (std::size_t i = 0; i < batches; ++i) {
      std::move(queue.front().begin(), queue.front().end(), std::back_inserter(messages));
      queue.pop_front();
    }
    for (const auto& message : messages) {
      if (const auto* data = std::get_if<wire::data>(&message); data != nullptr && data->content.block)
        to.nodes_got[data->content.block->index] += data->content.block->nodes.size();
    }
    to.machine->receive(id, std::move(messages), to.core.store, now);
    drain(to);
  }

  /// Either starts a step with all that waits, or ends the one that runs.
  void commit(world_node& node) {
    if (!node.in_commit) {
      if (!node.waiting.empty()) {
        node.committing = std::exchange(node.waiting, {});
        auto staged = node.core.stage(node.committing);
        if (staged)
          node.in_commit = std::move(*staged);
        else
          give_up(node);
      } else {
        node.committing = {node.waiting_reorg->verified};
        auto staged = log::stage_reorg(node.core.state, node.waiting_reorg->verified, node.waiting_reorg->ancestors);
        node.waiting_reorg.reset();
        if (staged)
          node.in_commit = std::move(*staged);
        else
          give_up(node);
      }
      return;
    }
    const auto changes = std::move(*node.in_commit);
    node.in_commit.reset();
    if (node.failing_commits > 0 || !node.core.apply(changes)) {
      node.failing_commits -= std::min<std::size_t>(node.failing_commits, 1);
      give_up(node);
      return;
    }
    if (changes.header)
      node.core.state.manifest = log::decode_manifest(changes.header->manifest).value();
    node.machine->changed(changes, false, node.core.store, now);
    serve_owner(node);
    drain(node);
  }

  /// What came meanwhile may lean on what is lost.
  void give_up(world_node& node) {
    auto lost = std::exchange(node.committing, {});
    std::move(node.waiting.begin(), node.waiting.end(), std::back_inserter(lost));
    node.waiting.clear();
    node.machine->discarded(lost, node.core.store, now);
    drain(node);
  }

  void serve_owner(world_node& node) {
    for (auto index = node.wanted.begin(); index != node.wanted.end();) {
      if (node.core.state.bits.test(*index)) {
        node.machine->drop_block(*index);
        index = node.wanted.erase(index);
      } else {
        ++index;
      }
    }
    for (auto entry = node.seeks.begin(); entry != node.seeks.end();) {
      const auto result = log::seek(node.core.state.head, node.core.store, entry->second);
      if (result && result->is_found) {
        node.found[entry->first] = *result;
        node.machine->remove_seek(entry->first);
        entry = node.seeks.erase(entry);
      } else {
        ++entry;
      }
    }
  }

  std::mt19937_64 random_;
  std::map<replication::peer_id, link_queues> links_;
  replication::peer_id next_link_ = 1;
  std::uint64_t next_wish_ = 1;
};

inline memory_core reader_of(const memory_core& source) {
  return memory_core::remote(source.state.header.key);
}

inline memory_core writer_with(std::uint64_t blocks, const key_pair& keys) {
  auto core = memory_core::owned(keys);
  for (std::uint64_t start = 0; start < blocks; start += 1000)
    CORESTORE_CHECK(core.append(test_blocks(start, std::min(blocks, start + 1000)), keys).has_value());
  return core;
}

inline bool is_same(const world_node& left, const world_node& right) {
  return left.core.state.head.fork == right.core.state.head.fork &&
         left.core.state.head.length == right.core.state.head.length &&
         left.core.tree_hash() == right.core.tree_hash() && left.core.store.blocks == right.core.store.blocks;
}

inline std::size_t most_asked(const world_node& node) {
  std::size_t most = 0;
  for (const auto& entry : node.asked)
    most = std::max(most, entry.second);
  return most;
}

} // namespace corestore::test
