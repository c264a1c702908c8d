#include "http/problem.hpp"

#include <nlohmann/json.hpp>

namespace corestore::http {

int status_of(ec code) {
  switch (code) {
  case ec::none:
    return 200;
  case ec::bad_argument:
  case ec::decoding_failed:
  case ec::invalid_operation:
    return 400;
  case ec::invalid_capability:
    return 401;
  case ec::not_found:
  case ec::block_not_available:
    return 404;
  case ec::not_writable:
  case ec::conflict:
  case ec::stale_base:
  case ec::key_mismatch:
  case ec::store_held:
  case ec::core_held:
  case ec::fenced:
  case ec::read_only:
    return 409;
  case ec::invalid_signature:
  case ec::invalid_checksum:
  case ec::invalid_proof:
    return 422;
  case ec::limit_exceeded:
    return 429;
  case ec::unsupported:
    return 501;
  case ec::handshake_failed:
  case ec::protocol_violation:
  case ec::connection_closed:
    return 502;
  case ec::store_closed:
  case ec::cancelled:
    return 503;
  case ec::timed_out:
    return 504;
  case ec::storage_full:
    return 507;
  case ec::storage_failed:
  case ec::storage_poisoned:
  case ec::storage_damaged:
  case ec::storage_format:
  case ec::internal:
    break;
  }
  return 500;
}

std::string_view reason_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 206:
    return "Partial Content";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 422:
    return "Unprocessable Content";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 501:
    return "Not Offered";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 507:
    return "Insufficient Storage";
  default:
    return "Internal Server Error";
  }
}

std::string error_body(const error& what) {
  nlohmann::ordered_json body{
    {"error", {{"code", name_of(what.code)}, {"message", what.detail.empty() ? describe(what.code) : what.detail}}}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace corestore::http
