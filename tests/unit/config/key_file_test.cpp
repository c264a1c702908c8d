#include "config/key_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "base/text.hpp"

using namespace corestore;
using namespace corestore::config;

namespace {

class key_file {
public:
  explicit key_file(const std::string& content) {
    std::string name = (std::filesystem::temp_directory_path() / "corestore-key-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::ofstream{path(), std::ios::binary} << content;
  }
  key_file(const key_file&) = delete;
  key_file& operator=(const key_file&) = delete;
  ~key_file() {
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path() const {
    return (folder_ / "key").string();
  }

private:
  std::filesystem::path folder_;
};

} // namespace

TEST_CASE("a primary key is read from hex or raw bytes") {
  std::string raw(32, '\x5a');
  auto hex = text::to_hex(as_bytes(raw));
  for (const auto& content : {raw, hex, hex + "\n", "  " + hex + "\r\n"}) {
    key_file file{content};
    auto key = read_primary_key(file.path());
    REQUIRE(key.has_value());
    CHECK(as_text(key->view()) == raw);
  }
}

TEST_CASE("thirty-two raw bytes may be anything") {
  std::string raw(32, '\n');
  key_file file{raw};
  CHECK(as_text(read_primary_key(file.path()).value().view()) == raw);
}

TEST_CASE("anything else is not a primary key and stays out of the message") {
  for (const auto& content : {std::string{}, std::string{"secret"}, std::string(31, 'a'), std::string(63, 'a'),
                              std::string(65, 'a'), std::string(64, 'x'), std::string(1000, 'a'), std::string(" \n")}) {
    key_file file{content};
    auto key = read_primary_key(file.path());
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error() == error{ec::bad_argument, file.path() + ": a primary key is 64 hex digits or 32 raw bytes"});
  }
}

TEST_CASE("a missing key file is named") {
  auto key = read_primary_key("/nonexistent/key");
  REQUIRE_FALSE(key.has_value());
  CHECK(key.error().detail.starts_with("/nonexistent/key: cannot be read"));
}
