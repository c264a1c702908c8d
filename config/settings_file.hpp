// The configuration file, read strictly: whatever is not understood is an error with file, line, key and reason.
//
//   file     = *line
//   line     = blank | comment | "[" section "]" | key "=" [value] [blank comment]
//   comment  = ("#" | ";") to the end of the line; after a value it needs a blank before it
//   value    = element *("," element)     several elements for a list only; a list may be repeated
//   element  = bare text | quoted         `"` ... `"` with the escapes `\"` and `\\`
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace corestore::config {

/// Bytes of a configuration file; a longer one is a mistake.
inline constexpr std::size_t settings_bytes_max = std::size_t{1} << 20U;

/// Settings from the defaults and `text`. `file_name` is for messages. bad_argument for an unknown section or key, a
/// malformed or surplus value, a value out of range, a key given twice: `corestored.conf:12: replication.listen: ...`.
result<settings> parse_settings(std::string_view text, std::string_view file_name);

/// parse_settings() of a file. bad_argument when it cannot be read.
result<settings> load_settings(const std::string& path);

} // namespace corestore::config
