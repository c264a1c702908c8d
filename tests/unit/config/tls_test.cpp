#include "config/tls.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace corestore;
using namespace corestore::config;

namespace {

/// Certificates made by the openssl program: two authorities, and a node signed by the first.
class certificates {
public:
  certificates() : folder_(std::filesystem::temp_directory_path() / ("corestore-tls-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    authority("ca");
    authority("other");
    run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=node -keyout " + path("node.key") +
        " -out " + path("node.csr"));
    run("x509 -req -days 2 -in " + path("node.csr") + " -CA " + path("ca.pem") + " -CAkey " + path("ca.key") +
        " -CAcreateserial -out " + path("node.pem"));
    std::ofstream{path("garbage.pem")} << "no certificate";
  }
  ~certificates() {
    std::filesystem::remove_all(folder_);
  }
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }

private:
  void authority(const std::string& name) {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name + " -keyout " +
        path(name + ".key") + " -out " + path(name + ".pem"));
  }

  static void run(const std::string& arguments) {
    auto line = "openssl " + arguments + " >/dev/null 2>&1";
    REQUIRE(std::system(line.c_str()) == 0);
  }

  std::filesystem::path folder_;
};

} // namespace

TEST_CASE("TLS files are checked before anybody connects") {
  certificates made;
  auto refusal = [&](const tls_files& files) {
    auto checked = check_tls_files(files);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ec::bad_argument);
    return checked.error().detail;
  };
  tls_files good{made.path("node.pem"), made.path("node.key"), made.path("ca.pem")};
  CHECK(check_tls_files(good).has_value());

  auto bad = good;
  bad.certificate = made.path("garbage.pem");
  CHECK(refusal(bad).starts_with(bad.certificate + ": no certificate"));
  bad = good;
  bad.certificate = made.path("nowhere.pem");
  CHECK(refusal(bad).starts_with(bad.certificate));
  bad = good;
  bad.key = made.path("ca.key");
  CHECK(refusal(bad).starts_with(bad.key));
  bad = good;
  bad.authority = made.path("garbage.pem");
  CHECK(refusal(bad).starts_with(bad.authority));
  bad = good;
  bad.authority = made.path("other.pem");
  CHECK(refusal(bad).find("does not vouch") != std::string::npos);
}
