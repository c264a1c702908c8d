// plain DIRECTORY TEXT...: appends each TEXT to the core named `log` and prints the whole core.
#include <cstdio>
#include <string_view>

#include <corestore/store.hpp>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY TEXT...\n", argv[0]);
    return 2;
  }
  try {
    auto store = corestore::store::open(argv[1]);
    auto log = store.get({.name = "log"});
    auto watch = log.on_append([](std::uint64_t length) { std::printf("now %llu blocks\n", 0ULL + length); });
    for (int i = 2; i < argc; ++i)
      log.append(argv[i]);
    log.read(0, log.length(), [](std::uint64_t index, corestore::byte_view block) {
      std::printf("%llu %.*s\n", 0ULL + index, static_cast<int>(block.size()),
                  reinterpret_cast<const char*>(block.data()));
      return true;
    });
    store.close();
    return 0;
  } catch (const corestore::failure& reason) {
    std::fprintf(stderr, "%s\n", reason.what());
    return 1;
  }
}
