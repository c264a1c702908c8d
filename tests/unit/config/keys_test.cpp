#include "config/keys.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "config/settings_file.hpp"

using namespace corestore;
using namespace corestore::config;

namespace {

result<void> give(settings& target, const char* key, std::vector<std::string> elements) {
  return assign(target, key, elements, "--flag");
}

} // namespace

TEST_CASE("every key has one name and reads what it prints") {
  std::set<std::string> names;
  for (const auto& rule : key_rules()) {
    CHECK(names.insert(rule.full_name()).second);
    CHECK(find_rule(rule.section, rule.name) == &rule);
    settings target;
    CHECK(rule.assign(target, rule.print(settings{})).has_value());
    CHECK(target == settings{});
  }
  CHECK(find_rule("store", "listen") == nullptr);
}

TEST_CASE("a flag replaces what the file said") {
  auto target = parse_settings("[replication]\nlisten = a:1, b:2\n", "f").value();
  CHECK(give(target, "replication.listen", {"c:3"}).has_value());
  REQUIRE(target.replication.listen.size() == 1);
  CHECK(target.replication.listen[0].host == "c");
  CHECK(target.origins.at("replication.listen") == "--flag");
  CHECK(give(target, "replication.listen", {"off"}).has_value());
  CHECK(target.replication.listen.empty());
}

TEST_CASE("a wrong flag leaves the value and names itself") {
  settings target;
  CHECK(give(target, "store.generation", {"8"}).error() ==
        error{ec::bad_argument, "--flag: store.generation: '8' is not a generation: 10 or 9"});
  CHECK(give(target, "store.generation", {"9", "10"}).error().detail.ends_with("exactly one value is expected"));
  CHECK(give(target, "store.generation", {}).error().detail.ends_with("exactly one value is expected"));
  CHECK(give(target, "store.nothing", {"1"}).error().detail.ends_with("unknown key"));
  CHECK(give(target, "generation", {"9"}).error().detail.ends_with("unknown key"));
  CHECK(give(target, "replication.connect", {"a:1", "b"}).error().code == ec::bad_argument);
  CHECK(give(target, "store.path", {"a\nb"}).error().detail.ends_with("the value holds a control character"));
  CHECK(target == settings{});
}

TEST_CASE("a reload takes the live keys and names the others") {
  auto fresh = parse_settings("[store]\npath = ./other\n[replication]\nmirror = " + std::string(64, 'a') +
                                "\nconnections-max = 600\nlisten = off\n[log]\nlevel = warn\n",
                              "f")
                 .value();
  auto outcome = reload(settings{}, fresh);
  CHECK(outcome.effective.replication.mirror == fresh.replication.mirror);
  CHECK(outcome.effective.replication.connections_max == 600);
  CHECK(outcome.effective.log.level == log_level::warn);
  CHECK(outcome.effective.store == settings{}.store);
  CHECK(outcome.effective.replication.listen == settings{}.replication.listen);
  CHECK(outcome.ignored == std::vector<std::string>{"store.path", "replication.listen"});
  CHECK(reload(fresh, fresh).ignored.empty());
}
