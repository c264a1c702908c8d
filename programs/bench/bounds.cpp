#include "programs/bench/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace corestore::bench {

namespace {

/// What a bound says: seconds of one block (or of one request), and what they are made of.
struct verdict {
  double seconds = 0;
  const char* words = "";
  bool is_latency = false;
};

class judge {
public:
  judge(const options& asked, const machine& limits, double direct_s)
      : asked_(asked), limits_(limits), direct_s_(direct_s),
        batch_(static_cast<double>(std::max<std::uint64_t>(asked.batch, 1))), processors_(limits.processors) {
    // nop
  }

  [[nodiscard]] std::optional<verdict> of_workload() const {
    static const std::map<std::string_view, verdict (judge::*)() const> known{{"append", &judge::append},
                                                                              {"append-many", &judge::append_many},
                                                                              {"get", &judge::read},
                                                                              {"scan", &judge::read},
                                                                              {"replicate", &judge::replicate},
                                                                              {"replicate-many", &judge::replicate},
                                                                              {"fanout", &judge::fanout},
                                                                              {"live", &judge::live},
                                                                              {"sparse", &judge::sparse},
                                                                              {"open-many", &judge::open_many},
                                                                              {"mixed", &judge::mixed}};
    auto found = known.find(asked_.workload);
    if (found == known.end())
      return std::nullopt;
    return (this->*found->second)();
  }

  [[nodiscard]] double hash_s() const {
    return limits_.leaf_s + limits_.parent_s;
  }
  [[nodiscard]] double signed_s() const { // a block of a batch
    return hash_s() + limits_.sign_s / batch_;
  }

private:
  [[nodiscard]] verdict append() const {
    auto put = limits_.put_s / batch_;
    if (asked_.callers > 1)
      return {std::max(signed_s(), put), "hash and sign, or put and sync beside it"};
    return {signed_s() + put, "hash and sign, then put and sync: one caller waits for both"};
  }
  [[nodiscard]] verdict append_many() const {
    auto group = batch_ * static_cast<double>(std::max<std::uint64_t>(asked_.cores, 1));
    return {std::max(signed_s() / processors_, limits_.put_s / group),
            "hash and sign on every processor, or one put and sync for all cores"};
  }
  [[nodiscard]] verdict read() const {
    return {std::max(direct_s_, limits_.copy_s), "the same reads from the storage, without actors"};
  }
  [[nodiscard]] double receive_s() const {
    return hash_s() + limits_.seal_s;
  }
  [[nodiscard]] verdict replicate() const {
    return {std::max(receive_s(), (receive_s() + limits_.seal_s) / processors_), "decrypt and hash, beside encrypt"};
  }
  [[nodiscard]] verdict fanout() const {
    return {(receive_s() + limits_.seal_s) / processors_, "encrypt, decrypt and hash for every reader"};
  }
  [[nodiscard]] verdict live() const {
    return {signed_s() + 2 * limits_.put_s + limits_.round_trip_s / 2 + limits_.verify_s + 2 * limits_.seal_s,
            "hash, sign, put and sync, half a round trip, verify, put and sync there", true};
  }
  [[nodiscard]] verdict sparse() const {
    auto levels = std::log2(static_cast<double>(std::max<std::uint64_t>(asked_.blocks, 2)));
    return {limits_.round_trip_s + limits_.leaf_s + levels * limits_.parent_s + 4 * limits_.seal_s,
            "a round trip, and the hashes of one path", true};
  }
  [[nodiscard]] verdict open_many() const {
    return {limits_.sign_s / processors_, "one key pair for each core"};
  }
  [[nodiscard]] verdict mixed() const {
    auto reads = static_cast<double>(asked_.reads) / 100;
    return {(reads * limits_.copy_s + (1 - reads) * (hash_s() + limits_.sign_s)) / processors_,
            "hash and sign the appends, copy the reads, on every processor"};
  }

  const options& asked_;
  const machine& limits_;
  double direct_s_;
  double batch_;
  double processors_;
};

} // namespace

void put_bounds(json& line, const options& asked, const machine& limits, double direct_s) {
  const judge over{asked, limits, direct_s};
  auto batch = static_cast<double>(std::max<std::uint64_t>(asked.batch, 1));
  auto per_second = [](double seconds) {
    return rounded(seconds > 0 ? 1 / seconds : 0);
  };
  json parts{{"hash_blocks_s", per_second(over.hash_s())},
             {"sign_s", per_second(limits.sign_s)},
             {"verify_s", per_second(limits.verify_s)},
             {"seal_blocks_s", per_second(limits.seal_s)},
             {"copy_blocks_s", per_second(limits.copy_s)},
             {"put_blocks_s", per_second(limits.put_s / batch)},
             {"put_ms", rounded(limits.put_s * 1e3)},
             {"sync_ms", rounded(limits.sync_s * 1e3)},
             {"round_trip_ms", rounded(limits.round_trip_s * 1e3)},
             {"loopback_blocks_s", per_second(limits.loopback_s)},
             {"processors", limits.processors}};
  if (direct_s > 0)
    parts["direct_blocks_s"] = per_second(direct_s);
  line["bounds"] = std::move(parts);
  auto bound = over.of_workload();
  if (!bound || bound->seconds <= 0)
    return;
  line["bound"] = bound->words;
  if (bound->is_latency) {
    line["bound_ms"] = rounded(bound->seconds * 1e3);
    line["bound_share"] = rounded(bound->seconds * 1e3 / std::max(line.value("p50_ms", 0.0), 1e-9));
  } else {
    line["bound_blocks_s"] = per_second(bound->seconds);
    line["bound_share"] = rounded(line.value("blocks_s", 0.0) * bound->seconds);
  }
}

} // namespace corestore::bench
