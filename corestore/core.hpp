// One core, for callers who want plain blocking calls. See corestore/store.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace corestore {

namespace facade {
class opened;
class subscription;
class viewed;
} // namespace facade

/// A key in hex or z-base-32, as everything here prints it. bad_argument.
[[nodiscard]] core_key parse_key(std::string_view text);

/// The protocol that a core is published in.
enum class core_generation : std::uint8_t {
  of_store = 0, ///< what the store makes, unless it knows the core
  previous = 9, ///< hypercore 9, corestore 5
  current = 10, ///< hypercore 10 and 11, corestore 6 and 7
  both = 19     ///< the same blocks, key and pair in both; of a core that is written here
};

/// What is known of a core at one moment.
struct core_info {
  core_key key;
  corestore::discovery_key discovery_key;
  std::uint8_t generation = 10;
  bytes manifest;                      ///< encoded; empty while unknown
  std::uint64_t length = 0;            ///< blocks
  std::uint64_t byte_length = 0;       ///< their bytes
  std::uint64_t fork = 0;              ///< how often the log was truncated and signed anew
  std::uint64_t contiguous_length = 0; ///< blocks stored here from 0 on without a gap
  hash32 tree_hash;
  std::uint32_t peers = 0;
  bool writable = false;
  bool mirrored = false;
  std::string name;            ///< the name that it was derived from, if any
  std::optional<hash32> group; ///< topic of the group that it is in
};

/// A byte position within a block.
struct block_position {
  std::uint64_t index = 0;
  std::uint64_t offset = 0;
};

/// What clearing gave back.
struct cleared {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

/// Outcome of hashing everything stored against the signed head.
struct verification_report {
  std::uint64_t blocks = 0;
  std::uint64_t bytes_hashed = 0;
  std::vector<std::string> faults; ///< a sentence each; none when all is well
};

/// Calls back until it is destroyed. No callback of it runs after its destructor has returned, unless the destructor
/// itself runs inside the callback.
class [[nodiscard]] watch {
public:
  watch() = default;
  explicit watch(std::shared_ptr<facade::subscription> subscription) : subscription_(std::move(subscription)) {
    // nop
  }

private:
  std::shared_ptr<facade::subscription> subscription_;
};

/// A core as it was at one moment, whatever happens to it since. Copies are the same view, which ends with the last of
/// them. Blocks that are cleared meanwhile are gone from it too. Throws corestore::failure.
class core_view {
public:
  using milliseconds = std::chrono::milliseconds;

  explicit core_view(std::shared_ptr<facade::viewed> viewed) : viewed_(std::move(viewed)) {
    // nop
  }

  /// With length, byte length, fork and tree hash of this view.
  [[nodiscard]] core_info info() const;
  [[nodiscard]] std::uint64_t length() const;
  [[nodiscard]] std::optional<bytes> get(std::uint64_t index, milliseconds timeout = milliseconds{0}) const;

  /// As core::read().
  std::uint64_t read(std::uint64_t start, std::uint64_t end,
                     const std::function<bool(std::uint64_t index, byte_view block)>& visit) const;

protected:
  [[nodiscard]] const std::shared_ptr<facade::viewed>& viewed() const {
    return viewed_;
  }

private:
  std::shared_ptr<facade::viewed> viewed_;
};

/// Changes to a core that nobody else sees until they are flushed; read through it, they are there already. Without a
/// flush they are dropped. At most 256 MiB.
class core_batch : public core_view {
public:
  using core_view::core_view;

  /// The length of the batch.
  std::uint64_t append(std::string_view block);
  std::uint64_t append(byte_view block);
  std::uint64_t append(std::vector<bytes> blocks);

  /// Keeps the first `length` blocks, also below where the batch began: flushing it is a truncation then.
  std::uint64_t truncate(std::uint64_t length);

  /// Makes it the log, in one commit with one signature; the new length. stale_base when the log has changed since the
  /// batch was begun, and the batch can still be read then. Afterwards it has ended.
  std::uint64_t flush();

private:
  friend std::vector<std::uint64_t> commit(const std::vector<core_batch>& batches);
};

/// Flushes batches on several cores of one store, all or none; the new lengths.
std::vector<std::uint64_t> commit(const std::vector<core_batch>& batches);

/// An open core. Copies share one opening, which ends with the last of them. Every member may be called from any
/// thread; all but the accessors of keys block, and throw corestore::failure.
class core {
public:
  using milliseconds = std::chrono::milliseconds;

  explicit core(std::shared_ptr<facade::opened> opened) : opened_(std::move(opened)) {
    // nop
  }

  [[nodiscard]] const core_key& key() const;
  [[nodiscard]] const corestore::discovery_key& discovery_key() const;

  [[nodiscard]] core_info info() const;
  [[nodiscard]] std::uint64_t length() const;
  [[nodiscard]] std::uint64_t byte_length() const;
  [[nodiscard]] std::uint64_t fork() const;
  [[nodiscard]] std::uint64_t contiguous_length() const;
  [[nodiscard]] bool writable() const;

  /// The new length, once the blocks are durable. not_writable; bad_argument for a block of more than 15 MiB;
  /// storage_full. Several blocks are one batch with one signature.
  std::uint64_t append(std::string_view block);
  std::uint64_t append(byte_view block);
  std::uint64_t append(std::initializer_list<std::string_view> blocks);
  std::uint64_t append(std::vector<bytes> blocks);

  /// The block, or nothing when it is not stored here and no peer delivers it within `timeout`.
  [[nodiscard]] std::optional<bytes> get(std::uint64_t index, milliseconds timeout = milliseconds{0}) const;

  /// Whether all blocks of [start, end) are stored here.
  [[nodiscard]] bool has(std::uint64_t start, std::uint64_t end) const;
  [[nodiscard]] bool has(std::uint64_t index) const {
    return has(index, index + 1);
  }

  /// Visits the stored blocks of [start, end) in order, up to the first gap, the end of the log or a `false` of
  /// `visit`. Answers the index after the last block visited.
  std::uint64_t read(std::uint64_t start, std::uint64_t end,
                     const std::function<bool(std::uint64_t index, byte_view block)>& visit) const;

  /// Asks peers for a longer log: true when it changed within `timeout`.
  bool update(milliseconds timeout);

  /// Fetches the blocks of [start, end): true when all are here within `timeout`.
  bool download(std::uint64_t start, std::uint64_t end, milliseconds timeout);

  /// The block that holds a byte of the log. block_not_available when no peer delivers the nodes that tell.
  [[nodiscard]] block_position seek(std::uint64_t byte_offset, milliseconds timeout = milliseconds{0}) const;

  /// Keeps the first `length` blocks, as a new fork (0: the next one).
  void truncate(std::uint64_t length, std::uint64_t fork = 0);

  /// Gives the blocks of [start, end) back to the disk, here only; the log stays as it is.
  cleared clear(std::uint64_t start, std::uint64_t end);

  /// The log as it is now; or its first `length` blocks. bad_argument when there are not so many.
  [[nodiscard]] core_view snapshot() const;
  [[nodiscard]] core_view checkout(std::uint64_t length) const;
  [[nodiscard]] core_batch begin_batch() const;

  /// Tree hash of the first `length` blocks.
  [[nodiscard]] hash32 tree_hash(std::uint64_t length) const;

  /// Keeps the core complete and live, also after a restart; or stops that.
  void mirror(bool is_on);

  [[nodiscard]] verification_report verify() const;

  /// Puts the core into the group of that topic, where store::group_changes() lists it from its next change on.
  /// conflict when it is in another one, which it has to leave first.
  void join_group(const hash32& topic);
  void leave_group();

  /// Values that an application keeps beside a core; never replicated.
  void set_user_data(const std::string& name, byte_view value);
  [[nodiscard]] std::optional<bytes> user_data(const std::string& name) const;
  /// Their names, in byte order.
  [[nodiscard]] std::vector<std::string> user_data_names() const;

  /// Calls back after the log got longer, with the new length; after a truncation, with the blocks that are left and
  /// the new fork. Callbacks run one after the other in a thread of the store's, and may call everything here.
  watch on_append(std::function<void(std::uint64_t length)> callback);
  watch on_truncate(std::function<void(std::uint64_t length, std::uint64_t fork)> callback);

  /// Calls back for messages of that extension; `session` is the connection that it came over. bad_argument.
  watch on_extension(const std::string& name,
                     std::function<void(std::uint64_t session, byte_view payload)> callback) const;
  /// Says something beside the log to the peer behind one connection, or to all (0); to how many it went.
  std::uint64_t send_extension(const std::string& name, byte_view payload, std::uint64_t session = 0) const;

  /// Sends a stored block to the peers that take blocks they did not ask for; to how many.
  std::uint64_t push(std::uint64_t index) const;
  /// Takes such blocks itself, as long as the core is in memory.
  void allow_push(bool is_on) const;

  /// Whether peers are answered, and asked, as long as the core is in memory.
  void set_transfers(bool may_upload, bool may_download) const;

  /// The proof that this log has two histories, once that was found: check_conflict() needs nothing else. Everything
  /// stands still then.
  [[nodiscard]] std::optional<bytes> conflict() const;

private:
  std::shared_ptr<facade::opened> opened_;
};

/// What the proof of two histories says.
struct conflict_facts {
  core_key key;
  std::uint64_t fork = 0;
  std::uint64_t length = 0; ///< for which both histories are signed
  hash32 first_tree;        ///< their tree hashes at that length
  hash32 second_tree;
};

/// Checks such a proof, without any store. decoding_failed, invalid_proof, invalid_signature.
conflict_facts check_conflict(byte_view proof);

} // namespace corestore
