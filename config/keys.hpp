// The one table of every key of the configuration file: its name, how it is read, printed and copied.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace corestore::config {

struct key_rule {
  std::string_view section;
  std::string_view name;
  bool is_list = false; ///< may be repeated, and holds several elements separated by commas
  bool is_live = false; ///< a re-read of the file applies it to the running server

  /// Replaces the value. One element, or any number of them for a list. Fails with the reason alone.
  std::function<result<void>(settings& target, std::span<const std::string> elements)> assign;
  /// The elements that `assign` would take to get this value again; none for an empty list.
  std::function<std::vector<std::string>(const settings& source)> print;
  std::function<void(settings& target, const settings& source)> copy;

  /// `replication.listen`
  [[nodiscard]] std::string full_name() const;

  /// Neither printed nor logged.
  [[nodiscard]] bool is_secret() const {
    return section == "http" && name == "token";
  }
};

/// Section by section, in the order of the sample file.
const std::vector<key_rule>& key_rules();

/// Null when there is no such key.
const key_rule* find_rule(std::string_view section, std::string_view name);

/// What a command-line flag does: replaces the value of `full_name` (`replication.listen`) and remembers `origin`
/// (`--listen`) for messages. `off` alone empties a list. bad_argument; the detail names origin, key and reason.
result<void> assign(settings& target, std::string_view full_name, std::span<const std::string> elements,
                    std::string_view origin);

struct reloaded {
  settings effective;               ///< the running settings with every live key of the fresh ones
  std::vector<std::string> ignored; ///< changed keys that need a restart
};

/// What a running server takes over from a file that was read again.
reloaded reload(const settings& running, const settings& fresh);

} // namespace corestore::config
