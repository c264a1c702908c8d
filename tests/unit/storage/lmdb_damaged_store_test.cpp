// Directories that are not, or no longer, a store.
#include <catch2/catch.hpp>

#include <fstream>

#include <lmdb.h>

#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::made_up_log;
using testing::temporary_directory;

open_options options_for_tests() {
  open_options options;
  options.map_bytes = options.map_bytes_max = std::uint64_t{64} << 20U;
  options.journal = {0, 0}; // what is damaged here are the tables
  return options;
}

/// The error of opening, which always names the path.
ec open_code(const std::filesystem::path& path, open_options options = options_for_tests()) {
  auto opened = open_store(path, options);
  if (opened)
    return ec::none;
  INFO(to_string(opened.error()));
  CHECK(opened.error().detail.find(path.string()) != std::string::npos);
  return opened.error().code;
}

void create(const std::filesystem::path& path, std::uint64_t length) {
  auto store = open_store(path, options_for_tests());
  REQUIRE(store);
  made_up_log source{1, 1000};
  auto changes = testing::append_of(source, testing::core_a, 0, length);
  REQUIRE((*store)->apply({&changes, 1}));
}

/// Writes into a table of a closed store, as another program or version would.
void put_raw(const std::filesystem::path& path, const char* table, std::string key, std::string value) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 16) == 0);
  REQUIRE(mdb_env_open(env, path.c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, table, MDB_CREATE, &dbi) == 0);
  MDB_val key_val{key.size(), key.data()};
  MDB_val value_val{value.size(), value.data()};
  REQUIRE(mdb_put(txn, dbi, &key_val, &value_val, 0) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

/// Makes a closed store one of a version that did not know `table` yet.
void drop_table(const std::filesystem::path& path, const char* table) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 16) == 0);
  REQUIRE(mdb_env_open(env, path.c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, table, 0, &dbi) == 0);
  REQUIRE(mdb_drop(txn, dbi, 1) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

} // namespace

TEST_CASE("a store from before user data is read as it is, and gets the table when its owner opens it") {
  temporary_directory directory;
  create(directory.store(), 10);
  drop_table(directory.store(), "userdata");
  auto options = options_for_tests();
  options.is_read_only = true;
  {
    auto reader = open_store(directory.store(), options);
    REQUIRE(reader);
    auto view = (*reader)->open_snapshot();
    REQUIRE(view);
    CHECK((*view)->user_data(testing::core_a, "name").value() == std::nullopt);
    CHECK((*view)->head(testing::core_a)->length == 10);
  }
  auto owner = open_store(directory.store(), options_for_tests());
  REQUIRE(owner);
  log::change_set changes;
  changes.number = testing::core_a;
  changes.user_data.push_back({"name", bytes{1}});
  REQUIRE((*owner)->apply({&changes, 1}));
  CHECK((*(*owner)->open_snapshot())->user_data(testing::core_a, "name").value() == std::optional{bytes{1}});
}

TEST_CASE("a store from before groups is read as one without any, and its owner can have them") {
  temporary_directory directory;
  create(directory.store(), 10);
  drop_table(directory.store(), "groups");
  auto topic = hash32{};
  auto changes_in = [&](backend& store) {
    std::size_t count = 0;
    auto view = store.open_snapshot();
    REQUIRE(view);
    CHECK((*view)->group(testing::core_a).value() == std::nullopt);
    REQUIRE((*view)->group_changes(topic, {}, [&](std::uint64_t, const discovery_key&) { return ++count > 0; }));
    return count;
  };
  auto options = options_for_tests();
  options.is_read_only = true;
  {
    auto reader = open_store(directory.store(), options);
    REQUIRE(reader);
    CHECK(changes_in(**reader) == 0);
  }
  auto owner = open_store(directory.store(), options_for_tests());
  REQUIRE(owner);
  CHECK(changes_in(**owner) == 0);
  auto changes = testing::append_of(made_up_log{1, 1000}, testing::core_a, 10, 11);
  changes.header = testing::header_of(testing::core_a);
  changes.group = log::group_change{topic};
  REQUIRE((*owner)->apply({&changes, 1}));
  auto view = (*owner)->open_snapshot();
  REQUIRE(view);
  CHECK((*view)->group(testing::core_a).value()->topic == topic);
}

namespace {

/// The format number of a closed store.
int format_of(const std::filesystem::path& path) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  std::string name = "format";
  MDB_val key{name.size(), name.data()};
  MDB_val value{};
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 16) == 0);
  REQUIRE(mdb_env_open(env, path.c_str(), MDB_RDONLY, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, "meta", 0, &dbi) == 0);
  REQUIRE(mdb_get(txn, dbi, &key, &value) == 0);
  auto number = *static_cast<const std::uint8_t*>(value.mv_data);
  mdb_txn_abort(txn);
  mdb_env_close(env);
  return number;
}

} // namespace

TEST_CASE("a store becomes one that older programs refuse with the first core in a group, and not before") {
  temporary_directory directory;
  create(directory.store(), 10);
  auto apply = [&](const std::optional<hash32>& topic) {
    auto store = open_store(directory.store(), options_for_tests());
    REQUIRE(store);
    log::change_set changes;
    changes.number = testing::core_a;
    changes.group = log::group_change{topic};
    REQUIRE((*store)->apply({&changes, 1}));
  };
  CHECK(format_of(directory.store()) == 2);
  apply(std::nullopt); // it is in none
  CHECK(format_of(directory.store()) == 2);
  apply(hash32{});
  CHECK(format_of(directory.store()) == 3);
  apply(std::nullopt);
  CHECK(format_of(directory.store()) == 3);
  auto store = open_store(directory.store(), options_for_tests());
  REQUIRE(store);
  CHECK((*store)->open_snapshot().value()->head(testing::core_a)->length == 10);
}

TEST_CASE("a store of the format without a journal is read as it is, and taken over by its owner") {
  temporary_directory directory;
  create(directory.store(), 10);
  put_raw(directory.store(), "meta", "format", std::string{"\x01\0\0\0", 4});
  drop_table(directory.store(), "journal");
  made_up_log source{1, 1000};
  auto options = options_for_tests();
  options.journal = {};
  options.is_read_only = true;
  {
    auto reader = open_store(directory.store(), options);
    REQUIRE(reader);
    auto view = (*reader)->open_snapshot();
    REQUIRE(view);
    CHECK(to_bytes((*view)->block(testing::core_a, 9).value().value().view()) == source.block(9));
  }
  options.is_read_only = false;
  for (std::uint64_t length = 10; length < 12; ++length) {
    auto owner = open_store(directory.store(), options);
    REQUIRE(owner);
    auto more = testing::append_of(source, testing::core_a, length, length + 1);
    REQUIRE((*owner)->apply({&more, 1}));
    CHECK(to_bytes((*(*owner)->open_snapshot())->block(testing::core_a, length).value().value().view()) ==
          source.block(length));
  }
  put_raw(directory.store(), "meta", "format", std::string{"\x04\0\0\0", 4}); // it had become 2
  CHECK(open_code(directory.store()) == ec::storage_format);
}

TEST_CASE("an entry of the journal that contradicts its format is storage_damaged") {
  temporary_directory directory;
  create(directory.store(), 10);
  put_raw(directory.store(), "journal", std::string{"\0\0\0\0\0\0\0\5", 8}, "nonsense");
  CHECK(open_code(directory.store()) == ec::storage_damaged);
}

TEST_CASE("a core that cannot be folded because its tables are damaged does not stop the others") {
  temporary_directory directory;
  create(directory.store(), 10);
  auto options = options_for_tests();
  options.journal = {1000, std::size_t{1} << 20U};
  made_up_log source{1, 1000};
  {
    auto owner = open_store(directory.store(), options);
    REQUIRE(owner);
    auto more = testing::append_of(source, testing::core_a, 10, 11);
    REQUIRE((*owner)->apply({&more, 1}));
  }
  put_raw(directory.store(), "runs", std::string{"\0\0\0\7\0\0\0\0\0\0\0\x0c", 12}, std::string(300, '\1'));
  options.journal = {1, std::size_t{1} << 20U};
  auto owner = open_store(directory.store(), options);
  REQUIRE(owner);
  made_up_log other{2, 100};
  for (std::uint64_t length = 0; length < 5; ++length) {
    auto more = testing::append_of(other, testing::core_b, length, length + 1);
    REQUIRE((*owner)->apply({&more, 1}));
  }
  auto view = (*owner)->open_snapshot();
  CHECK(to_bytes((*view)->block(testing::core_b, 4).value().value().view()) == other.block(4));
  CHECK(to_bytes((*view)->block(testing::core_a, 10).value().value().view()) == source.block(10));
}

TEST_CASE("a missing store is created only by an owner that may") {
  temporary_directory directory;
  auto options = options_for_tests();
  options.is_read_only = true;
  CHECK(open_code(directory.store(), options) == ec::not_found);
  options.is_read_only = false;
  options.may_create = false;
  CHECK(open_code(directory.store(), options) == ec::not_found);
  CHECK_FALSE(std::filesystem::exists(directory.store()));
  CHECK(open_code(directory.path(), options) == ec::not_found); // there, but without a store
  options.may_create = true;
  CHECK(open_code(directory.path() / "some" / "way" / "down", options) == ec::none);
}

TEST_CASE("a file in place of the directory is not a store") {
  temporary_directory directory;
  std::ofstream{directory.store()} << "hello";
  CHECK(open_code(directory.store()) == ec::storage_damaged);
}

TEST_CASE("a directory in place of the data file is not a store") {
  temporary_directory directory;
  std::filesystem::create_directories(directory.store() / "data.mdb");
  CHECK(open_code(directory.store()) == ec::storage_damaged);
}

TEST_CASE("garbage in place of the data file is not a store") {
  temporary_directory directory;
  std::filesystem::create_directories(directory.store());
  auto size = GENERATE(1U, 100U, 4096U, 8192U, 100000U);
  std::ofstream{directory.store() / "data.mdb"} << std::string(size, 'g');
  CHECK(open_code(directory.store()) == ec::storage_damaged);
}

TEST_CASE("a creation that was cut short is made good") {
  temporary_directory directory;
  std::filesystem::create_directories(directory.store());
  std::ofstream empty{directory.store() / "data.mdb"};
  empty.close();
  CHECK(open_code(directory.store()) == ec::none);
  CHECK(open_code(directory.store()) == ec::none);
}

TEST_CASE("a truncated data file is recognised before it is mapped") {
  temporary_directory directory;
  create(directory.store(), 2000);
  auto file = directory.store() / "data.mdb";
  auto size = std::filesystem::file_size(file);
  REQUIRE(size > 1000000);
  auto left = GENERATE_COPY(size - 600000, size / 2, std::uintmax_t{8192}, std::uintmax_t{5000}, std::uintmax_t{4096});
  std::filesystem::resize_file(file, left);
  CHECK(open_code(directory.store()) == ec::storage_damaged);
}

TEST_CASE("a data file that lost a few pages at its end is answered with errors, not with a crash") {
  temporary_directory directory;
  create(directory.store(), 2000);
  auto file = directory.store() / "data.mdb";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 8192);
  auto store = open_store(directory.store(), options_for_tests());
  if (store) { // the lost pages may be free ones
    auto view = (*store)->open_snapshot();
    REQUIRE(view);
    for (std::uint64_t index = 0; index < 2000; ++index)
      static_cast<void>((*view)->block(testing::core_a, index));
  } else {
    CHECK(store.error().code == ec::storage_damaged);
  }
}

TEST_CASE("damaged meta pages are recognised") {
  temporary_directory directory;
  create(directory.store(), 10);
  auto offset = GENERATE(16, 20, 40, 4096 + 16);
  {
    std::fstream file{directory.store() / "data.mdb", std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(offset);
    file.write("\x77\x66\x55\x44", 4);
  }
  auto code = open_code(directory.store());
  CHECK((code == ec::storage_damaged || (offset == 20 && code == ec::storage_format)));
}

TEST_CASE("an LMDB environment of another program is not a store") {
  temporary_directory directory;
  std::filesystem::create_directories(directory.store());
  SECTION("without named tables") {
    put_raw(directory.store(), nullptr, "key", "value");
  }
  SECTION("with tables of its own") {
    put_raw(directory.store(), "customers", "key", "value");
  }
  SECTION("with a table of the same name") {
    put_raw(directory.store(), "meta", "key", "value");
  }
  CHECK(open_code(directory.store()) == ec::storage_format);
}

TEST_CASE("a newer format is refused and named") {
  temporary_directory directory;
  create(directory.store(), 10);
  put_raw(directory.store(), "meta", "format", std::string{"\x04\0\0\0", 4});
  auto opened = open_store(directory.store(), options_for_tests());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ec::storage_format);
  CHECK(opened.error().detail.find("format 4") != std::string::npos);
}

TEST_CASE("records that contradict their format are storage_damaged") {
  temporary_directory directory;
  create(directory.store(), 10);
  std::string core{"\0\0\0\7", 4};
  SECTION("the format number") {
    put_raw(directory.store(), "meta", "format", "x");
    CHECK(open_code(directory.store()) == ec::storage_damaged);
  }
  SECTION("the primary key") {
    put_raw(directory.store(), "meta", "primary", "short");
    CHECK(open_code(directory.store()) == ec::storage_damaged);
  }
  SECTION("a head record") {
    put_raw(directory.store(), "heads", core, "\1\1nonsense");
    auto store = open_store(directory.store(), options_for_tests());
    REQUIRE(store);
    CHECK((*store)->open_snapshot().value()->head(testing::core_a).error().code == ec::storage_damaged);
    CHECK((*store)->open_snapshot().value()->bits(testing::core_a).error().code == ec::storage_damaged);
    log::change_set changes;
    changes.number = testing::core_a;
    CHECK((*store)->apply({&changes, 1}).error().code == ec::storage_damaged);
    changes.number = testing::core_b; // other cores go on
    CHECK((*store)->apply({&changes, 1}));
  }
  SECTION("a run") {
    put_raw(directory.store(), "runs", core + std::string{"\0\0\0\0\0\0\0\x09", 8}, std::string(300, '\1'));
    auto store = open_store(directory.store(), options_for_tests());
    REQUIRE(store);
    auto view = (*store)->open_snapshot();
    CHECK((*view)->block(testing::core_a, 3).error().code == ec::storage_damaged);
    CHECK((*view)->node(testing::core_a, 3).error().code == ec::storage_damaged);
    auto scanned = (*view)->each_block(testing::core_a, {0, 10}, [](std::uint64_t, byte_view) { return true; });
    CHECK(scanned.error().code == ec::storage_damaged);
  }
}

} // namespace corestore::storage
