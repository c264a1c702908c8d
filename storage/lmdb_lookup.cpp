#include "storage/lmdb_lookup.hpp"

#include "storage/tree_math.hpp"

namespace corestore::storage {

namespace {

result<std::optional<indexed_entry>> of_number(result<std::optional<table_entry>> found, log::core_number number) {
  if (!found)
    return of_core(number, std::move(found.error()));
  if (!*found)
    return std::nullopt;
  auto key = schema::decode_core_index_key((*found)->key);
  if (!key)
    return of_core(number, {ec::storage_damaged, "a key has a wrong length"});
  if (key->number != number)
    return std::nullopt;
  return indexed_entry{key->index, (*found)->value};
}

} // namespace

tl::unexpected<error> of_core(log::core_number number, error what) {
  what.detail = "core " + std::to_string(static_cast<std::uint32_t>(number)) + ": " + what.detail;
  return fail(std::move(what));
}

result<std::optional<indexed_entry>> seek_index(lmdb_txn& txn, schema::table table, log::core_number number,
                                                std::uint64_t index) {
  return of_number(txn.seek(table, schema::encode_key(number, index)), number);
}

result<std::optional<indexed_entry>> next_index(lmdb_txn& txn, schema::table table, log::core_number number) {
  return of_number(txn.next(table), number);
}

result<std::optional<run_view>> run_from(lmdb_txn& txn, log::core_number number, std::uint64_t block) {
  auto found = seek_index(txn, schema::table::runs, number, block);
  if (!found)
    return fail(std::move(found.error()));
  if (!*found)
    return std::nullopt;
  auto run = run_view::open((*found)->index, (*found)->value);
  if (!run)
    return of_core(number, std::move(run.error()));
  return *run;
}

result<std::optional<log::node>> find_node(lmdb_txn& txn, log::core_number number, std::uint64_t index) {
  if (index > tree::node_max)
    return std::nullopt;
  auto run = run_from(txn, number, tree::last_block(index));
  if (!run)
    return fail(std::move(run.error()));
  if (*run) {
    if (auto node = (*run)->node(index))
      return node;
  }
  auto value = txn.get(schema::table::nodes, schema::encode_key(number, index));
  if (!value)
    return of_core(number, std::move(value.error()));
  if (!*value)
    return std::nullopt;
  auto node = decode_node(index, **value);
  if (!node)
    return of_core(number, std::move(node.error()));
  return *node;
}

result<std::optional<byte_view>> find_block(lmdb_txn& txn, log::core_number number, std::uint64_t index) {
  auto run = run_from(txn, number, index);
  if (!run)
    return fail(std::move(run.error()));
  if (*run && (*run)->holds(index) && (*run)->has_blocks()) {
    auto block = (*run)->block(index);
    if (!block)
      return of_core(number, std::move(block.error()));
    return *block;
  }
  auto value = txn.get(schema::table::blocks, schema::encode_key(number, index));
  if (!value)
    return of_core(number, std::move(value.error()));
  return *value;
}

result<core_record> read_record(lmdb_txn& txn, log::core_number number) {
  auto value = txn.get(schema::table::heads, schema::encode_key(number));
  if (!value)
    return of_core(number, std::move(value.error()));
  if (!*value)
    return core_record{};
  auto record = decode_core_record(**value);
  if (!record)
    return of_core(number, std::move(record.error()));
  return record;
}

} // namespace corestore::storage
