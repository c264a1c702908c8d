// Cuts files or standard input into the blocks of an append, without ever holding all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace corestore::programs {

struct block_source_options {
  std::vector<std::string> files;   ///< `-` is standard input; none at all too
  bool by_line = false;             ///< a block for each line, without its line end
  std::size_t block_bytes = 0;      ///< blocks of that size; 0 = one block for each file
  std::size_t batch_blocks_max = 0; ///< 0 = what one read delivered, at most 1,024
};

class block_source {
public:
  explicit block_source(block_source_options options);
  ~block_source();
  block_source(const block_source&) = delete;
  block_source& operator=(const block_source&) = delete;

  /// The next batch; empty at the end. bad_argument for a block above limits::block_bytes_max, storage_failed with the
  /// system's reason when a file cannot be read.
  result<std::vector<shared_bytes>> next();

  /// Whether next() would not wait for input that is yet to come.
  [[nodiscard]] bool is_ready() const;

private:
  [[nodiscard]] std::size_t blocks_max() const;
  [[nodiscard]] bool is_batch_full() const;
  [[nodiscard]] std::string file_name() const;
  result<void> open_file();
  /// False at the end of the file.
  result<bool> read_more();
  result<void> cut();
  result<void> cut_lines();
  void finish_file();
  void add_block(byte_view content);
  std::vector<shared_bytes> take_batch();

  block_source_options options_;
  std::size_t file_ = 0;
  int descriptor_ = -1;
  bytes pending_;           ///< read and not yet cut
  std::size_t cut_ = 0;     ///< where in `pending_` the next block starts
  std::size_t scanned_ = 0; ///< no line end before this position
  std::vector<shared_bytes> batch_;
  std::size_t batch_bytes_ = 0;
};

} // namespace corestore::programs
