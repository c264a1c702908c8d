// Who may connect and how much a stranger may take: limits for each Noise key and each network address, strikes for
// rules that were broken, bans that end by themselves. One for all connections of an engine; every call may come from
// any thread. The clock is the caller's.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/core_totals.hpp"
#include "base/error.hpp"
#include "base/network_range.hpp"
#include "messages/store_types.hpp"

namespace corestore::actors {

/// Keys and networks.
struct peer_set {
  std::vector<public_key> keys;
  std::vector<network_range> networks;

  [[nodiscard]] bool has(const public_key& key) const;
  [[nodiscard]] bool has(const std::string& host) const;
};

/// What one Noise key, or one address, may have at a time; rates are for each second and direction, 0 = no limit.
struct guard_share {
  std::size_t connections_max = 0; ///< 0 = no limit, as for all of these
  std::size_t channels_max = 0;
  std::uint64_t requests_max = 0; ///< that it sends
  std::uint64_t bytes_max = 0;
  std::size_t strikes_max = 0; ///< that many within the window, and it is banned; 0 = never
};

struct guard_limits {
  std::size_t connections_max = 4096; ///< accepted ones
  guard_share peer{0, 0, 0, 0, 5};
  guard_share address{256, 0, 0, 0, 50};
  std::uint64_t strike_window_ms = 600000;
  std::uint64_t ban_ms = 600000;
  std::vector<public_key> allow; ///< Noise keys that may connect; empty = everybody
  peer_set deny;
  peer_set never_ban;
};

class guard_pass;
using pass_ptr = std::shared_ptr<guard_pass>;
using source_ptr = std::shared_ptr<guard_totals::source>;

class peer_guard : public std::enable_shared_from_this<peer_guard> {
public:
  /// `totals` hold what it counts.
  explicit peer_guard(std::shared_ptr<core_totals> totals) : totals_(std::move(totals)) {
    // nop
  }

  /// What holds from now on, also for connections that are up: they hear of it from check().
  void apply(guard_limits limits);

  /// A connection from `host` (an address without its port) wants in; or why not.
  tl::expected<pass_ptr, refusal> admit(const std::string& host, source_ptr from, std::uint64_t now_ms);
  /// A connection of our own making: no limit of an address holds for it.
  pass_ptr dialled(source_ptr from);

  [[nodiscard]] std::vector<ban_record> bans(std::uint64_t now_ms) const;
  [[nodiscard]] std::size_t ban_count(std::uint64_t now_ms) const;
  /// By hand; 0 lifts a ban. bad_argument for what is neither a key nor an address.
  result<bool> ban(const std::string& subject, std::uint64_t for_ms, std::uint64_t now_ms);

  /// Keys and addresses that something is known of.
  [[nodiscard]] std::size_t accounts() const;

  [[nodiscard]] guard_totals& totals() const {
    return totals_->guards;
  }

private:
  friend class guard_pass;

  /// Lets through so many a second, with one second's worth at once; what is taken too much is waited for.
  struct bucket {
    double level = 0;
    std::uint64_t filled_ms = 0;
    /// Milliseconds until the debt is paid.
    std::uint64_t take(std::uint64_t count, std::uint64_t rate, std::uint64_t now_ms);
  };

  /// What is known of one key or one address.
  struct account {
    std::size_t connections = 0;
    std::size_t channels = 0;
    bucket requests;
    bucket bytes_in;
    bucket bytes_out;
    std::vector<std::uint64_t> strikes; ///< when, oldest first
    std::uint64_t banned_until_ms = 0;
    std::string ban_reason;
  };

  [[nodiscard]] static std::string name_of(const std::string& host);
  account& open(const std::string& name, std::uint64_t now_ms);
  void leave(const std::string& name);
  void sweep(std::uint64_t now_ms);
  [[nodiscard]] bool is_banned(const std::string& name, std::uint64_t now_ms) const;
  bool strike(const std::string& name, std::size_t strikes_max, const std::string& reason, std::uint64_t now_ms);
  void impose(account& on, std::string reason, std::uint64_t until_ms);

  std::shared_ptr<core_totals> totals_;
  mutable std::mutex mutex_;
  guard_limits limits_;
  std::unordered_map<std::string, account> accounts_; ///< by key in hex, or by address; a name cannot be both
  std::size_t accepted_ = 0;
};

/// One connection's place in the books, for as long as it lives.
class guard_pass {
public:
  guard_pass(std::shared_ptr<peer_guard> books, std::string host, source_ptr from);
  guard_pass(const guard_pass&) = delete;
  guard_pass& operator=(const guard_pass&) = delete;
  ~guard_pass();

  /// The peer proved its key; or why it has to go.
  std::optional<refusal> identify(const public_key& key, std::uint64_t now_ms);
  /// Whether it may go on under the lists and bans of now; or why not.
  [[nodiscard]] std::optional<refusal> check(std::uint64_t now_ms) const;

  /// One more channel that the peer asked for; false when it has as many as it may have.
  bool take_channel();
  void give_channel();

  /// Counts, and answers how long to wait before more is taken: milliseconds.
  std::uint64_t take_requests(std::uint64_t count, std::uint64_t now_ms);
  std::uint64_t take_bytes_in(std::uint64_t count, std::uint64_t now_ms);
  std::uint64_t take_bytes_out(std::uint64_t count, std::uint64_t now_ms);

  /// A rule was broken. Answers who is banned for it.
  std::vector<std::string> strike(const std::string& reason, std::uint64_t now_ms);
  /// Strikes of the key (before the handshake: of the address) within the window.
  [[nodiscard]] std::size_t strikes(std::uint64_t now_ms) const;

  void count(refusal why) const;
  /// A message waited that long for the connection's actor.
  void count_wait(std::uint64_t waited_us) const;

private:
  using bucket_field = peer_guard::bucket peer_guard::account::*;

  std::uint64_t take(std::uint64_t count, bucket_field which, std::uint64_t guard_share::*rate, throttle of_peer,
                     throttle of_address, std::uint64_t now_ms);

  std::shared_ptr<peer_guard> books_;
  std::string host_;    ///< as it connected; empty when we dialled
  std::string address_; ///< its account; empty when we dialled
  std::string key_;     ///< its account; empty before the handshake
  std::optional<public_key> identity_;
  source_ptr from_;
  std::size_t channels_ = 0;
};

/// What a person reads of it.
std::string_view describe(refusal why);

} // namespace corestore::actors
