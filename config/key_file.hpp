// The file that holds the primary key of a store.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::config {

/// A primary key from 64 hex digits (blanks and line ends around them do not matter) or 32 raw bytes. bad_argument
/// when the file cannot be read or holds anything else; the content never appears in the message.
result<primary_key> read_primary_key(const std::string& path);

} // namespace corestore::config
