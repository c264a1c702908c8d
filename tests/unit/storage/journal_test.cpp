// The journal without a disk: the bytes of an entry, and the index that finds blocks in it for every snapshot.
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>

#include "storage/journal_format.hpp"
#include "storage/journal_index.hpp"
#include "tests/unit/storage/support.hpp"

namespace corestore::storage {

namespace {

using testing::core_a;
using testing::core_b;

} // namespace

TEST_CASE("a journal entry has the bytes that the format names") {
  const bytes run{1, 2, 3};
  const bytes record{9, 8};
  bytes value(journal_entry_size(run.size(), record.size()));
  auto room = encode_journal_entry(core_a, 0x0102, run.size(), record, false, value);
  std::copy(run.begin(), run.end(), room.begin());
  CHECK(value == bytes{1, 0, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 9, 8});
  auto entry = open_journal_entry(value);
  REQUIRE(entry);
  CHECK(entry->number == core_a);
  CHECK(entry->last == 0x0102);
  CHECK(to_bytes(entry->run) == run);
  CHECK(to_bytes(entry->record) == record);
  CHECK_FALSE(entry->is_void());
  CHECK_FALSE(entry->keeps_signature);
  encode_journal_entry(core_a, 0x0102, run.size(), record, true, value);
  CHECK(value == bytes{2, 1, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 9, 8});
  entry = open_journal_entry(value);
  REQUIRE(entry);
  CHECK(entry->keeps_signature);
  CHECK(to_bytes(entry->record) == record);
  CHECK(open_journal_entry(void_journal_entry())->is_void());
}

TEST_CASE("no cut or foreign journal entry is read past its end") {
  auto value = void_journal_entry();
  for (std::size_t size = 0; size < value.size(); ++size)
    CHECK(open_journal_entry(byte_view{value}.first(size)).error().code == ec::storage_damaged);
  auto longer = value;
  longer[16] = 1; // a run of one byte that is not there
  CHECK(open_journal_entry(longer).error().code == ec::storage_damaged);
  value[0] = 2;
  CHECK(open_journal_entry(value).has_value());
  value[1] = 2; // a flag that nobody knows
  CHECK(open_journal_entry(value).error().code == ec::storage_damaged);
  value[0] = 3;
  CHECK(open_journal_entry(value).error().code == ec::storage_damaged);
}

TEST_CASE("an entry is seen by the snapshots between its commit and its folding") {
  journal_index index;
  index.begin();
  index.add(core_a, 0, 2, 100, 5);
  index.settle();
  CHECK_FALSE(index.find(core_a, 0, 4));
  CHECK(index.find(core_a, 1, 5)->sequence == 0);
  CHECK_FALSE(index.find(core_a, 2, 5));
  CHECK_FALSE(index.find(core_b, 0, 5));
  index.begin();
  index.fold(core_a, 6);
  index.settle();
  CHECK(index.find(core_a, 1, 5));
  CHECK_FALSE(index.find(core_a, 1, 6));
  CHECK(index.live(core_a).empty());
  CHECK(index.live_entries() == 0);
  CHECK(index.live_bytes() == 0);
  index.forget(5);
  CHECK(index.find(core_a, 1, 5)); // that snapshot may still be open
  index.forget(6);
  CHECK(index.is_empty());
}

TEST_CASE("a transaction that failed leaves the index as it was") {
  journal_index index;
  index.begin();
  index.add(core_a, 0, 1, 10, 1);
  index.add(core_b, 0, 1, 20, 1);
  index.settle();
  index.begin();
  index.add(core_a, 1, 3, 30, 2);
  index.fold(core_a, 2);
  index.add(core_b, 1, 2, 40, 2);
  index.undo(2);
  CHECK(index.next_sequence() == 2);
  CHECK(index.live_bytes() == 30);
  CHECK(index.live(core_a) == std::vector<journal_index::place>{{0, 0, 1}});
  CHECK(index.live(core_b) == std::vector<journal_index::place>{{1, 0, 1}});
  CHECK(index.oldest_core() == core_a);
  index.begin();
  index.fold(core_a, 2); // the number is given again
  index.settle();
  CHECK(index.first_live() == 1);
  CHECK(index.oldest_core() == core_b);
}

TEST_CASE("a core may be folded in parts") {
  journal_index index;
  index.begin();
  for (std::uint64_t block = 0; block < 4; ++block)
    index.add(core_a, block, block + 1, 10, 1);
  index.settle();
  index.begin();
  index.fold(core_a, 2, 3);
  index.settle();
  CHECK(index.live(core_a) == std::vector<journal_index::place>{{3, 3, 4}});
  CHECK(index.live_bytes() == 10);
  CHECK(index.first_live() == 3);
  CHECK(index.find(core_a, 0, 1));
  CHECK_FALSE(index.find(core_a, 0, 2));
  CHECK(index.find(core_a, 3, 2));
  index.forget(2);
  CHECK_FALSE(index.find(core_a, 0, 1));
  index.begin();
  index.fold(core_a, 3);
  index.undo(3);
  CHECK(index.live(core_a) == std::vector<journal_index::place>{{3, 3, 4}});
}

TEST_CASE("numbers that were used up are not given again") {
  journal_index index;
  index.start_at(40);
  index.skip();
  CHECK(index.next_sequence() == 41);
  CHECK_FALSE(index.oldest_core());
  CHECK(index.first_live() == 41);
}

namespace {

/// What an index should show, in the plainest form: the blocks of each core that are journalled.
class index_story {
public:
  explicit index_story(std::uint32_t seed) : random_(seed) {
    // nop
  }

  void step() {
    ++number_;
    auto after = now_;
    auto lengths = lengths_;
    index_.begin();
    for (auto count = random_() % 5; count > 0; --count)
      change(after, lengths);
    if (random_() % 4 == 0) {
      index_.undo(number_--);
    } else {
      index_.settle();
      now_ = std::move(after);
      lengths_ = std::move(lengths);
    }
    if (random_() % 2 == 0)
      open_[number_] = now_;
    if (!open_.empty() && random_() % 3 == 0)
      open_.erase(open_.begin());
    index_.forget(open_.empty() ? number_ : std::min(number_, open_.begin()->first));
  }

  void check() const {
    check(number_, now_);
    for (const auto& [view, there] : open_)
      check(view, there);
  }

private:
  using span = std::pair<std::uint64_t, std::uint64_t>;
  using content = std::map<std::uint32_t, std::vector<span>>;
  static constexpr std::uint32_t cores = 3;

  void change(content& after, std::map<std::uint32_t, std::uint64_t>& lengths) {
    auto core = static_cast<std::uint32_t>(random_() % cores);
    if (random_() % 4 == 0) {
      auto& spans = after[core];
      auto count = random_() % 2 == 0 ? spans.size() : std::min<std::size_t>(spans.size(), 1 + random_() % 3);
      index_.fold(log::core_number{core}, number_, count);
      spans.erase(spans.begin(), spans.begin() + static_cast<std::ptrdiff_t>(count));
      if (spans.empty())
        after.erase(core);
      return;
    }
    auto first = lengths[core];
    lengths[core] += 1 + random_() % 3;
    index_.add(log::core_number{core}, first, lengths[core], 10, number_);
    after[core].emplace_back(first, lengths[core]);
  }

  void check(journal_index::transaction view, const content& there) const {
    for (std::uint32_t core = 0; core < cores; ++core) {
      const log::core_number number{core};
      auto expected = there.find(core);
      auto newest = index_.newest(number, view);
      REQUIRE(newest.has_value() == (expected != there.end()));
      for (std::uint64_t block = 0; block < 40; ++block) {
        auto found = index_.find(number, block, view);
        bool is_there = false;
        if (expected != there.end())
          for (const auto& [first, end] : expected->second)
            is_there = is_there || (first <= block && block < end);
        REQUIRE(found.has_value() == is_there);
        if (found)
          REQUIRE((found->first <= block && block < found->end));
      }
      if (newest)
        REQUIRE(newest->end == expected->second.back().second);
    }
  }

  std::mt19937 random_;
  journal_index index_;
  journal_index::transaction number_ = 0;
  content now_;
  std::map<std::uint32_t, std::uint64_t> lengths_;
  std::map<journal_index::transaction, content> open_; ///< snapshots
};

} // namespace

TEST_CASE("every snapshot finds the entries of its own time, whatever was folded, undone and forgotten since") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    index_story story{seed};
    for (int step = 0; step < 40; ++step) {
      story.step();
      story.check();
    }
  }
}

} // namespace corestore::storage
