// Input: a message type, then its payload. What decodes must survive a round trip.
#include "base/check.hpp"
#include "replication/wire/codec.hpp"

using namespace corestore;
using namespace corestore::replication;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  byte_view payload{data + 1, size - 1};
  (void)wire::decode_handshake(payload);
  auto message = wire::decode(data[0], payload);
  if (!message)
    return 0;
  bytes again;
  wire::encode(*message, again);
  CORESTORE_CHECK(again.size() == wire::encoded_size(*message));
  CORESTORE_CHECK(wire::decode(data[0], again) == message);
  return 0;
}
