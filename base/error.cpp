#include "base/error.hpp"

#include <array>

namespace corestore {

namespace {

struct description {
  std::string_view name;
  std::string_view sentence;
};

constexpr std::array<description, static_cast<std::size_t>(ec::fenced) + 1> descriptions{{
  {"none", "no error"},
  {"bad_argument", "the value given is out of range or malformed"},
  {"decoding_failed", "the bytes do not follow their format"},
  {"not_found", "nothing is known under that name, key or index"},
  {"block_not_available", "the block is not stored here and no peer delivered it"},
  {"not_writable", "this core cannot be written here"},
  {"invalid_signature", "the signature or manifest does not verify"},
  {"invalid_checksum", "a hash does not match"},
  {"invalid_operation", "the request or proof does not fit the log"},
  {"invalid_proof", "the proof does not prove what it claims"},
  {"invalid_capability", "the peer does not know the key of the core"},
  {"conflict", "two valid signatures exist for one length"},
  {"stale_base", "the log moved on while the change was prepared"},
  {"storage_failed", "the storage reported an error"},
  {"storage_full", "no space is left for the store"},
  {"storage_poisoned", "an earlier sync failed, nothing is written until restart"},
  {"storage_damaged", "the stored records are damaged"},
  {"storage_format", "the directory holds a format that this version does not know"},
  {"store_held", "another process holds the store"},
  {"key_mismatch", "another key is stored"},
  {"read_only", "the store is opened read-only"},
  {"limit_exceeded", "a limit is exceeded"},
  {"handshake_failed", "the secure connection could not be established"},
  {"protocol_violation", "the peer broke the protocol"},
  {"connection_closed", "the connection is closed"},
  {"timed_out", "the time given ran out"},
  {"cancelled", "the request was cancelled"},
  {"store_closed", "the store is closed"},
  {"unsupported", "this is not offered here"},
  {"internal", "an internal invariant does not hold"},
  {"core_held", "the core is open exclusively already"},
  {"fenced", "the core was restored from a backup, and no peer has shown yet that none has a longer log"},
}};

const description& describing(ec code) {
  auto position = static_cast<std::size_t>(code);
  return descriptions[position < descriptions.size() ? position : static_cast<std::size_t>(ec::internal)];
}

} // namespace

std::string_view name_of(ec code) {
  return describing(code).name;
}

std::string_view describe(ec code) {
  return describing(code).sentence;
}

std::string to_string(const error& what) {
  std::string text{name_of(what.code)};
  text += ": ";
  text += what.detail.empty() ? std::string{describe(what.code)} : what.detail;
  return text;
}

} // namespace corestore
