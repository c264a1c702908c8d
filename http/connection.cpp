#include "http/connection.hpp"

#include <fmt/format.h>

namespace corestore::http {

namespace {

/// What a browser may do with an answer: the page is self-contained, and nothing else is a document.
constexpr std::string_view safety = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";

} // namespace

std::string exchange::head(int status, std::string_view type, const header_list& more) const {
  auto text = fmt::format("HTTP/1.1 {} {}\r\n{}", status, reason_of(status), safety);
  if (!type.empty())
    text += fmt::format("Content-Type: {}\r\n", type);
  for (const auto& [name, value] : more)
    text += fmt::format("{}: {}\r\n", name, value);
  if (is_last())
    text += "Connection: close\r\n";
  else if (header_.is_http_10)
    text += "Connection: keep-alive\r\n";
  return text;
}

void exchange::send(int status, std::string_view type, std::string_view content, const header_list& more) {
  has_begun_ = true;
  status_ = status;
  auto text = head(status, type, more) + fmt::format("Content-Length: {}\r\n\r\n", content.size());
  if (!line_.write(text, is_head_only() ? std::string_view{} : content))
    is_broken_ = is_last_ = true;
}

void exchange::send_problem(const problem& why) {
  send(why.code(), "application/json", error_body(why.what), why.headers);
}

void exchange::begin(int status, std::string_view type, const header_list& more, std::optional<std::uint64_t> length) {
  has_begun_ = true;
  status_ = status;
  is_chunked_ = !length && !header_.is_http_10;
  if (!length && header_.is_http_10)
    is_last_ = true; // the end of the stream is the end of the answer
  auto text = head(status, type, more);
  if (length)
    text += fmt::format("Content-Length: {}\r\n\r\n", *length);
  else
    text += is_chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  if (!line_.write(text))
    is_broken_ = is_last_ = true;
}

bool exchange::write(std::string_view piece) {
  if (is_broken_ || is_head_only())
    return false;
  if (piece.empty())
    return true;
  bool is_written = false;
  if (is_chunked_) {
    auto frame = fmt::format("{:x}\r\n", piece.size());
    frame.append(piece);
    frame.append("\r\n");
    is_written = line_.write(frame);
  } else {
    is_written = line_.write(piece);
  }
  if (!is_written)
    is_broken_ = is_last_ = true;
  return is_written;
}

void exchange::end() {
  if (is_broken_ || !is_chunked_ || is_head_only())
    return;
  if (!line_.write("0\r\n\r\n"))
    is_broken_ = is_last_ = true;
}

} // namespace corestore::http
