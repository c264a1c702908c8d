#include "replication/mux/outbox.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/compact.hpp"

namespace corestore::replication {

namespace {

/// Generous room for everything around a payload, up to the MAC.
constexpr std::size_t surroundings_bytes_max = 96;

} // namespace

bytes& outbox::add(std::uint64_t channel, std::uint64_t type, std::size_t payload_bytes) {
  auto entry_bytes = compact::uint_size(type) + payload_bytes;
  auto switch_bytes = 1 + compact::uint_size(channel);
  auto needed = switch_bytes + compact::uint_size(entry_bytes) + entry_bytes;
  if (needed + 1 > batch_bytes_max) // 1: a batch begins with one byte more than a switch
    return add_alone(channel, type, payload_bytes);
  if (shape_ == shape::batch && output_.size() - plain_start_ + needed > batch_bytes_max)
    flush();
  if (shape_ != shape::batch) {
    flush();
    make_room(payload_bytes);
    begin(shape::batch);
    compact::writer sink{output_};
    sink.uint(0); // control channel
    sink.uint(0); // batch
    sink.uint(channel);
    channel_ = channel;
  } else {
    check_written();
    make_room(payload_bytes);
  }
  compact::writer sink{output_};
  if (channel != channel_) {
    sink.uint(0);
    sink.uint(channel);
    channel_ = channel;
  }
  sink.uint(entry_bytes);
  sink.uint(type);
  message_end_ = output_.size() + payload_bytes;
  return output_;
}

bytes& outbox::add_alone(std::uint64_t channel, std::uint64_t type, std::size_t payload_bytes) {
  CORESTORE_CHECK(payload_bytes <= payload_bytes_max);
  flush();
  make_room(payload_bytes);
  begin(shape::alone);
  compact::writer sink{output_};
  sink.uint(channel);
  sink.uint(type);
  message_end_ = output_.size() + payload_bytes;
  return output_;
}

void outbox::flush() {
  if (shape_ == shape::none)
    return;
  check_written();
  sealer_.finish_frame(output_, frame_start_);
  shape_ = shape::none;
}

void outbox::make_room(std::size_t more) {
  auto needed = output_.size() + more + surroundings_bytes_max;
  if (needed > output_.capacity())
    output_.reserve(std::max(needed, 2 * output_.capacity()));
}

void outbox::begin(shape wanted) {
  frame_start_ = sealer_.begin_frame(output_);
  plain_start_ = output_.size();
  message_end_ = plain_start_;
  shape_ = wanted;
}

void outbox::check_written() const {
  CORESTORE_CHECK(output_.size() == message_end_);
}

} // namespace corestore::replication
