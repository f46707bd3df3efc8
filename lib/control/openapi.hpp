// The API's description for machines, as GET /openapi.json answers it.
#pragma once

#include <string_view>

namespace control {

/// OpenAPI 3.1, JSON. Made from lib/control/openapi and lib/wire/schemas by the Makefile.
[[nodiscard]] std::string_view openapi();

} // namespace control
