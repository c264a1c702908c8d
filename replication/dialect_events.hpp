// What a connection tells, whichever generation it speaks.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "replication/legacy/messages.hpp"
#include "replication/mux/channel_id.hpp"
#include "replication/wire/messages.hpp"

namespace corestore::replication {

/// Messages of one dialect for one channel, in order.
using message_batch = std::variant<std::vector<wire::message>, std::vector<legacy::message>>;

/// The secret stream is up; channels can be opened.
struct handshake_done {
  public_key remote_key;
  bytes handshake_hash; ///< 64 bytes
};

/// The remote asks for a core that this side did not open. Answer with accept() or reject().
struct channel_requested {
  channel_id channel = 0;
  corestore::discovery_key discovery;
  bool remote_seeks = false;
};

/// Both sides opened the channel and the remote proved that it knows the key.
struct channel_opened {
  channel_id channel = 0;
  corestore::discovery_key discovery;
  bool remote_seeks = false;
};

/// The channel is over: rejected, or closed by the remote.
struct channel_closed {
  channel_id channel = 0;
  corestore::discovery_key discovery;
  bool was_rejected = false;
  bool is_unproven = false; ///< rejected here: the remote opened it without knowing the key
};

/// Everything that one feed() brought for one channel, in order.
struct channel_messages {
  channel_id channel = 0;
  std::vector<wire::message> messages;
};

/// The same in generation 9.
struct legacy_messages {
  channel_id channel = 0;
  std::vector<legacy::message> messages;
};

using connection_event =
  std::variant<handshake_done, channel_requested, channel_opened, channel_closed, channel_messages, legacy_messages>;

} // namespace corestore::replication
