#include "programs/block_source.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "base/limits.hpp"

using namespace corestore;
using programs::block_source;
using programs::block_source_options;

namespace {

/// A file with the given content, gone at the end of the test.
class scratch_file {
public:
  explicit scratch_file(std::string_view content) {
    auto descriptor = mkstemp(path_.data());
    REQUIRE(descriptor >= 0);
    REQUIRE(write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(descriptor);
  }
  ~scratch_file() {
    std::remove(path_.c_str());
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  [[nodiscard]] const std::string& path() const {
    return path_;
  }

private:
  std::string path_ = "/tmp/block-source-XXXXXX";
};

using batches = std::vector<std::vector<std::string>>;

batches read_all(block_source& source) {
  batches all;
  for (;;) {
    auto batch = source.next();
    REQUIRE(batch);
    if (batch->empty())
      return all;
    auto& texts = all.emplace_back();
    for (const auto& block : *batch)
      texts.emplace_back(as_text(block.view()));
  }
}

batches cut(std::string_view content, block_source_options options) {
  const scratch_file file{content};
  options.files = {file.path()};
  block_source source{options};
  return read_all(source);
}

} // namespace

TEST_CASE("lines become blocks without their ends, the last one too when its end is missing") {
  block_source_options options;
  options.by_line = true;
  CHECK(cut("a\n\nbc\nd", options) == batches{{"a", "", "bc", "d"}});
  CHECK(cut("a\n", options) == batches{{"a"}});
  CHECK(cut("", options).empty());
}

TEST_CASE("a batch holds as many blocks as were asked for, and the last one what is left") {
  block_source_options options;
  options.by_line = true;
  options.batch_blocks_max = 2;
  CHECK(cut("1\n2\n3\n4\n5\n", options) == batches{{"1", "2"}, {"3", "4"}, {"5"}});
  CHECK(cut("1\n2\n3\n4\n", options) == batches{{"1", "2"}, {"3", "4"}});
}

TEST_CASE("fixed sizes cut anywhere, and the last block may be shorter") {
  block_source_options options;
  options.block_bytes = 3;
  CHECK(cut("1234567", options) == batches{{"123", "456", "7"}});
  CHECK(cut("123456", options) == batches{{"123", "456"}});
}

TEST_CASE("each file is one block, in order, empty ones included") {
  const scratch_file first{"one\ntwo"};
  const scratch_file second{""};
  block_source_options options;
  options.files = {first.path(), second.path(), first.path()};
  block_source source{options};
  CHECK(read_all(source) == batches{{"one\ntwo", "", "one\ntwo"}});
}

TEST_CASE("lines longer than one read keep their bytes") {
  const std::string long_line(200000, 'x');
  block_source_options options;
  options.by_line = true;
  CHECK(cut(long_line + "\ny\n" + long_line, options) == batches{{long_line, "y", long_line}});
}

TEST_CASE("a batch of large blocks is closed before it has all the blocks it may have") {
  const std::string content(std::size_t{12} << 20U, 'x');
  block_source_options options;
  options.block_bytes = std::size_t{1} << 20U;
  options.batch_blocks_max = 1000;
  auto all = cut(content, options);
  CHECK(all.size() == 3);
  CHECK(all.front().size() == 4);
}

TEST_CASE("a block past the limit is refused before it is read to its end") {
  const scratch_file file{std::string(limits::block_bytes_max + 1, 'x')};
  block_source_options options;
  options.files = {file.path()};
  options.by_line = GENERATE(false, true);
  block_source source{options};
  auto batch = source.next();
  REQUIRE_FALSE(batch);
  CHECK(batch.error().code == ec::bad_argument);
}

TEST_CASE("a file that is not there is named") {
  block_source_options options;
  options.files = {"/nonexistent/file"};
  block_source source{options};
  auto batch = source.next();
  REQUIRE_FALSE(batch);
  CHECK(batch.error().code == ec::storage_failed);
  CHECK(batch.error().detail.find("/nonexistent/file") != std::string::npos);
}
