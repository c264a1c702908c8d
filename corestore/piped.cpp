// Replications that run through memory instead of a socket.
#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>

#include <caf/all.hpp>

#include "actors/pipe.hpp"
#include "actors/relay.hpp"
#include "corestore/world.hpp"

namespace corestore {

namespace facade {

/// Until the pipe is ready. It outlives a wait that was given up.
struct piped::signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_waiting = false; ///< the pipe has a callback of ours

  void set() {
    std::lock_guard guard{mutex};
    is_waiting = false;
    changed.notify_all();
  }

  /// True: a callback is to be handed to the pipe.
  bool begin() {
    std::lock_guard guard{mutex};
    return !std::exchange(is_waiting, true);
  }

  void wait() {
    std::unique_lock guard{mutex};
    changed.wait(guard, [this] { return !is_waiting; });
  }

  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock guard{mutex};
    return changed.wait_until(guard, deadline, [this] { return !is_waiting; });
  }
};

piped::piped(std::shared_ptr<scope> from, bool is_initiator, const replicate_options& options, actors::stream_ptr inner,
             actors::stream_ptr outer)
    : from_(std::move(from)), outer_(std::move(outer)), readable_(std::make_shared<signal>()),
      writable_(std::make_shared<signal>()) {
  auto& home = *from_->home();
  auto carrier = home.system().spawn(actors::relay, inner);
  carrier_ = caf::actor_cast<stream_end>(carrier);
  replicate_request request;
  request.is_initiator = is_initiator;
  request.may_upload = options.upload;
  request.may_download = options.download;
  request.address = inner->address();
  try {
    auto end = home.ask<stream_end>(from_->handle(), std::chrono::milliseconds{0}, replicate_atom_v, request, carrier_);
    caf::anon_send(carrier, join_atom_v, caf::actor_cast<caf::strong_actor_ptr>(end));
  } catch (...) {
    caf::anon_send(carrier, shutdown_atom_v);
    throw;
  }
}

piped::~piped() {
  end();
}

void piped::end() {
  outer_->close();
  caf::anon_send(carrier_, close_atom_v);
}

std::optional<bytes> piped::read(std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  bytes chunk(stream_chunk_bytes_max);
  for (;;) {
    auto count = outer_->read(chunk);
    if (!count)
      return std::nullopt;
    if (*count > 0) {
      chunk.resize(*count);
      return chunk;
    }
    if (readable_->begin())
      outer_->wait_readable([signal = readable_](bool) { signal->set(); });
    if (!readable_->wait_until(deadline))
      return bytes{};
  }
}

bool piped::write(byte_view content) {
  while (!content.empty()) {
    auto count = outer_->write(content);
    if (!count)
      return false;
    content = content.subspan(*count);
    if (*count > 0)
      continue;
    if (writable_->begin())
      outer_->wait_writable([signal = writable_](bool) { signal->set(); });
    writable_->wait();
  }
  return true;
}

} // namespace facade

std::optional<bytes> byte_stream::read(milliseconds timeout) const {
  return pipe_->read(timeout);
}

bool byte_stream::write(byte_view content) const {
  return pipe_->write(content);
}

void byte_stream::end() const {
  pipe_->end();
}

link store::replicate(const store& other, const replicate_options& options) const {
  auto [here, there] = actors::make_pipe("memory");
  replicate_options theirs{options.download, options.upload};
  auto first = std::make_shared<facade::piped>(scope_, true, options, here, there);
  auto second = std::make_shared<facade::piped>(other.scope_, false, theirs, there, here);
  return link{std::make_shared<facade::joined>(std::move(first), std::move(second))};
}

byte_stream store::replicate(bool is_initiator, const replicate_options& options) const {
  auto [inner, outer] = actors::make_pipe("stream");
  return byte_stream{std::make_shared<facade::piped>(scope_, is_initiator, options, inner, outer)};
}

} // namespace corestore
