// Takes the cores of a directory that another implementation left into a store: what `import DIR` does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "migration/core_source.hpp"
#include "migration/survey.hpp"
#include "migration/transfer.hpp"
#include "storage/backend.hpp"

namespace corestore::programs {

/// How it went with one core.
struct moved_core {
  std::filesystem::path place;
  std::optional<migration::core_facts> facts; ///< absent: it could not be opened
  bool is_writable = false;                   ///< here, from now on
  std::string name;                           ///< under which it is found here; empty: none
  std::vector<std::string> complaints;        ///< of the directory, and about the name
  migration::transfer_report report;
  std::optional<error> failure; ///< it was not brought, or not to its end
};

/// What a directory would need.
struct plan_of_core {
  std::filesystem::path place;
  std::optional<migration::core_facts> facts;
  std::uint64_t blocks = 0;
  std::uint64_t bytes_needed = 0;
  double seconds = 0;
  std::optional<error> failure;
};

class move_in {
public:
  /// `secret`: the primary key for the cores when the directory has none.
  static result<std::unique_ptr<move_in>> look_at(const std::filesystem::path& directory,
                                                  std::optional<primary_key> secret);

  [[nodiscard]] const migration::survey& found() const {
    return found_;
  }

  /// One after another, in the order of the directory; `visit` returns an error to stop.
  result<void> plan(const std::function<result<void>(const plan_of_core&)>& visit) const;

  using ending = std::function<bool()>;
  using progress = std::function<void(std::size_t core, std::uint64_t blocks, std::uint64_t bytes)>;

  /// The same, bringing each. The store belongs to this process alone.
  result<void> run(storage::backend& store, const ending& is_ending, const progress& tell,
                   const std::function<result<void>(const moved_core&)>& visit) const;

private:
  move_in() = default;

  [[nodiscard]] moved_core bring(storage::backend& store, std::size_t number, const ending& is_ending,
                                 const progress& tell) const;

  migration::survey found_;
  std::optional<primary_key> secret_;
};

} // namespace corestore::programs
