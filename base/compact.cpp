#include "base/compact.hpp"

#include "base/limits.hpp"

namespace corestore::compact {

namespace {

template <class Integer>
void put_little_endian(bytes& target, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    target.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t get_little_endian(byte_view view) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < view.size(); ++i)
    value |= std::uint64_t{view[i]} << (8 * i);
  return value;
}

} // namespace

void writer::uint(std::uint64_t value) {
  if (value <= 0xfc) {
    target_.push_back(static_cast<std::uint8_t>(value));
  } else if (value <= 0xffff) {
    target_.push_back(0xfd);
    put_little_endian(target_, static_cast<std::uint16_t>(value));
  } else if (value <= 0xffffffff) {
    target_.push_back(0xfe);
    put_little_endian(target_, static_cast<std::uint32_t>(value));
  } else {
    target_.push_back(0xff);
    put_little_endian(target_, value);
  }
}

void writer::byte(std::uint8_t value) {
  target_.push_back(value);
}

void writer::uint32(std::uint32_t value) {
  put_little_endian(target_, value);
}

void writer::uint64(std::uint64_t value) {
  put_little_endian(target_, value);
}

void writer::raw(byte_view view) {
  target_.insert(target_.end(), view.begin(), view.end());
}

void writer::buffer(byte_view view) {
  uint(view.size());
  raw(view);
}

void writer::string(std::string_view text) {
  buffer(as_bytes(text));
}

byte_view reader::raw(std::size_t size) {
  if (failed_ || size > left()) {
    failed_ = true;
    return {};
  }
  auto view = source_.subspan(position_, size);
  position_ += size;
  return view;
}

std::uint64_t reader::uint() {
  auto first = byte();
  if (failed_)
    return 0;
  if (first <= 0xfc)
    return first;
  auto value = get_little_endian(raw(std::size_t{2} << (first - 0xfd)));
  if (value > limits::safe_integer_max)
    failed_ = true;
  return failed_ ? 0 : value;
}

std::uint8_t reader::byte() {
  auto view = raw(1);
  return failed_ ? 0 : view[0];
}

std::uint32_t reader::uint32() {
  return static_cast<std::uint32_t>(get_little_endian(raw(4)));
}

std::uint64_t reader::uint64() {
  return get_little_endian(raw(8));
}

byte_view reader::rest() {
  return raw(left());
}

byte_view reader::buffer() {
  auto size = uint();
  if (size > left()) {
    failed_ = true;
    return {};
  }
  return raw(size);
}

std::string_view reader::string() {
  return as_text(buffer());
}

std::size_t reader::array(std::size_t element_bytes_min) {
  auto count = uint();
  if (count > limits::array_elements_max || (element_bytes_min > 0 && count > left() / element_bytes_min))
    failed_ = true;
  return failed_ ? 0 : count;
}

result<void> reader::finish(std::string_view what) const {
  if (failed_)
    return fail(ec::decoding_failed, std::string{what} + ": truncated or malformed");
  return {};
}

} // namespace corestore::compact
