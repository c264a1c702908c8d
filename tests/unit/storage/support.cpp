#include "tests/unit/storage/support.hpp"

#include <bit>
#include <cstdlib>
#include <stdexcept>

#include "log/flat_tree.hpp"
#include "storage/memory_backend.hpp"

namespace corestore::storage::testing {

namespace flat_tree = log::flat_tree;

temporary_directory::temporary_directory() {
  auto pattern = (std::filesystem::temp_directory_path() / "corestore-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error{"no temporary directory"};
  path_ = pattern;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

std::uint64_t mix(std::uint64_t value) { // splitmix64
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

} // namespace

std::size_t made_up_log::size(std::uint64_t index) const {
  return mix(salt_ * 1000003 + index) % (block_bytes_max_ + 1);
}

bytes made_up_log::block(std::uint64_t index) const {
  bytes content(size(index));
  for (std::size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<std::uint8_t>(salt_ + index * 31 + i);
  return content;
}

std::uint64_t made_up_log::offset(std::uint64_t index) const {
  while (offsets_.size() <= index)
    offsets_.push_back(offsets_.back() + size(offsets_.size() - 1));
  return offsets_[index];
}

log::node made_up_log::node(std::uint64_t index) const {
  log::node made;
  made.index = index;
  made.size = offset(flat_tree::completing_block(index) + 1) - offset(flat_tree::first_block(index));
  for (std::size_t i = 0; i < hash32::size; ++i)
    made.hash.data[i] = static_cast<std::uint8_t>(mix(salt_ + index) >> (i % 8 * 8));
  return made;
}

log::tree_head made_up_log::head(std::uint64_t length, std::uint64_t fork) const {
  log::tree_head made;
  made.fork = fork;
  made.length = length;
  made.byte_length = offset(length);
  for (auto index : flat_tree::full_roots(length))
    made.roots.push_back(node(index));
  made.signature = bytes(64, static_cast<std::uint8_t>(length));
  return made;
}

std::vector<log::node> made_up_log::nodes(std::uint64_t start, std::uint64_t end) const {
  std::vector<log::node> made;
  for (auto block = start; block < end; ++block) {
    auto index = 2 * block;
    made.push_back(node(index));
    for (int depth = 0; depth < std::countr_one(block); ++depth)
      made.push_back(node(index = flat_tree::parent(index)));
  }
  return made;
}

log::block_run made_up_log::run(std::uint64_t first, std::uint64_t end) const {
  log::block_run made;
  made.first = first;
  for (auto index = first; index < end; ++index)
    made.blocks.emplace_back(block(index));
  for (const auto& completed : nodes(first, end))
    made.hashes.push_back(completed.hash);
  return made;
}

log::change_set append_of(const made_up_log& source, log::core_number number, std::uint64_t start, std::uint64_t end) {
  log::change_set changes;
  changes.number = number;
  changes.base_length = start;
  changes.runs.push_back(source.run(start, end));
  changes.head = source.head(end);
  changes.contiguous_length = end;
  return changes;
}

log::change_set sparse_of(const made_up_log& source, log::core_number number,
                          const std::vector<std::uint64_t>& indices) {
  log::change_set changes;
  changes.number = number;
  for (auto index : indices) {
    changes.blocks.push_back({index, source.block(index)});
    for (const auto& node : source.nodes(index, index + 1))
      changes.nodes.push_back(node);
  }
  return changes;
}

log::change_set no_change(log::core_number number) {
  log::change_set changes;
  changes.number = number;
  return changes;
}

log::core_header header_of(log::core_number number) {
  log::core_header header;
  header.number = number;
  header.key.data.fill(static_cast<std::uint8_t>(number));
  header.discovery.data.fill(static_cast<std::uint8_t>(200 - static_cast<std::uint32_t>(number)));
  return header;
}

namespace {

int strike(failing_disk::plan& planned) {
  if (planned.code == 0)
    return 0;
  if (planned.after != 0) {
    --planned.after;
    return 0;
  }
  return std::exchange(planned.code, 0);
}

class memory_store final : public store_fixture {
public:
  explicit memory_store(position_clock clock) : store_({std::nullopt, 0, std::move(clock)}) {
    // nop
  }
  backend& store() override {
    return store_;
  }
  void reopen() override {
    // nop
  }

private:
  memory_backend store_;
};

class lmdb_store final : public store_fixture {
public:
  lmdb_store(journal_limits journal, position_clock clock) : journal_(journal), clock_(std::move(clock)) {
    reopen();
  }
  backend& store() override {
    return *store_;
  }
  void reopen() override {
    store_.reset();
    open_options options;
    options.map_bytes = options.map_bytes_max = std::uint64_t{1} << 30U;
    options.durability = durability::none;
    options.journal = journal_;
    options.clock = clock_;
    auto opened = open_store(directory_.store(), options);
    if (!opened)
      throw std::runtime_error{to_string(opened.error())};
    store_ = std::move(*opened);
  }

private:
  journal_limits journal_;
  position_clock clock_;
  temporary_directory directory_;
  std::unique_ptr<backend> store_;
};

} // namespace

int failing_disk::before_put() {
  ++puts;
  return strike(put);
}

int failing_disk::before_commit() {
  return strike(commit);
}

int failing_disk::before_sync() {
  return strike(sync);
}

std::unique_ptr<store_fixture> memory_fixture(position_clock clock) {
  return std::make_unique<memory_store>(std::move(clock));
}

std::unique_ptr<store_fixture> lmdb_fixture(journal_limits journal, position_clock clock) {
  return std::make_unique<lmdb_store>(journal, std::move(clock));
}

} // namespace corestore::storage::testing
