#include "actors/relay.hpp"

#include <algorithm>
#include <vector>

#include <caf/all.hpp>

namespace corestore::actors {

namespace {

/// What is granted again at a time, unless nothing is left to write.
constexpr std::uint64_t grant_bytes_min = stream_window_bytes / 4;

} // namespace

void relay_state::open(self_pointer self, stream_ptr pipe) {
  self_ = self;
  pipe_ = std::move(pipe);
}

void relay_state::join(const caf::strong_actor_ptr& other) {
  if (other_ || !other)
    return;
  other_ = caf::actor_cast<stream_end>(other);
  self_->monitor(other_);
  read();
}

void relay_state::on_ready(bool is_readable) {
  if (is_readable) {
    is_read_armed_ = false;
    read();
  } else {
    is_write_armed_ = false;
    write();
  }
}

void relay_state::read() {
  while (other_ && credit_ > 0 && !is_read_armed_ && !is_ending_) {
    thread_local bytes buffer(stream_chunk_bytes_max);
    auto count = pipe_->read(std::span{buffer}.first(std::min<std::uint64_t>(credit_, buffer.size())));
    if (!count) {
      finish();
      return;
    }
    if (*count == 0) {
      is_read_armed_ = true;
      pipe_->wait_readable([handle = caf::actor_cast<relay_actor>(self_)](bool is_ready) {
        if (is_ready)
          caf::anon_send(handle, internal_atom_v, true);
        else
          caf::anon_send(handle, shutdown_atom_v);
      });
      return;
    }
    credit_ -= *count;
    self_->send(other_, write_atom_v, shared_bytes::copy_of(byte_view{buffer}.first(*count)));
  }
}

void relay_state::receive(shared_bytes chunk) {
  if (chunk.size() == 0 || is_ending_)
    return;
  if (chunk.size() > stream_window_bytes - std::min<std::size_t>(incoming_bytes_, stream_window_bytes)) {
    finish(); // it does not keep to what it was granted
    return;
  }
  incoming_bytes_ += chunk.size();
  incoming_.push_back(std::move(chunk));
  write();
}

void relay_state::write() {
  while (!incoming_.empty() && !is_write_armed_) {
    auto& front = incoming_.front();
    auto count = pipe_->write(front.view().subspan(written_));
    if (!count) {
      finish();
      return;
    }
    if (*count == 0) {
      is_write_armed_ = true;
      pipe_->wait_writable([handle = caf::actor_cast<relay_actor>(self_)](bool is_ready) {
        if (is_ready)
          caf::anon_send(handle, internal_atom_v, false);
        else
          caf::anon_send(handle, shutdown_atom_v);
      });
      break;
    }
    written_ += *count;
    incoming_bytes_ -= *count;
    ungranted_ += *count;
    if (written_ == front.size()) {
      incoming_.pop_front();
      written_ = 0;
    }
  }
  if (is_ending_ && incoming_.empty()) {
    finish();
    return;
  }
  if (other_ && ungranted_ > 0 && (incoming_.empty() || ungranted_ >= grant_bytes_min))
    self_->send(other_, grant_atom_v, std::exchange(ungranted_, 0));
}

void relay_state::granted(std::uint64_t bytes) {
  credit_ = std::min<std::uint64_t>(credit_ + std::min<std::uint64_t>(bytes, stream_window_bytes), stream_window_bytes);
  read();
}

void relay_state::on_end() {
  is_ending_ = true;
  write();
}

void relay_state::on_abandoned() {
  if (!other_ || credit_ == 0)
    finish();
}

void relay_state::finish() {
  pipe_->close();
  if (other_)
    self_->send(other_, close_atom_v);
  self_->quit();
}

relay_actor::behavior_type relay(relay_state::self_pointer self, const stream_ptr& pipe) {
  auto& state = self->state;
  state.open(self, pipe);
  self->set_down_handler([self](const caf::down_msg&) { self->state.on_end(); });
  self->set_exit_handler([self](const caf::exit_msg&) { self->state.finish(); });
  return {
    [&state](internal_atom, bool is_readable) { state.on_ready(is_readable); },
    [&state](shutdown_atom) { state.finish(); },
    [&state](tick_atom) { state.on_abandoned(); },
    [&state](join_atom, const caf::strong_actor_ptr& other) { state.join(other); },
    [&state](write_atom, shared_bytes& chunk) { state.receive(std::move(chunk)); },
    [&state](grant_atom, std::uint64_t bytes) { state.granted(bytes); },
    [&state](close_atom) { state.on_end(); },
  };
}

} // namespace corestore::actors
