#include "config/keys.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "config/values.hpp"

namespace corestore::config {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr std::uint64_t tib = std::uint64_t{1} << 40U;
constexpr milliseconds day{24LL * 60 * 60 * 1000};

/// LMDB maps whole pages.
constexpr std::uint64_t page_bytes = 4096;

/// Builds the rules of one section, whose settings are the member `Group`.
template <auto Group>
class section_rules {
public:
  section_rules(std::vector<key_rule>& target, std::string_view section) : target_(target), section_(section) {
    // nop
  }

  /// A key of one value: `read` makes the value of a text, `print` a text of the value.
  template <class Field, class Read, class Print>
  key_rule& one(std::string_view name, Field field, Read read, Print print) {
    key_rule rule{.section = section_, .name = name, .assign = {}, .print = {}, .copy = copier(field)};
    rule.assign = [field, read](settings& target, std::span<const std::string> elements) -> result<void> {
      auto value = read(std::string_view{elements.front()});
      if (!value)
        return fail(std::move(value).error());
      target.*Group.*field = std::move(*value);
      return {};
    };
    rule.print = [field, print](const settings& source) {
      return std::vector<std::string>{std::string{print(source.*Group.*field)}};
    };
    return target_.emplace_back(std::move(rule));
  }

  /// A number inside a group of settings.
  key_rule& share(std::string_view name, share_settings replication_settings::*group,
                  std::uint64_t share_settings::*field, std::uint64_t low, std::uint64_t high, bool is_size = false) {
    key_rule rule{.section = section_, .name = name, .assign = {}, .print = {}, .copy = {}};
    rule.assign = [=](settings& target, std::span<const std::string> elements) -> result<void> {
      auto value = is_size ? read_size(elements.front(), low, high) : read_count(elements.front(), low, high);
      if (!value)
        return fail(std::move(value).error());
      target.*Group.*group.*field = *value;
      return {};
    };
    rule.print = [=](const settings& source) {
      auto value = source.*Group.*group.*field;
      return std::vector<std::string>{is_size ? print_size(value) : std::to_string(value)};
    };
    rule.copy = [=](settings& target, const settings& source) {
      target.*Group.*group.*field = source.*Group.*group.*field;
    };
    return target_.emplace_back(std::move(rule));
  }

  /// A key of any number of values.
  template <class Field, class Read, class Print>
  key_rule& many(std::string_view name, Field field, Read read, Print print) {
    key_rule rule{.section = section_, .name = name, .is_list = true, .assign = {}, .print = {}, .copy = copier(field)};
    rule.assign = [field, read](settings& target, std::span<const std::string> elements) -> result<void> {
      std::remove_reference_t<decltype(target.*Group.*field)> values;
      for (const auto& element : elements) {
        auto value = read(std::string_view{element});
        if (!value)
          return fail(std::move(value).error());
        values.push_back(std::move(*value));
      }
      target.*Group.*field = std::move(values);
      return {};
    };
    rule.print = [field, print](const settings& source) {
      std::vector<std::string> elements;
      for (const auto& value : source.*Group.*field)
        elements.push_back(print(value));
      return elements;
    };
    return target_.emplace_back(std::move(rule));
  }

  template <class Field>
  key_rule& text(std::string_view name, Field field, bool may_be_empty) {
    auto read = [may_be_empty](std::string_view text) -> result<std::string> {
      if (text.empty() && !may_be_empty)
        return fail(ec::bad_argument, "a value is expected");
      if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return fail(ec::bad_argument, "the value holds a control character");
      return std::string{text};
    };
    return one(name, field, read, [](const std::string& value) { return value; });
  }

  template <class Field>
  key_rule& count(std::string_view name, Field field, std::uint64_t low, std::uint64_t high) {
    auto read = [low, high](std::string_view text) {
      return read_count(text, low, high);
    };
    return one(name, field, read, [](std::uint64_t value) { return std::to_string(value); });
  }

  template <class Field>
  key_rule& size(std::string_view name, Field field, std::uint64_t low, std::uint64_t high) {
    return one(
      name, field, [low, high](std::string_view text) { return read_size(text, low, high); }, print_size);
  }

  template <class Field>
  key_rule& duration(std::string_view name, Field field, milliseconds low, milliseconds high) {
    auto read = [low, high](std::string_view text) {
      return read_duration(text, low, high);
    };
    return one(name, field, read, print_duration);
  }

  template <class Field>
  key_rule& toggle(std::string_view name, Field field) {
    return one(name, field, read_switch, [](bool is_on) { return is_on ? "on" : "off"; });
  }

private:
  template <class Field>
  static std::function<void(settings&, const settings&)> copier(Field field) {
    return [field](settings& target, const settings& source) {
      target.*Group.*field = source.*Group.*field;
    };
  }

  std::vector<key_rule>& target_;
  std::string_view section_;
};

void live(key_rule& rule) {
  rule.is_live = true;
}

result<std::uint8_t> read_generation(std::string_view text) {
  if (text == "10")
    return std::uint8_t{10};
  if (text == "9")
    return std::uint8_t{9};
  return fail(ec::bad_argument, "'" + std::string{text} + "' is not a generation: 10 or 9");
}

result<std::uint64_t> read_map_size(std::string_view text) {
  return read_size(text, mib, 16 * tib).and_then([&](std::uint64_t size) -> result<std::uint64_t> {
    if (size % page_bytes != 0)
      return fail(ec::bad_argument, "'" + std::string{text} + "' is not a multiple of 4KiB");
    return size;
  });
}

/// A key or id in hex or z-base-32; `off` cannot be mistaken for one.
template <class Key>
result<Key> read_key(std::string_view text) {
  auto key = text::parse_key<Key>(text);
  if (!key)
    return fail(ec::bad_argument, "'" + std::string{text} + "' is not a key: 64 hex digits or 52 z-base-32 characters");
  return key;
}

template <class Key>
std::string print_key(const Key& key) {
  return text::to_hex(key.view());
}

/// A key, or `KEY@9`, `KEY@10`, and behind a blank what it is called.
result<mirrored_core> read_mirrored(std::string_view text) {
  mirrored_core core;
  auto end = std::min(text.size(), text.find_first_of(" \t"));
  auto label = text.substr(std::min(text.size(), text.find_first_not_of(" \t", end)));
  if (label.size() > 200 ||
      std::any_of(label.begin(), label.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(ec::bad_argument, "a label has at most 200 bytes and no control characters");
  core.label = label;
  text = text.substr(0, end);
  auto at = text.rfind('@');
  if (at != std::string_view::npos) {
    auto generation = read_generation(text.substr(at + 1));
    if (!generation)
      return fail(generation.error());
    core.generation = *generation;
  }
  return read_key<core_key>(text.substr(0, at)).map([&](const core_key& key) {
    core.key = key;
    return core;
  });
}

std::string print_mirrored(const mirrored_core& core) {
  auto text = text::to_hex(core.key.view());
  if (core.generation != 0)
    text += "@" + std::to_string(core.generation);
  return core.label.empty() ? text : text + " " + core.label;
}

std::string print_address(const address& what) {
  return to_string(what);
}

/// An element of a list of addresses: `off` was taken care of before.
result<address> read_listener(std::string_view text) {
  auto parsed = parse_listen_address(text);
  if (parsed && parsed->kind == address_kind::off)
    return fail(ec::bad_argument, "off cannot stand beside an address");
  return parsed;
}

void add_store(std::vector<key_rule>& rules) {
  section_rules<&settings::store> store{rules, "store"};
  store.text("path", &store_settings::path, false);
  store.text("primary-key-file", &store_settings::primary_key_file, true);
  store.one("generation", &store_settings::generation, read_generation,
            [](std::uint8_t value) { return std::to_string(value); });
  store.one("durability", &store_settings::durability, read_durability,
            [](durability value) { return name_of(value); });
  store.duration("sync-interval", &store_settings::sync_interval, milliseconds{1}, milliseconds{600000});
  store.count("cache.active", &store_settings::active_cores_max, 0, 10000000);
  store.count("cache.passive", &store_settings::passive_cores_max, 0, 10000000);
  store.one("map-size-max", &store_settings::map_bytes_max, read_map_size, print_size);
  store.size("quota", &store_settings::quota_bytes, 0, 16 * tib);
  live(store.size("scrub-rate", &store_settings::scrub_bytes_s, 0, tib));
  live(store.duration("scrub-interval", &store_settings::scrub_interval, milliseconds{1000}, 3650 * day));
}

result<peer_name> read_peer_name(std::string_view text) {
  if (auto key = text::parse_key<public_key>(text))
    return peer_name{*key};
  if (auto network = network_range::parse(text))
    return peer_name{*network};
  return fail(ec::bad_argument, "'" + std::string{text} + "' is neither a key (64 hex digits or 52 z-base-32 " +
                                  "characters) nor an address or network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32)");
}

std::string print_peer_name(const peer_name& who) {
  if (const auto* key = std::get_if<public_key>(&who))
    return print_key(*key);
  return std::get<network_range>(who).to_string();
}

/// What one key and one address may have.
void add_shares(section_rules<&settings::replication>& replication) {
  using group = replication_settings;
  using share = share_settings;
  constexpr std::uint64_t count_max = 1000000;
  auto address = &group::per_address;
  auto peer = &group::per_peer;
  live(replication.share("connections-per-address-max", address, &share::connections_max, 1, count_max));
  live(replication.share("connections-per-peer-max", peer, &share::connections_max, 1, count_max));
  live(replication.share("channels-per-address-max", address, &share::channels_max, 1, 100 * count_max));
  live(replication.share("channels-per-peer-max", peer, &share::channels_max, 1, 100 * count_max));
  live(replication.share("requests-per-address", address, &share::requests_max, 0, 1000 * count_max));
  live(replication.share("requests-per-peer", peer, &share::requests_max, 0, 1000 * count_max));
  live(replication.share("bytes-per-address", address, &share::bytes_max, 0, tib, true));
  live(replication.share("bytes-per-peer", peer, &share::bytes_max, 0, tib, true));
  live(replication.share("strikes-per-address", address, &share::strikes_max, 0, 1000));
  live(replication.share("strikes-per-peer", peer, &share::strikes_max, 0, 1000));
  live(replication.duration("strike-window", &group::strike_window, milliseconds{1000}, 366 * day));
  live(replication.duration("ban-time", &group::ban_time, milliseconds{1000}, 366 * day));
}

void add_replication(std::vector<key_rule>& rules) {
  using group = replication_settings;
  section_rules<&settings::replication> replication{rules, "replication"};
  replication.many("listen", &group::listen, read_listener, print_address);
  replication.many("connect", &group::connect, parse_dial_address, print_address);
  live(replication.many("mirror", &group::mirror, read_mirrored, print_mirrored));
  live(replication.many("allow", &group::allow, read_key<public_key>, print_key<public_key>));
  live(replication.many("deny", &group::deny, read_peer_name, print_peer_name));
  live(replication.many("never-ban", &group::never_ban, read_peer_name, print_peer_name));
  live(replication.count("connections-max", &group::connections_max, 1, 1000000));
  add_shares(replication);
  live(replication.duration("handshake-timeout", &group::handshake_timeout, milliseconds{100}, milliseconds{600000}));
  live(replication.duration("idle-timeout", &group::idle_timeout, milliseconds{0}, day));
  live(replication.duration("keep-alive", &group::keep_alive, milliseconds{0}, day));
  replication.count("in-flight", &group::in_flight_max, 1, limits::requests_in_flight_max);
  replication.duration("request-timeout", &group::request_timeout, milliseconds{100}, day);
  live(replication.toggle("upload", &group::may_upload));
  live(replication.toggle("download", &group::may_download));
}

void add_surfaces(std::vector<key_rule>& rules) {
  section_rules<&settings::http> http{rules, "http"};
  http.one("listen", &http_settings::listen, parse_listen_address, print_address);
  http.text("token", &http_settings::token, true);
  http.count("connections-max", &http_settings::connections_max, 1, 65536);

  section_rules<&settings::node> node{rules, "node"};
  node.one("listen", &node_settings::listen, parse_listen_address, print_address);
  node.text("tls-certificate", &node_settings::tls_certificate, true);
  node.text("tls-key", &node_settings::tls_key, true);
  node.text("tls-ca", &node_settings::tls_ca, true);

  section_rules<&settings::cluster> cluster{rules, "cluster"};
  cluster.text("name", &cluster_settings::name, true);
  cluster.many("peers", &cluster_settings::peers, parse_dial_address, print_address);
  cluster.count("replicas", &cluster_settings::replicas, 1, 16);

  section_rules<&settings::log> log{rules, "log"};
  log.one("format", &log_settings::format, read_log_format, [](log_format value) { return name_of(value); });
  live(log.one("level", &log_settings::level, read_log_level, [](log_level value) { return name_of(value); }));
}

} // namespace

std::string key_rule::full_name() const {
  return std::string{section} + "." + std::string{name};
}

const std::vector<key_rule>& key_rules() {
  static const auto rules = [] {
    std::vector<key_rule> table;
    table.reserve(96);
    add_store(table);
    add_replication(table);
    add_surfaces(table);
    return table;
  }();
  return rules;
}

const key_rule* find_rule(std::string_view section, std::string_view name) {
  for (const auto& rule : key_rules())
    if (rule.section == section && rule.name == name)
      return &rule;
  return nullptr;
}

result<void> assign(settings& target, std::string_view full_name, std::span<const std::string> elements,
                    std::string_view origin) {
  auto dot = full_name.find('.');
  const auto* rule =
    dot == std::string_view::npos ? nullptr : find_rule(full_name.substr(0, dot), full_name.substr(dot + 1));
  auto subject = std::string{origin} + ": " + std::string{full_name} + ": ";
  if (rule == nullptr)
    return fail(ec::bad_argument, subject + "unknown key");
  if (!rule->is_list && elements.size() != 1)
    return fail(ec::bad_argument, subject + "exactly one value is expected");
  auto is_off = rule->is_list && elements.size() == 1 && elements.front() == "off";
  if (auto done = rule->assign(target, is_off ? std::span<const std::string>{} : elements); !done)
    return fail(done.error().code, subject + done.error().detail);
  target.origins[std::string{full_name}] = origin;
  return {};
}

reloaded reload(const settings& running, const settings& fresh) {
  reloaded outcome{.effective = running, .ignored = {}};
  for (const auto& rule : key_rules()) {
    if (rule.is_live)
      rule.copy(outcome.effective, fresh);
    else if (rule.print(running) != rule.print(fresh))
      outcome.ignored.push_back(rule.full_name());
  }
  return outcome;
}

} // namespace corestore::config
