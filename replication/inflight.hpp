// What one peer was asked and has not answered: ids, ages, estimated bytes.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "log/proof.hpp"

namespace corestore::replication {

enum class request_kind : std::uint8_t {
  block,    ///< a block of the known length
  upgrade,  ///< a longer head, maybe with a block or a seek
  seek,     ///< a hash path that narrows a seek
  fork,     ///< the whole head of a higher fork
  ancestor, ///< a hash path that narrows the common prefix with a higher fork
  manifest, ///< the manifest alone
  push      ///< not asked for at all: stands for data that a peer pushed
};

struct asked {
  request_kind kind = request_kind::block;
  log::proof_request wanted;
  std::uint64_t fork = 0;
  std::uint64_t sent_ms = 0;
  std::size_t bytes = 0;                            ///< estimate of the answer
  std::optional<std::uint64_t> seek = std::nullopt; ///< the seek it belongs to
  std::uint64_t epoch = 0; ///< local clears when it was sent: nodes that were here then may be gone
  bool is_chained = false; ///< relies on the answer for the block before it
  std::uint64_t order = 0; ///< filled in by the table: position among all requests to this peer
};

class inflight {
public:
  /// Chooses an id (wire 5.5): the one freed last, else the next integer.
  std::uint64_t add(asked request);

  [[nodiscard]] const asked* find(std::uint64_t id) const;

  /// The answer arrived: the id is free again, and with it every id that was withdrawn before this request was sent.
  std::optional<asked> answered(std::uint64_t id);

  /// Given up: its id stays taken until a later request was answered, since an answer may be under way.
  std::optional<asked> withdraw(std::uint64_t id);

  struct aged {
    std::uint64_t id = 0;
    std::uint64_t sent_ms = 0;
  };
  /// The request that waits longest.
  [[nodiscard]] std::optional<aged> oldest();

  /// Visits requests from the oldest on until `visit(id, request)` answers false.
  template <class Visit>
  void for_oldest(Visit visit) const {
    for (const auto& entry : by_age_) {
      if (is_open(entry) && !visit(entry.id, *find(entry.id)))
        return;
    }
  }

  [[nodiscard]] std::vector<std::uint64_t> ids() const; ///< ascending
  [[nodiscard]] std::size_t count() const {
    return open_.size();
  }
  [[nodiscard]] std::size_t bytes() const {
    return bytes_;
  }

private:
  struct withdrawn {
    std::uint64_t id = 0;
    std::uint64_t order = 0; ///< requests from this order on were sent after the withdrawal
  };
  struct sent {
    std::uint64_t id = 0;
    std::uint64_t order = 0;
    std::uint64_t sent_ms = 0;
  };

  static constexpr std::size_t age_slack = 1024; ///< entries of answered requests kept before they are swept

  std::optional<asked> take(std::uint64_t id);
  [[nodiscard]] bool is_open(const sent& entry) const;

  std::unordered_map<std::uint64_t, asked> open_;
  std::list<sent> by_age_; ///< may name requests that are gone
  std::list<withdrawn> withdrawn_;
  std::vector<std::uint64_t> free_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_order_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace corestore::replication
