// A byte stream in memory, of bounded size: what is written at one end is read at the other.
#pragma once

#include <string>
#include <utility>

#include "actors/stream.hpp"

namespace corestore::actors {

/// Both ends of a new pipe; each shows `address` as that of the other one. What was written before an end was closed is
/// still read at the other one.
std::pair<stream_ptr, stream_ptr> make_pipe(const std::string& address);

} // namespace corestore::actors
