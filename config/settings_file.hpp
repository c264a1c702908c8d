// The configuration file, read strictly: whatever is not understood is an error with file, line, key and reason.
//
//   file     = *line
//   line     = blank | comment | "[" section "]" | key "=" [value] [blank comment]
//   comment  = ("#" | ";") to the end of the line; after a value it needs a blank before it
//   value    = element *("," element)     several elements for a list only; a list may be repeated
//   element  = bare text | quoted         `"` ... `"` with the escapes `\"` and `\\`
//
// In an element `${NAME}` becomes the environment variable of that name, `${NAME:-text}` the text when there is none or
// an empty one, and `$$` a dollar sign. What comes out stays one element, whatever is in it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace corestore::config {

/// Bytes of a configuration file; a longer one is a mistake.
inline constexpr std::size_t settings_bytes_max = std::size_t{1} << 20U;

/// Where `${NAME}` is looked up; nothing for a variable that is not set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Settings from the defaults and `text`. `file_name` is for messages. bad_argument for an unknown section or key, a
/// malformed or surplus value, a value out of range, a key given twice, a variable that is not set:
/// `corestored.conf:12: replication.listen: ...`.
result<settings> parse_settings(std::string_view text, std::string_view file_name, const environment& variables = {});

/// parse_settings() of a file. bad_argument when it cannot be read.
result<settings> load_settings(const std::string& path, const environment& variables = {});

} // namespace corestore::config
