// Certificates of the node surface. Both sides show one; the private authority that signed them is the only thing that
// is checked (names are not), so that it should sign for one cluster alone.
#pragma once

#include <string>

#include "base/error.hpp"

namespace corestore::config {

/// Paths of PEM files.
struct tls_files {
  std::string certificate;
  std::string key;
  std::string authority; ///< signs the certificates of the other nodes

  friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// Loads all three: CAF would notice a bad file only when the first peer connects, and end the process then.
/// bad_argument names the file and the reason: unreadable, not PEM, a key of another certificate, a certificate that
/// the authority did not sign.
result<void> check_tls_files(const tls_files& files);

} // namespace corestore::config
