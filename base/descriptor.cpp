#include "base/descriptor.hpp"

#include <tuple>

#include <sys/eventfd.h>
#include <unistd.h>

namespace corestore {

descriptor::~descriptor() {
  if (number_ >= 0)
    ::close(number_);
}

flag::flag() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  // nop
}

void flag::raise() {
  std::ignore = ::eventfd_write(event_.get(), 1);
}

void flag::lower() {
  eventfd_t count = 0;
  std::ignore = ::eventfd_read(event_.get(), &count);
}

} // namespace corestore
