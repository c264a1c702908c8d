// Input: an oplog of hypercore 10. What is read of it must come back, headers and entries, and the rest must be an
// error. The sums over each frame keep a fuzzer out: where one does not hold, the same bytes are also read without it.
#include "base/check.hpp"
#include "migration/modern_directory.hpp"
#include "migration/oplog.hpp"

using namespace corestore;
using namespace corestore::migration;

namespace {

void check_header(const oplog::header& header) {
  auto encoded = oplog::encode_header(header);
  auto again = oplog::decode_header(encoded);
  if (!again)
    return; // an array above the bound of the encoding, or an old form that keeps less
  CORESTORE_CHECK(oplog::encode_header(*again) == encoded);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view input{data, size};
  if (auto file = oplog::decode(input)) {
    check_header(file->header);
    CORESTORE_CHECK(file->surplus_bytes <= size);
  }
  constexpr std::size_t frame_bytes = 8;
  for (auto offset : {std::size_t{0}, oplog::slot_bytes, oplog::entries_offset}) {
    if (size < offset + frame_bytes)
      break;
    auto body = input.subspan(offset + frame_bytes);
    if (auto header = oplog::decode_header(body))
      check_header(*header);
    if (auto entry = oplog::decode_entry(body))
      CORESTORE_CHECK(entry->nodes.size() <= body.size() / 34);
  }
  if (size >= modern::node_bytes) {
    auto entry = input.first(modern::node_bytes);
    if (auto node = modern::decode_node(1, entry)) {
      auto again = modern::encode_node(*node);
      CORESTORE_CHECK(std::equal(again.begin(), again.end(), entry.begin()));
    }
  }
  return 0;
}
