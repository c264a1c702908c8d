// Descriptors that close themselves, and one that a thread can wait for.
#pragma once

#include <utility>

namespace corestore {

/// Closes what it owns.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {
    // nop
  }
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {
    // nop
  }
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor();

  [[nodiscard]] int get() const {
    return number_;
  }
  [[nodiscard]] bool is_open() const {
    return number_ >= 0;
  }

private:
  int number_ = -1;
};

/// Something that a thread can wait for beside a socket: raised by one thread, seen by others until it is lowered.
class flag {
public:
  flag();
  void raise();
  void lower();
  [[nodiscard]] int get() const {
    return event_.get();
  }

private:
  descriptor event_;
};

} // namespace corestore
