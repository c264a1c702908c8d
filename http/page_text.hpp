// The dashboard as it was compiled in (http/page, cmake/embed_page.cmake).
#pragma once

#include <string_view>

namespace corestore::http {

extern const std::string_view page_text;

} // namespace corestore::http
