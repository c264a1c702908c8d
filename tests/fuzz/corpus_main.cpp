// Runs a fuzz entry over every file of a folder, whole and cut short, without a fuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  if (count != 2)
    return 2;
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator{arguments[1]}) {
    std::ifstream file{entry.path(), std::ios::binary};
    std::vector<char> content{std::istreambuf_iterator<char>{file}, {}};
    std::vector<std::uint8_t> input(content.begin(), content.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    LLVMFuzzerTestOneInput(input.data(), input.size() / 2);
    if (!input.empty()) {
      input[input.size() / 2] ^= 1U;
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    ++inputs;
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0 ? 1 : 0; // an empty corpus tests nothing
}
