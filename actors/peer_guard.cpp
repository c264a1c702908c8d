#include "actors/peer_guard.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace corestore::actors {

namespace {

/// Accounts that are kept although nobody is connected: beyond that the ones without a ban are forgotten first.
constexpr std::size_t idle_accounts_max = 65536;

/// Strikes that are remembered of somebody who is never banned for them.
constexpr std::size_t strikes_kept_max = 1024;

/// Bans that people may impose at a time.
constexpr std::size_t bans_by_hand_max = 65536;

constexpr std::uint64_t ban_ms_max = std::uint64_t{366} * 24 * 3600 * 1000;

constexpr unsigned ipv6_site_bits = 64;

bool is_over(std::size_t count, std::size_t limit) {
  return limit > 0 && count >= limit;
}

} // namespace

std::string_view describe(refusal why) {
  switch (why) {
  case refusal::connections:
    return "too many connections";
  case refusal::address_connections:
    return "too many connections from one address";
  case refusal::peer_connections:
    return "too many connections of one key";
  case refusal::denied:
    return "on the deny list";
  case refusal::not_allowed:
    return "its key is not on the allow list";
  case refusal::banned:
    return "banned for a while";
  case refusal::channels:
    return "too many channels";
  case refusal::handshake:
    return "no valid handshake";
  case refusal::rule:
    return "it broke a rule of the protocol";
  case refusal::idle:
    return "silent for too long";
  }
  return "refused";
}

bool peer_set::has(const public_key& key) const {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool peer_set::has(const std::string& host) const {
  if (networks.empty())
    return false;
  auto address = ip_address::parse(host);
  return address && std::any_of(networks.begin(), networks.end(),
                                [&](const network_range& network) { return network.contains(*address); });
}

// -- the books

std::uint64_t peer_guard::bucket::take(std::uint64_t count, std::uint64_t rate, std::uint64_t now_ms) {
  if (rate == 0) {
    *this = {};
    return 0;
  }
  auto each_ms = static_cast<double>(rate) / 1000;
  if (filled_ms == 0)
    level = static_cast<double>(rate);
  else if (now_ms > filled_ms)
    level = std::min(static_cast<double>(rate), level + each_ms * static_cast<double>(now_ms - filled_ms));
  filled_ms = std::max<std::uint64_t>(now_ms, 1);
  level -= static_cast<double>(count);
  return level >= 0 ? 0 : static_cast<std::uint64_t>(std::ceil(-level / each_ms));
}

/// All addresses of one IPv6 site belong to one customer: they share an account.
std::string peer_guard::name_of(const std::string& host) {
  auto address = ip_address::parse(host);
  if (!address)
    return host;
  if (address->is_ipv4())
    return address->to_string();
  return network_range{*address, ipv6_site_bits}.to_string();
}

void peer_guard::apply(guard_limits limits) {
  std::lock_guard guard{mutex_};
  limits_ = std::move(limits);
}

peer_guard::account& peer_guard::open(const std::string& name, std::uint64_t now_ms) {
  if (accounts_.size() >= idle_accounts_max + accepted_)
    sweep(now_ms);
  return accounts_[name];
}

void peer_guard::leave(const std::string& name) {
  auto found = accounts_.find(name);
  if (found == accounts_.end())
    return;
  auto& left = found->second;
  --left.connections;
  // What was taken lately is kept: a limit holds for those who come again, too.
  bool has_taken = left.requests.filled_ms + left.bytes_in.filled_ms + left.bytes_out.filled_ms > 0;
  if (left.connections == 0 && left.strikes.empty() && left.banned_until_ms == 0 && !has_taken)
    accounts_.erase(found);
}

/// Drops what has no effect any more; if that does not help, all strikes that are not bans yet.
void peer_guard::sweep(std::uint64_t now_ms) {
  auto drop = [&](bool forgets_strikes) {
    std::erase_if(accounts_, [&](auto& entry) {
      auto& each = entry.second;
      if (each.connections > 0 || each.banned_until_ms > now_ms)
        return false;
      return forgets_strikes || each.strikes.empty() || each.strikes.back() + limits_.strike_window_ms <= now_ms;
    });
  };
  drop(false);
  if (accounts_.size() >= idle_accounts_max + accepted_)
    drop(true);
}

bool peer_guard::is_banned(const std::string& name, std::uint64_t now_ms) const {
  auto found = accounts_.find(name);
  return found != accounts_.end() && found->second.banned_until_ms > now_ms;
}

void peer_guard::impose(account& on, std::string reason, std::uint64_t until_ms) {
  on.banned_until_ms = until_ms;
  on.ban_reason = std::move(reason);
  on.strikes.clear();
  ++totals_->guards.bans;
}

bool peer_guard::strike(const std::string& name, std::size_t strikes_max, const std::string& reason,
                        std::uint64_t now_ms) {
  auto& whom = open(name, now_ms);
  std::erase_if(whom.strikes, [&](std::uint64_t when) { return when + limits_.strike_window_ms <= now_ms; });
  if (whom.strikes.size() >= strikes_kept_max)
    whom.strikes.erase(whom.strikes.begin());
  whom.strikes.push_back(now_ms);
  if (strikes_max == 0 || whom.strikes.size() < strikes_max)
    return false;
  impose(whom, reason, now_ms + limits_.ban_ms);
  return true;
}

tl::expected<pass_ptr, refusal> peer_guard::admit(const std::string& host, source_ptr from, std::uint64_t now_ms) {
  std::lock_guard guard{mutex_};
  auto refuse = [&](refusal why) {
    ++from->refused.at(static_cast<std::size_t>(why));
    return tl::unexpected{why};
  };
  auto name = name_of(host);
  if (limits_.deny.has(host))
    return refuse(refusal::denied);
  if (is_banned(name, now_ms))
    return refuse(refusal::banned);
  if (is_over(accepted_, limits_.connections_max))
    return refuse(refusal::connections);
  if (auto known = accounts_.find(name);
      known != accounts_.end() && is_over(known->second.connections, limits_.address.connections_max))
    return refuse(refusal::address_connections);
  ++accepted_;
  ++open(name, now_ms).connections;
  ++from->accepted;
  return std::make_shared<guard_pass>(shared_from_this(), host, std::move(from));
}

pass_ptr peer_guard::dialled(source_ptr from) {
  ++from->accepted;
  return std::make_shared<guard_pass>(shared_from_this(), std::string{}, std::move(from));
}

std::vector<ban_record> peer_guard::bans(std::uint64_t now_ms) const {
  std::lock_guard guard{mutex_};
  std::vector<ban_record> records;
  for (const auto& [name, each] : accounts_)
    if (each.banned_until_ms > now_ms)
      records.push_back({name, each.ban_reason, each.banned_until_ms - now_ms});
  std::sort(records.begin(), records.end(),
            [](const ban_record& left, const ban_record& right) { return left.subject < right.subject; });
  return records;
}

std::size_t peer_guard::ban_count(std::uint64_t now_ms) const {
  std::lock_guard guard{mutex_};
  return static_cast<std::size_t>(std::count_if(
    accounts_.begin(), accounts_.end(), [now_ms](const auto& entry) { return entry.second.banned_until_ms > now_ms; }));
}

std::size_t peer_guard::accounts() const {
  std::lock_guard guard{mutex_};
  return accounts_.size();
}

result<bool> peer_guard::ban(const std::string& subject, std::uint64_t for_ms, std::uint64_t now_ms) {
  constexpr std::string_view site = "/64"; // as bans() prints it
  auto host = subject.ends_with(site) ? subject.substr(0, subject.size() - site.size()) : subject;
  auto key = text::parse_key<public_key>(subject);
  if (!key && !ip_address::parse(host))
    return fail(ec::bad_argument, "'" + subject.substr(0, 80) + "' is neither a public key nor an address");
  auto name = key ? text::to_hex(key->view()) : name_of(host);
  std::lock_guard guard{mutex_};
  if (for_ms == 0) {
    auto found = accounts_.find(name);
    if (found == accounts_.end())
      return false;
    bool was_banned = found->second.banned_until_ms > now_ms;
    found->second.banned_until_ms = 0;
    found->second.strikes.clear();
    if (found->second.connections == 0)
      accounts_.erase(found);
    return was_banned;
  }
  if (accounts_.size() >= bans_by_hand_max + idle_accounts_max)
    return fail(ec::limit_exceeded, "too many keys and addresses are banned");
  impose(open(name, now_ms), "by hand", now_ms + std::min(for_ms, ban_ms_max));
  return true;
}

// -- one connection

guard_pass::guard_pass(std::shared_ptr<peer_guard> books, std::string host, source_ptr from)
    : books_(std::move(books)), host_(std::move(host)), from_(std::move(from)) {
  if (!host_.empty())
    address_ = peer_guard::name_of(host_);
}

guard_pass::~guard_pass() {
  std::lock_guard guard{books_->mutex_};
  for (const auto& name : {address_, key_}) {
    if (name.empty())
      continue;
    if (auto found = books_->accounts_.find(name); found != books_->accounts_.end())
      found->second.channels -= std::min(found->second.channels, channels_);
    books_->leave(name);
  }
  if (!address_.empty())
    --books_->accepted_;
}

void guard_pass::count(refusal why) const {
  ++from_->refused.at(static_cast<std::size_t>(why));
}

void guard_pass::count_wait(std::uint64_t waited_us) const {
  books_->totals_->mailboxes.note(mailbox::session, waited_us);
}

std::optional<refusal> guard_pass::identify(const public_key& key, std::uint64_t now_ms) {
  std::lock_guard guard{books_->mutex_};
  const auto& limits = books_->limits_;
  auto name = text::to_hex(key.view());
  std::optional<refusal> why;
  if (!limits.allow.empty() && std::find(limits.allow.begin(), limits.allow.end(), key) == limits.allow.end())
    why = refusal::not_allowed;
  else if (limits.deny.has(key))
    why = refusal::denied;
  else if (books_->is_banned(name, now_ms))
    why = refusal::banned;
  else if (auto known = books_->accounts_.find(name); !address_.empty() && known != books_->accounts_.end() &&
                                                      is_over(known->second.connections, limits.peer.connections_max))
    why = refusal::peer_connections;
  if (why) {
    count(*why);
    return why;
  }
  identity_ = key;
  key_ = std::move(name);
  auto& account = books_->open(key_, now_ms);
  ++account.connections;
  account.channels += channels_;
  return std::nullopt;
}

std::optional<refusal> guard_pass::check(std::uint64_t now_ms) const {
  std::lock_guard guard{books_->mutex_};
  const auto& limits = books_->limits_;
  if ((identity_ && limits.deny.has(*identity_)) || (!host_.empty() && limits.deny.has(host_)))
    return refusal::denied;
  if (books_->is_banned(key_, now_ms) || books_->is_banned(address_, now_ms))
    return refusal::banned;
  return std::nullopt;
}

bool guard_pass::take_channel() {
  std::lock_guard guard{books_->mutex_};
  const auto& limits = books_->limits_;
  auto is_full = [&](const std::string& name, std::size_t channels_max) {
    auto found = books_->accounts_.find(name);
    return found != books_->accounts_.end() && is_over(found->second.channels, channels_max);
  };
  if (is_full(key_, limits.peer.channels_max) || is_full(address_, limits.address.channels_max)) {
    count(refusal::channels);
    return false;
  }
  ++channels_;
  for (const auto& name : {key_, address_})
    if (auto found = books_->accounts_.find(name); found != books_->accounts_.end())
      ++found->second.channels;
  return true;
}

void guard_pass::give_channel() {
  std::lock_guard guard{books_->mutex_};
  if (channels_ == 0)
    return;
  --channels_;
  for (const auto& name : {key_, address_})
    if (auto found = books_->accounts_.find(name); found != books_->accounts_.end() && found->second.channels > 0)
      --found->second.channels;
}

std::uint64_t guard_pass::take(std::uint64_t count, bucket_field which, std::uint64_t guard_share::*rate,
                               throttle of_peer, throttle of_address, std::uint64_t now_ms) {
  std::lock_guard guard{books_->mutex_};
  std::uint64_t longest = 0;
  auto take_from = [&](const std::string& name, const guard_share& share, throttle counted) {
    auto found = books_->accounts_.find(name);
    if (name.empty() || found == books_->accounts_.end())
      return;
    auto wait = (found->second.*which).take(count, share.*rate, now_ms);
    if (wait > 0)
      ++books_->totals_->guards.throttled.at(static_cast<std::size_t>(counted));
    longest = std::max(longest, wait);
  };
  take_from(key_, books_->limits_.peer, of_peer);
  take_from(address_, books_->limits_.address, of_address);
  return longest;
}

std::uint64_t guard_pass::take_requests(std::uint64_t count, std::uint64_t now_ms) {
  books_->totals_->guards.requests += count;
  return take(count, &peer_guard::account::requests, &guard_share::requests_max, throttle::peer_requests,
              throttle::address_requests, now_ms);
}

std::uint64_t guard_pass::take_bytes_in(std::uint64_t count, std::uint64_t now_ms) {
  return take(count, &peer_guard::account::bytes_in, &guard_share::bytes_max, throttle::peer_bytes,
              throttle::address_bytes, now_ms);
}

std::uint64_t guard_pass::take_bytes_out(std::uint64_t count, std::uint64_t now_ms) {
  return take(count, &peer_guard::account::bytes_out, &guard_share::bytes_max, throttle::peer_bytes,
              throttle::address_bytes, now_ms);
}

std::vector<std::string> guard_pass::strike(const std::string& reason, std::uint64_t now_ms) {
  std::lock_guard guard{books_->mutex_};
  const auto& limits = books_->limits_;
  ++books_->totals_->guards.strikes;
  std::vector<std::string> banned;
  bool is_spared = (!host_.empty() && limits.never_ban.has(host_)) || (identity_ && limits.never_ban.has(*identity_));
  if (!key_.empty() && books_->strike(key_, is_spared ? 0 : limits.peer.strikes_max, reason, now_ms))
    banned.push_back(key_);
  if (!address_.empty() && ip_address::parse(host_) &&
      books_->strike(address_, is_spared ? 0 : limits.address.strikes_max, reason, now_ms))
    banned.push_back(address_);
  return banned;
}

std::size_t guard_pass::strikes(std::uint64_t now_ms) const {
  std::lock_guard guard{books_->mutex_};
  auto found = books_->accounts_.find(key_.empty() ? address_ : key_);
  if (found == books_->accounts_.end())
    return 0;
  const auto& times = found->second.strikes;
  return static_cast<std::size_t>(std::count_if(
    times.begin(), times.end(), [&](std::uint64_t when) { return when + books_->limits_.strike_window_ms > now_ms; }));
}

} // namespace corestore::actors
