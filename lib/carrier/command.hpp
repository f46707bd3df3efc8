// The driver of type command.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &command_driver();

/// How long the site's `up` has to connect the line, and its `down` to disconnect it.
inline constexpr base::Millis k_command_limit{60'000};

/// not_permitted unless nobody but root, or we, can change what @p program is: the file, or a
/// folder on the way to it. no_input: it is not there, or no program.
[[nodiscard]] base::Result<void> check_program(const std::filesystem::path &program);

// For the tests.
/// What is wrong with what `up` printed; empty when it is the one line with @p interface.
[[nodiscard]] std::string judge_up(std::string_view printed, std::string_view interface);

} // namespace carrier
