// A SIM's PIN: sent once at most where nobody was wrong before, for three wrong ones lock the SIM.
#pragma once

#include "modem/modems.hpp"

#include <filesystem>

namespace modem {

/// The name of a file that stands while a PIN was sent to the SIM of @p modem and is not known to
/// be right.
[[nodiscard]] std::string pin_mark(const Modem &modem);

struct Unlock {
    const std::string &pin;      ///< a secret, or empty
    std::filesystem::path tried; ///< where pin_mark() is
    base::Millis limit;          ///< until the modem goes on
    base::Millis step;           ///< between two looks
};
/// @p modem with its SIM unlocked, as it is then. not_permitted: it wants more than a PIN, there is
/// none, somebody was wrong before, or it is wrong.
[[nodiscard]] base::Result<Modem> unlock(Modems &modems, Modem modem, const Unlock &how);

} // namespace modem
