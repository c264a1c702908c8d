#include "config/settings_text.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "config/keys.hpp"
#include "config/settings_file.hpp"

using namespace corestore;
using namespace corestore::config;

TEST_CASE("the printed defaults read back") {
  auto text = print_settings(settings{});
  CHECK(text.starts_with("[store]\npath = ./data\nprimary-key-file =\ngeneration = 10\n"));
  CHECK(text.find("\n\n[replication]\nlisten = 127.0.0.1:49737\nconnect =\n") != std::string::npos);
  CHECK(parse_settings(text, "f").value() == settings{});
}

TEST_CASE("every kind of value reads back as it was printed") {
  auto given = parse_settings("[store]\npath = \"a \\\"b\\\" # c\"\ndurability = none\nmap-size-max = 12MiB\n"
                              "sync-interval = 1500ms\n[replication]\nlisten = [::1]:1, unix:/a\nconnect = a:1@10\n"
                              "mirror = " +
                                std::string(64, 'c') + ", " + std::string(64, 'd') + "@9" +
                                "\nupload = off\n[http]\ntoken = \"x,y\"\n[log]\nlevel = off\n",
                              "f");
  REQUIRE(given.has_value());
  CHECK(parse_settings(print_settings(*given, true), "g").value() == *given);
}

TEST_CASE("an empty listen list is printed as off") {
  settings given;
  given.replication.listen.clear();
  auto text = print_settings(given);
  CHECK(text.find("[replication]\nlisten = off\n") != std::string::npos);
  CHECK(parse_settings(text, "f").value() == given);
}

TEST_CASE("a token is hidden unless asked for") {
  settings given;
  given.http.token = "top-secret";
  CHECK(print_settings(given).find("top-secret") == std::string::npos);
  CHECK(print_settings(given).find("token = hidden") != std::string::npos);
  CHECK(print_settings(given, true).find("token = top-secret") != std::string::npos);
}

TEST_CASE("any text value reads back") {
  rc::prop("paths", [](const std::string& path) {
    settings given;
    std::vector<std::string> elements{path};
    if (assign(given, "store.path", elements, "test"))
      RC_ASSERT(parse_settings(print_settings(given), "f").value() == given);
  });
}
