// The probes behind bounds.hpp.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "programs/bench/bounds.hpp"
#include "programs/bench/world.hpp"
#include "storage/open.hpp"

namespace corestore::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t frame_bytes = 65536;
constexpr int rounds = 7;
constexpr int slow_rounds = 9; ///< of what waits for a disk

double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Median of a few rounds, each of about two milliseconds.
double time_of(const std::function<void()>& action) {
  action();
  auto start = clock::now();
  action();
  auto once = std::max(seconds_since(start), 1e-8);
  auto repeats = std::clamp(static_cast<int>(0.002 / once), 1, 20000);
  std::vector<double> values;
  for (int round = 0; round < rounds; ++round) {
    start = clock::now();
    for (int repeat = 0; repeat < repeats; ++repeat)
      action();
    values.push_back(seconds_since(start) / repeats);
  }
  return median(values);
}

bytes noise(std::size_t size) {
  bytes content(size);
  crypto::random_fill(content);
  return content;
}

void measure_hashes(machine& limits, const options& asked) {
  const auto block = noise(asked.block_bytes);
  const auto pair = noise(73);
  const std::array<std::uint8_t, 9> prefix{};
  volatile std::uint8_t sink = 0;
  limits.leaf_s = time_of([&] { sink = crypto::blake2b({prefix, block}).data[0]; });
  limits.parent_s = time_of([&] { sink = crypto::blake2b({pair}).data[0]; });
  auto target = bytes(block.size());
  limits.copy_s = time_of([&] {
    std::copy(block.begin(), block.end(), target.begin());
    if (!target.empty())
      sink = target.back();
  });
  std::ignore = sink;
}

void measure_keys(machine& limits) {
  const auto pair = crypto::ed25519_key_pair();
  const auto message = noise(112);
  auto signature = crypto::ed25519_sign(message, pair.secret_part);
  limits.sign_s = time_of([&] { signature = crypto::ed25519_sign(message, pair.secret_part); });
  bool is_good = false;
  limits.verify_s =
    time_of([&] { is_good = crypto::ed25519_verify(message, signature.view(), pair.public_part) || is_good; });
}

void measure_stream(machine& limits, const options& asked) {
  const auto key = noise(32);
  auto size = std::max<std::size_t>(asked.block_bytes, frame_bytes);
  auto plain = noise(size);
  double frame_s = 0;
  if (asked.generation == log::generation::g9) {
    crypto::stream_cipher stream{key, noise(crypto::stream_nonce_bytes)};
    frame_s = time_of([&] { stream.apply(plain); });
  } else {
    bytes sealed(size + crypto::stream_overhead_bytes);
    crypto::stream_encryptor stream{key};
    frame_s = time_of([&] { stream.seal(plain, sealed); });
  }
  limits.seal_s =
    frame_s * static_cast<double>(std::max<std::uint64_t>(asked.block_bytes, 1)) / static_cast<double>(size);
}

result<void> measure_sync(machine& limits, const std::filesystem::path& folder) {
  auto path = folder / "sync";
  auto file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(ec::storage_failed, path.string() + ": " + std::strerror(errno));
  const auto page = noise(4096);
  std::vector<double> values;
  bool is_good = true;
  for (int round = 0; round < slow_rounds; ++round) {
    auto start = clock::now();
    is_good = ::pwrite(file, page.data(), page.size(), 0) > 0 && ::fdatasync(file) == 0 && is_good;
    values.push_back(seconds_since(start));
  }
  ::close(file);
  limits.sync_s = median(values);
  return is_good ? result<void>{} : fail(ec::storage_failed, path.string() + " cannot be written");
}

result<void> measure_put(machine& limits, const options& asked, const std::filesystem::path& folder) {
  storage::open_options how;
  how.durability = asked.durability;
  auto store = storage::open_store(folder / "put", how);
  if (!store)
    return fail(store.error());
  constexpr std::uint64_t put_bytes_max = std::uint64_t{8} << 20U;
  auto cores = asked.workload == "append-many" ? asked.cores : 1;
  auto batch_bytes = std::clamp<std::uint64_t>(asked.block_bytes * asked.batch * cores, 1, put_bytes_max);
  const auto value = noise(batch_bytes);
  std::vector<double> values;
  for (int round = 0; round < slow_rounds; ++round) {
    log::change_set changes;
    changes.user_data.push_back({"value-" + std::to_string(round), value});
    auto start = clock::now();
    if (auto applied = (*store)->apply({&changes, 1}); !applied)
      return applied;
    values.push_back(seconds_since(start));
  }
  limits.put_s = median(values);
  return {};
}

/// Two ends of a TCP connection over loopback.
class loopback {
public:
  loopback() {
    auto listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(where);
    auto* address = reinterpret_cast<sockaddr*>(&where);
    ends_[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto is_bound = ::bind(listener, address, size) == 0 && ::listen(listener, 1) == 0 &&
                    ::getsockname(listener, address, &size) == 0 && ::connect(ends_[0], address, size) == 0;
    if (is_bound)
      ends_[1] = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    int on = 1;
    for (auto end : ends_)
      ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  ~loopback() {
    for (auto end : ends_)
      if (end >= 0)
        ::close(end);
  }
  loopback(const loopback&) = delete;
  loopback& operator=(const loopback&) = delete;

  [[nodiscard]] bool is_open() const {
    return ends_[1] >= 0;
  }
  [[nodiscard]] int end(std::size_t which) const {
    return ends_.at(which);
  }

private:
  std::array<int, 2> ends_{-1, -1};
};

/// Sends back whatever comes in pieces of one byte, then swallows the rest.
void answer(int socket, int round_trips, std::size_t bulk) {
  std::uint8_t byte = 0;
  for (int trip = 0; trip < round_trips; ++trip)
    if (::recv(socket, &byte, 1, 0) != 1 || ::send(socket, &byte, 1, MSG_NOSIGNAL) != 1)
      return;
  bytes buffer(frame_bytes);
  for (std::size_t received = 0; received < bulk;) {
    auto count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count <= 0)
      return;
    received += static_cast<std::size_t>(count);
  }
  ::send(socket, &byte, 1, MSG_NOSIGNAL);
}

result<void> measure_loopback(machine& limits, const options& asked) {
  constexpr int round_trips = 200;
  constexpr std::size_t bulk = std::size_t{32} << 20U;
  const loopback pair;
  if (!pair.is_open())
    return fail(ec::storage_failed, "no loopback TCP");
  std::thread other{[&pair] {
    answer(pair.end(1), round_trips, bulk);
  }};
  std::uint8_t byte = 0;
  std::vector<double> trips;
  bool is_good = true;
  for (int trip = 0; trip < round_trips && is_good; ++trip) {
    auto start = clock::now();
    is_good = ::send(pair.end(0), &byte, 1, MSG_NOSIGNAL) == 1 && ::recv(pair.end(0), &byte, 1, 0) == 1;
    trips.push_back(seconds_since(start));
  }
  const auto piece = noise(frame_bytes);
  auto start = clock::now();
  for (std::size_t sent = 0; sent < bulk && is_good;) {
    auto count = ::send(pair.end(0), piece.data(), std::min(piece.size(), bulk - sent), MSG_NOSIGNAL);
    is_good = count > 0;
    sent += is_good ? static_cast<std::size_t>(count) : 0;
  }
  is_good = is_good && ::recv(pair.end(0), &byte, 1, 0) == 1;
  auto bulk_s = seconds_since(start);
  ::shutdown(pair.end(0), SHUT_RDWR);
  other.join();
  if (!is_good)
    return fail(ec::connection_closed, "loopback TCP");
  limits.round_trip_s = median(trips);
  limits.loopback_s = bulk_s * static_cast<double>(asked.block_bytes) / static_cast<double>(bulk);
  return {};
}

} // namespace

result<machine> measure_machine(const options& asked) {
  auto folder = temporary_folder::create();
  if (!folder)
    return fail(folder.error());
  machine limits;
  limits.processors = std::max(1U, std::thread::hardware_concurrency());
  measure_hashes(limits, asked);
  measure_keys(limits);
  measure_stream(limits, asked);
  auto step = measure_sync(limits, (*folder)->path());
  if (step)
    step = measure_put(limits, asked, (*folder)->path());
  if (step)
    step = measure_loopback(limits, asked);
  if (!step)
    return fail(step.error());
  return limits;
}

} // namespace corestore::bench
