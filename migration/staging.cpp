#include "migration/staging.hpp"

#include <iterator>
#include <utility>

#include "log/flat_tree.hpp"

namespace corestore::migration {

void staging::begin(bool may_run) {
  close_run();
  may_run_ = may_run;
}

result<void> staging::add(std::uint64_t index, shared_bytes value) {
  if (!run_.blocks.empty() && run_.first + run_.blocks.size() != index)
    close_run();
  if (auto done = flush_if_full(); !done)
    return done;
  bytes_ += value.size();
  ++entries_;
  if (!may_run_) {
    pending_.blocks.push_back({index, std::move(value)});
    return {};
  }
  if (run_.blocks.empty())
    run_.first = index;
  run_.blocks.push_back(std::move(value));
  return {};
}

result<void> staging::add(const log::node& node) {
  bytes_ += hash32::size;
  auto last = run_.first + run_.blocks.size() - 1;
  if (!run_.blocks.empty() && log::flat_tree::completing_block(node.index) == last) {
    run_nodes_.push_back(node);
    return {};
  }
  if (!run_.blocks.empty() && log::flat_tree::completing_block(node.index) > last)
    close_run(); // a block that is not here follows
  ++entries_;
  pending_.nodes.push_back(node);
  return flush_if_full();
}

result<void> staging::add(const log::length_signature& signature) {
  ++entries_;
  bytes_ += signature64::size;
  pending_.signatures.push_back(signature);
  return flush_if_full();
}

/// A short run takes more room than its blocks one by one.
void staging::close_run() {
  if (run_.blocks.empty())
    return;
  if (run_.blocks.size() < run_blocks_min && run_.first > 0) {
    for (std::size_t i = 0; i < run_.blocks.size(); ++i)
      pending_.blocks.push_back({run_.first + i, std::move(run_.blocks[i])});
    std::move(run_nodes_.begin(), run_nodes_.end(), std::back_inserter(pending_.nodes));
  } else {
    for (const auto& node : run_nodes_) {
      run_.hashes.push_back(node.hash);
      if (log::flat_tree::first_block(node.index) < run_.first)
        pending_.nodes.push_back(node); // its size does not follow from the run alone
    }
    pending_.runs.push_back(std::move(run_));
  }
  run_ = {};
  run_nodes_.clear();
}

result<void> staging::flush_if_full() {
  return bytes_ < set_bytes_max && entries_ < set_entries_max ? result<void>{} : flush();
}

result<void> staging::flush() {
  close_run();
  auto changes = std::exchange(pending_, {});
  bytes_ = 0;
  entries_ = 0;
  if (changes.runs.empty() && changes.blocks.empty() && changes.nodes.empty() && changes.signatures.empty())
    return {};
  changes.number = number_;
  changes.base_fork = base_.fork;
  changes.base_length = base_.length;
  return sink_.apply(std::move(changes));
}

} // namespace corestore::migration
