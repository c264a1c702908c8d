#include "config/tls.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace corestore::config {

namespace {

template <class T, void (*Free)(T*)>
struct freed_by {
  void operator()(T* what) const {
    Free(what);
  }
};

using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX, SSL_CTX_free>>;
using check_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX, X509_STORE_CTX_free>>;

tl::unexpected<error> bad_file(const std::string& path, const std::string& what) {
  const auto* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return fail(ec::bad_argument, path + ": " + what + (reason != nullptr ? std::string{" ("} + reason + ")" : ""));
}

} // namespace

result<void> check_tls_files(const tls_files& files) {
  ERR_clear_error();
  context_ptr context{SSL_CTX_new(TLS_method())};
  if (!context)
    return fail(ec::internal, "no TLS context");
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
    return bad_file(files.certificate, "no certificate can be read from it");
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_file(files.key, "no private key of that certificate can be read from it");
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return bad_file(files.key, "it is the key of another certificate");
  if (SSL_CTX_load_verify_locations(context.get(), files.authority.c_str(), nullptr) != 1)
    return bad_file(files.authority, "no certificate of an authority can be read from it");
  check_ptr check{X509_STORE_CTX_new()};
  if (!check || X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context.get()),
                                    SSL_CTX_get0_certificate(context.get()), nullptr) != 1)
    return fail(ec::internal, "no certificate check");
  if (X509_verify_cert(check.get()) != 1)
    return bad_file(files.certificate, std::string{"the authority does not vouch for it: "} +
                                         X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())));
  return {};
}

} // namespace corestore::config
