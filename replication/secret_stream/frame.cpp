#include "replication/secret_stream/frame.hpp"

#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "base/limits.hpp"

namespace corestore::replication {

namespace {

/// Storage that an idle reader may keep for its next collected body.
constexpr std::size_t kept_bytes_max = std::size_t{128} << 10U;

/// Storage is reserved for that many times the bytes that arrived: few reallocations, and no large one for a length
/// alone.
constexpr std::size_t reserve_factor = 4;

} // namespace

void put_frame_length(std::size_t body_bytes, std::span<std::uint8_t, frame_length_bytes> target) {
  CORESTORE_CHECK(body_bytes <= limits::frame_bytes_max);
  for (std::size_t i = 0; i < target.size(); ++i)
    target[i] = static_cast<std::uint8_t>(body_bytes >> (8 * i));
}

void put_frame(byte_view body, bytes& target) {
  std::array<std::uint8_t, frame_length_bytes> length{};
  put_frame_length(body.size(), length);
  target.insert(target.end(), length.begin(), length.end());
  target.insert(target.end(), body.begin(), body.end());
}

result<std::optional<std::span<std::uint8_t>>> frame_reader::next(std::span<std::uint8_t>& input,
                                                                  std::size_t body_bytes_max) {
  if (body_done_) {
    body_done_ = false;
    length_have_ = 0;
    partial_.clear();
    if (partial_.capacity() > kept_bytes_max)
      partial_.shrink_to_fit();
  }
  if (length_have_ < length_.size()) {
    auto taken = std::min(length_.size() - length_have_, input.size());
    std::copy_n(input.begin(), taken, length_.begin() + static_cast<std::ptrdiff_t>(length_have_));
    length_have_ += taken;
    input = input.subspan(taken);
    if (length_have_ < length_.size())
      return std::nullopt;
    body_bytes_ = length_[0] | std::size_t{length_[1]} << 8U | std::size_t{length_[2]} << 16U;
    if (body_bytes_ > body_bytes_max)
      return fail(ec::limit_exceeded, "a frame of " + std::to_string(body_bytes_) + " bytes");
  }
  return take_body(input);
}

std::optional<std::span<std::uint8_t>> frame_reader::take_body(std::span<std::uint8_t>& input) {
  if (partial_.empty() && input.size() >= body_bytes_) {
    auto body = input.first(body_bytes_);
    input = input.subspan(body_bytes_);
    body_done_ = true;
    return body;
  }
  auto taken = input.first(std::min(body_bytes_ - partial_.size(), input.size()));
  input = input.subspan(taken.size());
  auto have = partial_.size() + taken.size();
  if (have > partial_.capacity())
    partial_.reserve(std::min(body_bytes_, have * reserve_factor));
  partial_.insert(partial_.end(), taken.begin(), taken.end());
  if (partial_.size() < body_bytes_)
    return std::nullopt;
  body_done_ = true;
  return std::span<std::uint8_t>{partial_};
}

} // namespace corestore::replication
