// config/corestored.conf is the documentation of the keys: it lists each of them with its default.
#include <fstream>
#include <map>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "config/keys.hpp"
#include "config/settings_file.hpp"

using namespace corestore;
using namespace corestore::config;

namespace {

const std::string path = CORESTORE_TEST_DATA "/../../config/corestored.conf";

/// Each `[section]` and `key =` of the sample, with the comment lines right above it.
std::map<std::string, std::string> documented() {
  std::ifstream file{path};
  std::map<std::string, std::string> found;
  std::string section;
  std::string comment;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      comment += line;
    } else if (line.starts_with('[')) {
      section = line.substr(1, line.find(']') - 1);
      comment.clear();
    } else if (line.empty()) {
      comment.clear();
    } else {
      found[section + "." + line.substr(0, line.find(' '))] = comment;
    }
  }
  return found;
}

} // namespace

TEST_CASE("the sample says the defaults") {
  auto sample = load_settings(path);
  INFO((sample ? std::string{} : sample.error().detail));
  REQUIRE(sample.has_value());
  settings defaults;
  for (const auto& rule : key_rules()) {
    INFO(rule.full_name());
    CHECK(rule.print(*sample) == rule.print(defaults));
  }
  CHECK(validate(*sample).has_value());
}

TEST_CASE("the samples of a server to measure and of one among several are valid, and only say what differs") {
  const auto* name_of_sample = GENERATE("corestored-bench.conf", "corestored-cluster.conf");
  auto sample = load_settings(std::string{CORESTORE_TEST_DATA "/../../config/"} + name_of_sample);
  INFO((sample ? std::string{} : sample.error().detail));
  REQUIRE(sample.has_value());
  CHECK(validate(*sample).has_value());
  settings defaults;
  for (const auto& [name, origin] : sample->origins) {
    INFO(name);
    auto dot = name.find('.');
    const auto* rule = find_rule(name.substr(0, dot), name.substr(dot + 1));
    REQUIRE(rule != nullptr);
    CHECK(rule->print(*sample) != rule->print(defaults));
  }
}

TEST_CASE("the sample lists every key and no other") {
  std::set<std::string> known;
  for (const auto& rule : key_rules())
    known.insert(rule.full_name());
  std::set<std::string> listed;
  auto sample = load_settings(path).value();
  for (const auto& [name, origin] : sample.origins)
    listed.insert(name);
  CHECK(listed == known);
}

TEST_CASE("the sample explains every key and marks the live ones") {
  auto comments = documented();
  for (const auto& rule : key_rules()) {
    INFO(rule.full_name());
    REQUIRE(comments.contains(rule.full_name()));
    const auto& comment = comments[rule.full_name()];
    CHECK_FALSE(comment.empty());
    CHECK((comment.find("(live)") != std::string::npos) == rule.is_live);
  }
}
