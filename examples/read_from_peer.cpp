// read_from_peer DIRECTORY KEY ADDRESS COUNT: reads COUNT blocks of somebody else's core (one that a JavaScript
// application writes, for example) from the peer at ADDRESS and prints them. KEY is in hex
// or z-base-32.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <corestore/store.hpp>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s DIRECTORY KEY ADDRESS COUNT\n", argv[0]);
    return 2;
  }
  try {
    auto store = corestore::store::open(argv[1]);
    auto core = store.get({.key = corestore::parse_key(argv[2])});
    auto link = store.connect(argv[3]);
    auto count = std::strtoull(argv[4], nullptr, 10);
    for (std::uint64_t index = 0; index < count; ++index) {
      auto block = core.get(index, std::chrono::seconds{20});
      if (!block) {
        std::fprintf(stderr, "block %llu did not come\n", 0ULL + index);
        return 1;
      }
      std::printf("%.*s\n", static_cast<int>(block->size()), reinterpret_cast<const char*>(block->data()));
    }
    return 0;
  } catch (const corestore::failure& reason) {
    std::fprintf(stderr, "%s\n", reason.what());
    return 1;
  }
}
