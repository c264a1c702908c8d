#include "actors/endpoint.hpp"

namespace corestore::actors {

std::string to_string(const endpoint& where) {
  if (where.is_unix)
    return "unix:" + where.host;
  auto host = where.host.find(':') == std::string::npos ? where.host : "[" + where.host + "]";
  return host + ":" + std::to_string(where.port);
}

} // namespace corestore::actors
