// Values as TOML writes them, for what is printed to be read back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace conf {

/// A basic string.
[[nodiscard]] std::string toml_text(std::string_view text);
/// An array of them.
[[nodiscard]] std::string toml_text(const std::vector<std::string> &texts);

} // namespace conf
