#include "config/settings_file.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "base/text.hpp"

using namespace corestore;
using namespace corestore::config;
using namespace std::chrono_literals;

namespace {

const std::string key_a(64, 'a');
const std::string key_b(64, 'b');

settings good(const std::string& text) {
  auto parsed = parse_settings(text, "f.conf");
  INFO((parsed ? std::string{} : parsed.error().detail));
  REQUIRE(parsed.has_value());
  return *parsed;
}

std::string bad(const std::string& text) {
  auto parsed = parse_settings(text, "f.conf");
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ec::bad_argument);
  return parsed.error().detail;
}

} // namespace

TEST_CASE("an empty file gives the defaults") {
  CHECK(good("") == settings{});
  CHECK(good("\n# nothing\n\t; here\n[store]\n[log]\n") == settings{});
}

TEST_CASE("values reach their settings") {
  auto given = good("[store]\npath = /srv/store\ngeneration=9\ndurability = interval\ncache.active = 7\n"
                    "map-size-max = 64MiB\n[replication]\nlisten = off\nkeep-alive = 2s\nupload = off\n"
                    "[http]\nlisten = unix:/run/h\ntoken = secret\n[node]\ntls-key = k.pem\n[cluster]\nreplicas = 3\n"
                    "[log]\nlevel = debug");
  CHECK(given.store.path == "/srv/store");
  CHECK(given.store.generation == 9);
  CHECK(given.store.durability == durability::interval);
  CHECK(given.store.active_cores_max == 7);
  CHECK(given.store.passive_cores_max == defaults::passive_cores_max);
  CHECK(given.store.map_bytes_max == std::uint64_t{64} << 20U);
  CHECK(given.replication.listen.empty());
  CHECK(given.replication.keep_alive == 2s);
  CHECK_FALSE(given.replication.may_upload);
  CHECK(given.replication.may_download);
  CHECK(given.http.listen.path == "/run/h");
  CHECK(given.http.token == "secret");
  CHECK(given.node.tls_key == "k.pem");
  CHECK(given.cluster.replicas == 3);
  CHECK(given.log.level == log_level::debug);
}

TEST_CASE("a list is repeated keys, commas, or both") {
  auto one = good("[replication]\nconnect = a:1, b:2@9\nconnect = [::1]:3\n");
  auto other = good("[replication]\nconnect = a:1\nconnect = b:2@9 # old\nconnect=[::1]:3\n");
  REQUIRE(one.replication.connect.size() == 3);
  CHECK(one.replication.connect[1].generation == 9);
  CHECK(one == other);
  auto keys = good("[replication]\nmirror = " + key_a + "@9,\"" + key_b + "\"\nallow = " + key_a);
  REQUIRE(keys.replication.mirror.size() == 2);
  CHECK(text::to_hex(keys.replication.mirror[1].key.view()) == key_b);
  CHECK(keys.replication.mirror[0].generation == 9);
  CHECK(keys.replication.mirror[1].generation == 0);
  CHECK(keys.replication.allow.size() == 1);
}

TEST_CASE("a list given in the file replaces the default") {
  auto given = good("[replication]\nlisten = 0.0.0.0:1\n");
  REQUIRE(given.replication.listen.size() == 1);
  CHECK(given.replication.listen[0].host == "0.0.0.0");
}

TEST_CASE("comments end a value only after a blank") {
  CHECK(good("[store]\npath = ./a#b;c ; the folder\n").store.path == "./a#b;c");
  CHECK(good("[store] # here\npath = x\t# y\n").store.path == "x");
  CHECK(good("[store]\nprimary-key-file = # none\n").store.primary_key_file.empty());
  CHECK(good("[replication]\nconnect = # none\n").replication.connect.empty());
}

TEST_CASE("quotes keep blanks, commas, marks and escapes") {
  CHECK(good("[store]\npath = \" a # b, \\\"c\\\" \\\\ \"  # d\n").store.path == " a # b, \"c\" \\ ");
  CHECK(good("[store]\r\npath = \"x\"\r\n").store.path == "x");
  CHECK(good("[store]\npath = a, b\n").store.path == "a, b");
}

TEST_CASE("every mistake names file, line and key") {
  CHECK(bad("[store]\n\nsize = 1\n") == "f.conf:3: store.size: unknown key");
  CHECK(bad("[shop]\n") == "f.conf:1: unknown section [shop]");
  CHECK(bad("path = x\n") == "f.conf:1: path: a key before the first [section]");
  CHECK(bad("[store]\npath\n") == "f.conf:2: expected [section], key = value, or a comment");
  CHECK(bad("[store\n") == "f.conf:1: a section is written [name]");
  CHECK(bad("[store] path = x\n") == "f.conf:1: a section is written [name]");
  CHECK(bad("[store]\npath = x\n[log]\n[store]\npath = y\n") == "f.conf:5: store.path: given twice, first on line 2");
  CHECK(bad("[store]\npath =\n") == "f.conf:2: store.path: a value is expected");
  CHECK(bad("[store]\ngeneration = 11\n") == "f.conf:2: store.generation: '11' is not a generation: 10 or 9");
  CHECK(bad("[store]\ncache.active = many\n") == "f.conf:2: store.cache.active: 'many' is not a whole number");
  CHECK(bad("[store]\nmap-size-max = 5000KiB\nquota = x\n").starts_with("f.conf:3: store.quota: 'x' is not a size"));
  CHECK(bad("[store]\nmap-size-max = 1048577\n") ==
        "f.conf:2: store.map-size-max: '1048577' is not a multiple of 4KiB");
  CHECK(bad("[replication]\nconnections-max = 0\n") ==
        "f.conf:2: replication.connections-max: '0' is not between 1 and 1000000");
  CHECK(bad("[replication]\nkeep-alive = 5\n").starts_with("f.conf:2: replication.keep-alive: '5' is not a time"));
  CHECK(bad("[replication]\nupload = maybe\n") == "f.conf:2: replication.upload: 'maybe' is not on or off");
  CHECK(bad("[replication]\nconnect = a:1\nconnect = b\n").starts_with("f.conf:3: replication.connect: 'b' is not"));
  CHECK(bad("[replication]\nmirror = abc\n").starts_with("f.conf:2: replication.mirror: 'abc' is not a key"));
  CHECK(bad("[log]\nlevel = loud\n").starts_with("f.conf:2: log.level: 'loud' is not one of"));
}

TEST_CASE("malformed values are refused") {
  CHECK(bad("[store]\npath = \"x\n").ends_with("the closing quote is missing"));
  CHECK(bad("[store]\npath = \"\\n\"\n").ends_with("are escapes inside quotes"));
  CHECK(bad("[store]\npath = \"x\"y\n").ends_with("nothing may follow a quoted value"));
  CHECK(bad("[store]\npath = \"x\"#y\n").ends_with("nothing may follow a quoted value"));
  CHECK(bad("[store]\npath = x\"y\n").ends_with("put the whole value in quotes"));
  CHECK(bad("[replication]\nconnect = a:1,,b:2\n").ends_with("an element of the list is empty"));
  CHECK(bad("[replication]\nconnect = a:1,\n").ends_with("an element of the list is empty"));
  CHECK(bad("[replication]\nconnect = a:1\nconnect =\n").ends_with("an empty list cannot be repeated"));
  CHECK(bad("[replication]\nlisten = off, a:1\n").ends_with("off cannot stand beside an address"));
  CHECK(bad("[replication]\nlisten = a:1\nlisten = off\n").ends_with("off cannot stand beside an address"));
}

TEST_CASE("a file that cannot be read is an error with its name") {
  auto missing = load_settings("/nonexistent/corestored.conf");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ec::bad_argument);
  CHECK(missing.error().detail.starts_with("/nonexistent/corestored.conf: cannot be read"));
  CHECK_FALSE(load_settings("/").has_value());
  CHECK(load_settings("/dev/null").value() == settings{});
}

TEST_CASE("any text is settings or an error") {
  rc::prop("never throws", [](const std::string& value) {
    for (const auto* key : {"[store]\npath = ", "[replication]\nlisten = ", "[replication]\nmirror = ", ""})
      if (auto parsed = parse_settings(key + value, "f"); !parsed)
        RC_ASSERT(parsed.error().detail.starts_with("f:"));
  });
}

TEST_CASE("variables of the environment stand for their values") {
  auto variables = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME_OF_STORE")
      return "/srv/a b, #c";
    if (name == "EMPTY")
      return "";
    if (name == "PORT")
      return "4711";
    return std::nullopt;
  };
  auto read = [&](const std::string& text) {
    return parse_settings(text, "f.conf", variables);
  };
  CHECK(read("[store]\npath = ${HOME_OF_STORE}/x\n").value().store.path == "/srv/a b, #c/x");
  CHECK(read("[store]\npath = \"${MISSING:-./a, b}\"\n").value().store.path == "./a, b");
  CHECK(read("[store]\npath = x${EMPTY}y${EMPTY:-z}\n").value().store.path == "xyz");
  CHECK(read("[store]\npath = a$b$$c$${d}\n").value().store.path == "a$b$c${d}");
  auto ports = read("[replication]\nlisten = 127.0.0.1:${PORT}, [::1]:${PORT}\n").value();
  REQUIRE(ports.replication.listen.size() == 2);
  CHECK(ports.replication.listen[1].port == 4711);
  auto reason = [&](const std::string& text) {
    auto outcome = read(text);
    REQUIRE_FALSE(outcome);
    return outcome.error().detail;
  };
  CHECK(reason("[store]\n\npath = ${MISSING}\n") ==
        "f.conf:3: store.path: the environment variable MISSING is not set; ${MISSING:-text} gives a default");
  CHECK(reason("[store]\npath = ${PORT\n").ends_with("the closing } of a variable is missing"));
  CHECK(reason("[store]\npath = ${}\n").ends_with("'${}' is not ${NAME} or ${NAME:-text}"));
  CHECK(reason("[store]\npath = ${1A}\n").ends_with("'${1A}' is not ${NAME} or ${NAME:-text}"));
  CHECK(reason("[store]\ncache.active = ${EMPTY}\n").starts_with("f.conf:2: store.cache.active: '' is not"));
  CHECK(bad("[store]\npath = ${PORT}\n").find("PORT is not set") != std::string::npos);
}

TEST_CASE("a mirrored core may have a name") {
  auto given = good("[replication]\nmirror = " + key_a + "\tthe blog of A\nmirror = \"" + key_b + "  x, y\"\n");
  REQUIRE(given.replication.mirror.size() == 2);
  CHECK(given.replication.mirror[0].label == "the blog of A");
  CHECK(given.replication.mirror[1].label == "x, y");
  CHECK(good("[replication]\nmirror = " + key_a + "\n").replication.mirror[0].label.empty());
}
