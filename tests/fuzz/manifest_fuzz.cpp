// Input: an encoded manifest and whatever follows it. What decodes must survive a round trip.
#include "base/check.hpp"
#include "log/manifest.hpp"

using namespace corestore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t consumed = 0;
  auto decoded = log::decode_manifest({data, size}, &consumed);
  if (!decoded)
    return 0;
  CORESTORE_CHECK(consumed <= size);
  (void)log::validate(*decoded);
  auto again = log::decode_manifest(log::encode_manifest(*decoded));
  CORESTORE_CHECK(again && *again == *decoded);
  return 0;
}
