// Whether stored blocks are what the tree says.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "log/change_set.hpp"
#include "messages/types.hpp"
#include "storage/backend.hpp"

namespace corestore::actors {

/// Within the bound of a report.
void add_fault(verify_report& report, std::string what);

/// The leaf of one block, then every parent that becomes complete with it, as far as both children are stored. False
/// when anything does not match.
bool check_block(verify_report& report, const storage::snapshot& source, const log::core_header& header,
                 std::uint64_t index, byte_view value);

} // namespace corestore::actors
