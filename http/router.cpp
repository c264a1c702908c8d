#include "http/router.hpp"

#include "base/limits.hpp"

namespace corestore::http {

namespace {

constexpr std::string_view placeholder = "{}";

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  while (!path.empty()) {
    auto slash = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return segments;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](const std::string& wanted, const std::string& given) {
                      return wanted == given || (wanted == placeholder && !given.empty());
                    });
}

/// The time depends on the lengths only.
bool is_same_secret(std::string_view left, std::string_view right) {
  unsigned difference = left.size() == right.size() ? 0U : 1U;
  for (std::size_t position = 0; position < std::min(left.size(), right.size()); ++position)
    difference |= static_cast<unsigned char>(left[position]) ^ static_cast<unsigned char>(right[position]);
  return difference == 0;
}

std::string_view host_of(std::string_view authority_text) {
  if (authority_text.starts_with('['))
    return authority_text.substr(0, authority_text.find(']') + 1);
  return authority_text.substr(0, authority_text.find(':'));
}

/// Names that only this machine answers to: a literal address, or localhost.
bool is_own_name(std::string_view host) {
  return host.empty() || host == "localhost" || host.starts_with('[') ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

outcome check_type(const route& wanted, const request_header& header) {
  const auto& type = header.content_type;
  // A packed body would be stored as it came.
  if (header.has_body && !header.content_encoding.empty() && header.content_encoding != "identity")
    return refuse({415, ec::unsupported, "bodies are taken as they are: leave Content-Encoding out"});
  if (!header.has_body || type.empty() || type == "application/json")
    return {};
  bool takes_octets = wanted.body == body_kind::blocks || wanted.body == body_kind::octets;
  if (takes_octets && type == "application/octet-stream")
    return {};
  if ((wanted.body == body_kind::object || wanted.body == body_kind::octets) && type == "text/plain")
    return {}; // what fetch() calls a string
  if (wanted.body == body_kind::none)
    return {};
  std::string taken = "the body is application/json";
  if (wanted.body == body_kind::blocks)
    taken = "blocks come as application/octet-stream or application/json";
  else if (wanted.body == body_kind::octets)
    taken = "the body is taken as it is: send it as application/octet-stream";
  return refuse({415, ec::bad_argument, std::move(taken)});
}

std::size_t bytes_max_of(const route& wanted, const request_header& header) {
  if (wanted.body == body_kind::octets)
    return wanted.octets_max;
  if (wanted.body != body_kind::blocks)
    return limits::http_json_body_bytes_max;
  return header.content_type == "application/json" ? limits::http_blocks_body_bytes_max : limits::block_bytes_max;
}

} // namespace

router::router(std::vector<route> routes, authority who) : authority_(std::move(who)) {
  for (auto& each : routes) {
    auto segments = split(each.path);
    entries_.push_back({std::move(each), std::move(segments)});
  }
}

tl::expected<const route*, problem> router::find(const std::string& method, const std::vector<std::string>& segments,
                                                 std::vector<std::string>& arguments) const {
  std::string allowed;
  auto wanted = method == "HEAD" ? std::string_view{"GET"} : std::string_view{method};
  for (const auto& each : entries_) {
    if (!matches(each.segments, segments))
      continue;
    if (each.what.method != wanted) {
      allowed += (allowed.empty() ? "" : ", ") + std::string{each.what.method};
      allowed += each.what.method == "GET" ? ", HEAD" : "";
      continue;
    }
    for (std::size_t position = 0; position < segments.size(); ++position)
      if (each.segments[position] == placeholder)
        arguments.push_back(segments[position]);
    return &each.what;
  }
  if (allowed.empty())
    return refuse({404, ec::not_found, "there is no such route"});
  return refuse(
    {405, ec::bad_argument, method.substr(0, 20) + " is not offered here, but " + allowed, {{"Allow", allowed}}});
}

outcome router::admit(const route& wanted, const request_header& header) const {
  if (authority_.is_host_checked && !is_own_name(host_of(header.host)))
    return refuse({403, ec::invalid_capability, "on loopback the server answers to localhost and addresses only"});
  if (!wanted.needs_authority())
    return {};
  // A page of another site may send simple requests here without being asked.
  if (!header.origin.empty() && header.origin != "http://" + header.host && header.origin != "https://" + header.host)
    return refuse({403, ec::invalid_capability, "requests of other sites may not change anything"});
  constexpr std::string_view scheme = "Bearer ";
  std::string_view given = header.authorization;
  bool is_bearer = given.starts_with(scheme);
  if (authority_.is_token_needed && (!is_bearer || !is_same_secret(given.substr(scheme.size()), authority_.token)))
    return refuse({401,
                   ec::invalid_capability,
                   "this needs `Authorization: Bearer` with the server's token",
                   {{"WWW-Authenticate", "Bearer"}}});
  return {};
}

outcome router::answer(request_reader& reader, exchange& into) const {
  const auto& header = reader.header();
  auto where = parse_target(header.target);
  if (!where)
    return refuse(where.error());
  auto wanted = find(header.method, where->segments, into.arguments);
  if (!wanted)
    return refuse(wanted.error());
  const auto& found = **wanted;
  auto admitted = admit(found, header).and_then([&] { return check_type(found, header); });
  if (!admitted)
    return admitted;
  switch (reader.body(bytes_max_of(found, header))) {
  case read_state::complete:
    break;
  case read_state::refused:
    return refuse(reader.reason());
  case read_state::idle:
  case read_state::closed:
    return refuse({400, ec::connection_closed, "the request ended early"});
  }
  into.parameters = std::move(where->parameters);
  into.body = std::move(reader.content());
  return found.handler(into);
}

} // namespace corestore::http
