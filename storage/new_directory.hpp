// A directory that is filled under another name and takes its own when it is complete: nobody ever sees half of it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.hpp"

namespace corestore::storage {

class new_directory {
public:
  /// For the place `wanted`, where there is nothing or an empty directory; bad_argument otherwise. Missing parents are
  /// created. Only its owner may look inside: it holds a primary key.
  static result<new_directory> create(const std::filesystem::path& wanted);

  new_directory(new_directory&& other) noexcept;
  new_directory& operator=(new_directory&&) = delete;
  new_directory(const new_directory&) = delete;
  new_directory& operator=(const new_directory&) = delete;
  ~new_directory(); ///< removes what was not kept

  /// Where to put the files.
  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }

  /// Gives it its name, durably; the bytes of its data file. Lock files are left out.
  result<std::uint64_t> keep();

private:
  new_directory(std::filesystem::path path, std::filesystem::path wanted);

  std::filesystem::path path_; ///< empty: kept, or moved from
  std::filesystem::path wanted_;
};

} // namespace corestore::storage
