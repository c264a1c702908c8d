// Input: decrypted bytes of a generation 9 stream. Whatever decodes must survive a round trip, and bitfields must stay
// within their bound and come back.
#include "base/check.hpp"
#include "log/legacy/run_length.hpp"
#include "replication/dialect.hpp"
#include "replication/legacy/codec.hpp"

using namespace corestore;
using namespace corestore::replication;

namespace {

constexpr std::size_t bits_bytes_max = 65536;

void check_bits(byte_view encoded) {
  auto bits = log::legacy::decode_run_length(encoded, bits_bytes_max);
  if (!bits)
    return;
  CORESTORE_CHECK(bits->size() <= bits_bytes_max);
  while (!bits->empty() && bits->back() == 0)
    bits->pop_back();
  auto again = log::legacy::decode_run_length(log::legacy::encode_run_length(*bits), bits_bytes_max);
  CORESTORE_CHECK(again == *bits);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view input{data, size};
  (void)generation_of(input);
  check_bits(input);
  legacy::frame_reader frames;
  frames.push(input);
  for (;;) {
    auto next = frames.next();
    if (!next || !*next)
      return 0;
    auto decoded = legacy::decode((*next)->type, (*next)->body);
    if (!decoded || !*decoded)
      continue;
    bytes again;
    legacy::encode((*next)->channel, **decoded, again);
    legacy::frame_reader second;
    second.push(again);
    auto reread = second.next();
    CORESTORE_CHECK(reread && *reread);
    auto same = legacy::decode((*reread)->type, (*reread)->body);
    CORESTORE_CHECK(same && *same == *decoded);
    if (const auto* have = std::get_if<legacy::have>(&**decoded); have != nullptr && have->bitfield)
      check_bits(*have->bitfield);
  }
}
