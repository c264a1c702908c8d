#include "base/inherited.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

namespace corestore::inherited {

namespace {

struct registry {
  std::mutex mutex;
  std::vector<int> waiting;
};

registry& kept() {
  static registry instance;
  return instance;
}

bool address_of(int descriptor, sockaddr_storage& name) {
  socklen_t size = sizeof(name);
  int is_listening = 0;
  socklen_t length = sizeof(is_listening);
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) == 0 && is_listening != 0 &&
         ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
         (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

unsigned port_of(const sockaddr_storage& name) {
  if (name.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

bool is_same_host(const sockaddr_storage& one, const sockaddr_storage& other) {
  if (one.ss_family != other.ss_family)
    return false;
  if (one.ss_family == AF_INET6)
    return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(&one)->sin6_addr,
                       &reinterpret_cast<const sockaddr_in6*>(&other)->sin6_addr, sizeof(in6_addr)) == 0;
  return reinterpret_cast<const sockaddr_in*>(&one)->sin_addr.s_addr ==
         reinterpret_cast<const sockaddr_in*>(&other)->sin_addr.s_addr;
}

std::vector<int> open_descriptors() {
  std::vector<int> found;
  auto* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr)
    return found;
  while (const auto* entry = ::readdir(folder)) {
    std::string_view name{static_cast<const char*>(entry->d_name)};
    int descriptor = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), descriptor).ec == std::errc{})
      found.push_back(descriptor);
  }
  ::closedir(folder);
  return found;
}

} // namespace

std::string keep_listening(unsigned except_port) {
  std::string names;
  for (auto descriptor : open_descriptors()) {
    sockaddr_storage name{};
    if (!address_of(descriptor, name) || (except_port != 0 && port_of(name) == except_port))
      continue;
    if (auto copy = ::fcntl(descriptor, F_DUPFD, 3); copy >= 0) // without close-on-exec
      names += (names.empty() ? "" : " ") + std::to_string(copy);
  }
  return names;
}

void adopt(const std::string& names) {
  auto& all = kept();
  std::lock_guard guard{all.mutex};
  const auto* next = names.data();
  const auto* end = names.data() + names.size();
  while (next < end) {
    int descriptor = -1;
    auto read = std::from_chars(next, end, descriptor);
    if (read.ec != std::errc{})
      return;
    next = read.ptr + (read.ptr < end ? 1 : 0);
    sockaddr_storage name{};
    if (!address_of(descriptor, name))
      continue;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    all.waiting.push_back(descriptor);
  }
}

int take(const sockaddr* wanted, socklen_t size) {
  sockaddr_storage address{};
  std::memcpy(&address, wanted, std::min<std::size_t>(size, sizeof(address)));
  auto& all = kept();
  std::lock_guard guard{all.mutex};
  for (auto position = all.waiting.begin(); position != all.waiting.end(); ++position) {
    sockaddr_storage name{};
    if (!address_of(*position, name) || !is_same_host(name, address) ||
        (port_of(address) != 0 && port_of(name) != port_of(address)))
      continue;
    auto descriptor = *position;
    all.waiting.erase(position);
    return descriptor;
  }
  return -1;
}

void drop_rest() {
  auto& all = kept();
  std::lock_guard guard{all.mutex};
  for (auto descriptor : all.waiting)
    ::close(descriptor);
  all.waiting.clear();
}

} // namespace corestore::inherited
