// Listening sockets that the process had before it started anew (a hand-over): whoever would bind their address takes
// them instead, with the connections that wait in them.
#pragma once

#include <string>

#include <sys/socket.h>

namespace corestore::inherited {

/// Listening TCP sockets of this process that are to survive, other than the one at `except_port` (0: all of them).
/// Each is kept open under another descriptor; the text names them for adopt().
std::string keep_listening(unsigned except_port);

/// Takes over what keep_listening() named, in the program that runs now.
void adopt(const std::string& names);

/// The descriptor that listens at an address, whoever asks first; any port when that of `wanted` is 0. -1: there is
/// none.
int take(const sockaddr* wanted, socklen_t size);

/// Closes what nobody took.
void drop_rest();

} // namespace corestore::inherited
