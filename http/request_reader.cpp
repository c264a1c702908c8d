#include "http/request_reader.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <limits>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/limits.hpp"

namespace corestore::http {

namespace {

namespace beast = boost::beast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Bytes of one read: of a body, and of a header, which is short.
constexpr std::size_t read_bytes = 65536;
constexpr std::size_t header_read_bytes = 8192;

/// A client that goes on sending after its request was refused is heard out for that long.
constexpr milliseconds drain_time{5000};

std::atomic<std::size_t>& bodies_in_memory() {
  static std::atomic<std::size_t> count{0};
  return count;
}

std::string to_string(beast::string_view text) {
  return {text.data(), text.size()};
}

/// `Application/JSON; charset=utf-8` -> `application/json`
std::string media_type(std::string text) {
  text.erase(std::min(text.find(';'), text.size()));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.pop_back();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char character) { return static_cast<char>(std::tolower(character)); });
  return text;
}

int status_for(const beast::error_code& failure) {
  if (failure == beast::http::error::body_limit)
    return 413;
  if (failure == beast::http::error::header_limit)
    return 431;
  return 400;
}

} // namespace

struct request_reader::parser : beast::http::request_parser<beast::http::string_body> {};

request_reader::request_reader(const socket& from) : from_(from) {
  // nop
}

request_reader::~request_reader() {
  bodies_in_memory() -= reserved_;
}

bool request_reader::is_done() const {
  return parser_ && parser_->is_done();
}

read_state request_reader::refuse(int status, std::string detail) {
  reason_ = problem{status, status == 413 ? ec::limit_exceeded : ec::bad_argument, std::move(detail)};
  return read_state::refused;
}

read_state request_reader::fill(milliseconds limit) {
  auto end = steady_clock::now() + limit;
  for (;;) {
    auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    auto why = from_.wait_for_bytes(std::max(left, milliseconds{0}));
    if (why == woken::timed_out && input_.empty() && !parser_->got_some())
      return read_state::idle;
    if (why == woken::timed_out)
      return refuse(408, "the request was not complete in time");
    if (why != woken::readable)
      return read_state::closed;
    auto before = input_.size();
    auto room = parser_->is_header_done() ? read_bytes : header_read_bytes;
    input_.resize(before + room);
    auto count = from_.read({input_.data() + before, room});
    input_.resize(before + static_cast<std::size_t>(std::max<std::ptrdiff_t>(count, 0)));
    if (count > 0)
      return read_state::complete;
    if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
      return read_state::closed;
  }
}

read_state request_reader::next(milliseconds patience) {
  bodies_in_memory() -= std::exchange(reserved_, 0);
  content_ = {};
  parser_ = std::make_unique<parser>();
  parser_->header_limit(limits::http_header_bytes_max);
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max()); // body() has a limit, and "none" refuses every body
  parser_->eager(false);
  auto begun = steady_clock::time_point{};
  while (!parser_->is_header_done()) {
    beast::error_code failure;
    auto used = input_.empty() ? 0 : parser_->put(boost::asio::buffer(input_), failure);
    input_.erase(0, used);
    if (failure && failure != beast::http::error::need_more)
      return refuse(status_for(failure), "not a request of HTTP/1.1: " + failure.message());
    if (parser_->is_header_done())
      break;
    auto limit = patience;
    if (!input_.empty() || parser_->got_some()) {
      if (begun == steady_clock::time_point{})
        begun = steady_clock::now();
      limit = std::chrono::duration_cast<milliseconds>(begun + limits::http_read_timeout - steady_clock::now());
      if (limit.count() <= 0)
        return refuse(408, "the request was not complete in time");
    }
    if (auto state = fill(limit); state != read_state::complete)
      return state;
  }
  take_header();
  return read_state::complete;
}

void request_reader::take_header() {
  const auto& message = parser_->get();
  auto field = [&](beast::http::field name) {
    return to_string(message[name]);
  };
  header_.method = to_string(message.method_string());
  header_.target = to_string(message.target());
  header_.content_type = media_type(field(beast::http::field::content_type));
  header_.content_encoding = field(beast::http::field::content_encoding);
  header_.range = field(beast::http::field::range);
  header_.authorization = field(beast::http::field::authorization);
  header_.origin = field(beast::http::field::origin);
  header_.host = field(beast::http::field::host);
  header_.is_keep_alive = parser_->keep_alive();
  header_.is_http_10 = message.version() < 11;
  auto length = parser_->content_length();
  header_.has_body = parser_->chunked() || (length && *length > 0);
}

read_state request_reader::body(std::size_t bytes_max) {
  auto announced = parser_->content_length();
  if (announced && *announced > bytes_max)
    return refuse(413, "the body has more than " + std::to_string(bytes_max) + " bytes");
  // Chunked bodies say nothing in advance: they count with the most that they may become.
  reserved_ = announced ? static_cast<std::size_t>(*announced) : bytes_max;
  if (header_.has_body && bodies_in_memory().fetch_add(reserved_) + reserved_ > limits::http_bodies_bytes_max) {
    reason_ = problem{503, ec::limit_exceeded, "too many large requests at once; try again"};
    return read_state::refused;
  }
  if (!header_.has_body)
    reserved_ = 0;
  if (to_string(parser_->get()[beast::http::field::expect]) == "100-continue" && input_.empty() && header_.has_body)
    std::ignore = from_.write("HTTP/1.1 100 Continue\r\n\r\n");
  parser_->body_limit(bytes_max);
  parser_->eager(true);
  while (!parser_->is_done()) {
    beast::error_code failure;
    auto used = input_.empty() ? 0 : parser_->put(boost::asio::buffer(input_), failure);
    input_.erase(0, used);
    if (failure && failure != beast::http::error::need_more)
      return refuse(status_for(failure), failure == beast::http::error::body_limit
                                           ? "the body has more than " + std::to_string(bytes_max) + " bytes"
                                           : "the body is malformed: " + failure.message());
    if (parser_->is_done())
      break;
    if (auto state = fill(limits::http_read_timeout); state != read_state::complete)
      return state;
  }
  content_ = std::move(parser_->get().body());
  return read_state::complete;
}

void request_reader::drain() const {
  std::array<char, 4096> sink{};
  auto end = steady_clock::now() + drain_time;
  while (steady_clock::now() < end) {
    if (from_.wait_for_bytes(milliseconds{500}) != woken::readable)
      return;
    if (auto count = from_.read(sink); count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
      return;
  }
}

} // namespace corestore::http
