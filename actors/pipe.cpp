#include "actors/pipe.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <utility>

namespace corestore::actors {

namespace {

/// Bytes that wait in one direction.
constexpr std::size_t pipe_bytes = std::size_t{512} << 10U;

/// What travels in one direction.
struct lane {
  bytes content;
  std::size_t start = 0; ///< bytes of `content` that were read
  stream::callback reader;
  stream::callback writer;

  [[nodiscard]] std::size_t size() const {
    return content.size() - start;
  }
};

struct pipe_state {
  std::mutex mutex;
  std::array<lane, 2> lanes; ///< each named by the end that reads it
  bool is_closed = false;
  std::string address;
};

/// Callbacks are called without the lock: they may use the pipe at once.
void call(stream::callback& waiting, bool is_ready) {
  if (waiting)
    waiting(is_ready);
}

class pipe_end final : public stream {
public:
  pipe_end(std::shared_ptr<pipe_state> shared, std::size_t side) : shared_(std::move(shared)), side_(side) {
    // nop
  }

  ~pipe_end() override {
    pipe_end::close();
  }

  result<std::size_t> read(std::span<std::uint8_t> target) override {
    callback writer;
    std::size_t count = 0;
    {
      std::lock_guard guard{shared_->mutex};
      auto& from = shared_->lanes[side_];
      if (from.size() == 0 && shared_->is_closed)
        return fail(ec::connection_closed, shared_->address + " closed the connection");
      count = std::min(from.size(), target.size());
      std::copy_n(from.content.begin() + static_cast<std::ptrdiff_t>(from.start), count, target.begin());
      from.start += count;
      if (from.size() == 0) {
        from.content.clear();
        from.start = 0;
      }
      if (count > 0)
        writer = std::exchange(from.writer, nullptr);
    }
    call(writer, true);
    return count;
  }

  result<std::size_t> write(byte_view source) override {
    callback reader;
    std::size_t count = 0;
    {
      std::lock_guard guard{shared_->mutex};
      if (shared_->is_closed)
        return fail(ec::connection_closed, shared_->address + " closed the connection");
      auto& to = shared_->lanes[1 - side_];
      count = std::min(source.size(), pipe_bytes - std::min(to.size(), pipe_bytes));
      if (to.start > to.size()) { // more is read than is left: the copy is cheap
        to.content.erase(to.content.begin(), to.content.begin() + static_cast<std::ptrdiff_t>(to.start));
        to.start = 0;
      }
      to.content.insert(to.content.end(), source.begin(), source.begin() + static_cast<std::ptrdiff_t>(count));
      if (count > 0)
        reader = std::exchange(to.reader, nullptr);
    }
    call(reader, true);
    return count;
  }

  void wait_readable(callback done) override {
    {
      std::lock_guard guard{shared_->mutex};
      auto& from = shared_->lanes[side_];
      if (from.size() == 0 && !shared_->is_closed) {
        from.reader = std::move(done);
        return;
      }
    }
    done(true); // at the end, the read says so
  }

  void wait_writable(callback done) override {
    {
      std::lock_guard guard{shared_->mutex};
      auto& to = shared_->lanes[1 - side_];
      if (to.size() >= pipe_bytes && !shared_->is_closed) {
        to.writer = std::move(done);
        return;
      }
    }
    done(true);
  }

  void close() override {
    std::array<lane, 2> waiting;
    {
      std::lock_guard guard{shared_->mutex};
      if (std::exchange(shared_->is_closed, true))
        return;
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        waiting[i].reader = std::exchange(shared_->lanes[i].reader, nullptr);
        waiting[i].writer = std::exchange(shared_->lanes[i].writer, nullptr);
      }
    }
    call(waiting[side_].reader, false);
    call(waiting[1 - side_].writer, false);
    call(waiting[1 - side_].reader, true); // the other end reads what is left, and then the end
    call(waiting[side_].writer, true);
  }

  [[nodiscard]] const std::string& address() const override {
    return shared_->address;
  }

private:
  std::shared_ptr<pipe_state> shared_;
  std::size_t side_; ///< of the lane that this end reads
};

} // namespace

std::pair<stream_ptr, stream_ptr> make_pipe(const std::string& address) {
  auto shared = std::make_shared<pipe_state>();
  shared->address = address;
  return {std::make_shared<pipe_end>(shared, 0), std::make_shared<pipe_end>(shared, 1)};
}

} // namespace corestore::actors
