#include "programs/record_text.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace corestore::programs {

std::string to_text(const core_record& record) {
  auto yes_no = [](bool value) {
    return value ? "yes" : "no";
  };
  std::string lines;
  auto add = [&lines](std::string_view field, const auto& value) {
    lines += fmt::format("{}{:<18}{}", lines.empty() ? "" : "\n", field, value);
  };
  if (!record.name.empty())
    add("name", record.name);
  add("key", text::to_hex(record.key.view()));
  add("discovery key", text::to_hex(record.discovery.view()));
  add("generation", static_cast<unsigned>(record.generation));
  add("manifest", record.manifest.empty() ? std::string{"unknown"} : text::to_hex(record.manifest));
  add("length", record.length);
  add("byte length", record.byte_length);
  add("contiguous length", record.contiguous_length);
  add("fork", record.fork);
  add("tree hash", text::to_hex(record.tree_hash.view()));
  add("writable", yes_no(record.writable));
  if (record.is_fenced)
    add("fenced", "yes: restored, and no peer has confirmed its length");
  add("active", yes_no(record.active));
  add("mirrored", yes_no(record.mirrored));
  add("peers", record.peers);
  if (!record.group.empty())
    add("group", text::to_hex(record.group));
  if (record.is_frozen)
    add("frozen", "yes: two histories are signed, see verify");
  return lines;
}

std::string to_text(const store_record& record) {
  auto room =
    record.quota_bytes != 0 ? fmt::format("{} (quota)", record.quota_bytes) : fmt::format("{}", record.limit_bytes);
  return fmt::format("version     {}\ncores       {} known, {} loaded\nsessions    {}\nused bytes  {} of {}\n"
                     "commits     {}\nrefusals    {}\ndurability  {}",
                     record.version, record.cores_known, record.cores_loaded, record.sessions, record.used_bytes, room,
                     record.commits, record.refusals, record.durability);
}

std::string to_summary(const core_record& record) {
  auto line =
    fmt::format("key {}  length {}  bytes {}", text::to_hex(record.key.view()), record.length, record.byte_length);
  if (record.fork != 0)
    line += fmt::format("  fork {}", record.fork);
  if (record.contiguous_length != record.length)
    line += fmt::format("  contiguous {}", record.contiguous_length);
  if (record.writable)
    line += record.is_fenced ? "  writable (fenced)" : "  writable";
  if (record.mirrored)
    line += "  mirrored";
  if (!record.name.empty())
    line += "  name " + record.name;
  return line;
}

std::string to_summary(const peer_record& record) {
  auto line =
    fmt::format("{}  {}  {}  {}  channels {}  in {}  out {}", record.id, record.address, record.state,
                record.is_initiator ? "dialled" : "accepted", record.channels, record.bytes_in, record.bytes_out);
  if (!record.may_upload)
    line += "  upload off";
  if (!record.may_download)
    line += "  download off";
  if (record.is_throttled)
    line += "  slowed";
  if (record.strikes > 0)
    line += fmt::format("  strikes {}", record.strikes);
  if (!record.public_key.empty())
    line += "  public key " + record.public_key;
  return line;
}

} // namespace corestore::programs
