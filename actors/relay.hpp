// Carries a byte stream between one end of a pipe and an actor that stands for the other end, in this process or on
// another node: never more bytes under way than the other side has granted.
#pragma once

#include <cstdint>
#include <deque>

#include <caf/typed_event_based_actor.hpp>

#include "actors/local.hpp"
#include "actors/stream.hpp"
#include "messages/interfaces.hpp"

namespace corestore::actors {

/// A stream end with a pipe behind it.
using relay_actor = stream_end::extend<
  // the pipe can be read (true) or written (false), or its wait failed
  caf::reacts_to<internal_atom, bool>, caf::reacts_to<shutdown_atom>,
  // the session behind the pipe has ended: do not wait for anybody to take what it said last
  caf::reacts_to<tick_atom>>;

class relay_state {
public:
  using self_pointer = relay_actor::stateful_pointer<relay_state>;

  static inline const char* name = "relay";

  void open(self_pointer self, stream_ptr pipe);
  void join(const caf::strong_actor_ptr& other);
  void on_ready(bool is_readable);
  void receive(shared_bytes chunk);
  void granted(std::uint64_t bytes);
  /// The other side has ended: what it said last still goes into the pipe.
  void on_end();
  void on_abandoned();
  void finish();

private:
  void read();
  void write();

  self_pointer self_ = nullptr;
  stream_ptr pipe_;
  stream_end other_;
  std::uint64_t credit_ = stream_window_bytes; ///< bytes that the other side takes
  std::deque<shared_bytes> incoming_;
  std::size_t incoming_bytes_ = 0;
  std::size_t written_ = 0;     ///< of the front of `incoming_`
  std::uint64_t ungranted_ = 0; ///< bytes that went into the pipe and were not granted again
  bool is_read_armed_ = false;
  bool is_write_armed_ = false;
  bool is_ending_ = false;
};

relay_actor::behavior_type relay(relay_state::self_pointer self, const stream_ptr& pipe);

} // namespace corestore::actors
