#include "modem/sim_pin.hpp"

#include "base/file.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <cctype>

namespace modem {

using base::Errc;
using base::Result;
namespace fs = std::filesystem;

namespace {

// A SIM gives three; with fewer somebody has been wrong already, and the last is for a human.
constexpr std::uint32_t k_all_attempts = 3;

bool is_locked(const Modem &modem) {
    return modem.lock > k_no_lock && modem.lock != k_pin2_lock && modem.lock != k_puk2_lock;
}

std::string attempts_left(const Modem &modem) {
    if (!modem.pin_attempts)
        return "how many attempts are left it does not say";
    return fmt::format("{} attempt{} left", *modem.pin_attempts,
                       *modem.pin_attempts == 1 ? " is" : "s are");
}

std::string by_hand(const Modem &modem) {
    return fmt::format("correct it in the settings, and unlock the SIM once by hand: "
                       "mmcli -i {} --pin=…",
                       modem.sim);
}

/// May be sent: nobody was wrong before, as far as that can be known.
Result<void> check_attempts(const Modem &modem, const Unlock &how) {
    if (modem.lock != k_pin_lock)
        return base::fail_hint(
            Errc::not_permitted, fmt::format("unlock it by hand: mmcli -m {}", modem.path),
            "the SIM is locked by more than its PIN (MMModemLock {})", modem.lock);
    if (how.pin.empty())
        return base::fail_hint(Errc::not_permitted, "the operator of control knows it: pin_file",
                               "the SIM asks for its PIN, and the settings have none");
    std::error_code ignored;
    if (fs::exists(how.tried, ignored))
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "the SIM's PIN was tried before and not taken: it is not sent a "
                               "second time; {}",
                               attempts_left(modem));
    if (modem.pin_attempts && *modem.pin_attempts < k_all_attempts)
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "somebody gave the SIM a wrong PIN before: none is sent; {}",
                               attempts_left(modem));
    return {};
}

} // namespace

std::string pin_mark(const Modem &modem) {
    std::string id = modem.identifier.empty() ? modem.path : modem.identifier;
    std::ranges::replace_if(id, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
    return fmt::format("pin-{}.tried", id.substr(0, 128));
}

Result<Modem> unlock(Modems &modems, Modem modem, const Unlock &how) {
    if (!is_locked(modem)) {
        TRY(base::remove_file(how.tried));
        return modem;
    }
    TRY(check_attempts(modem, how));
    TRY(base::write_file_atomic(how.tried, "", 0600));
    if (const auto sent = modems.send_pin(modem.sim, how.pin); !sent) {
        const auto now = look_again(modems, modem.path);
        base::log::debug("{}", sent.error().message);
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "the SIM does not take the PIN; {}",
                               attempts_left(now ? *now : modem));
    }
    for (base::Millis waited{0};; waited += how.step) {
        modem = TRY(look_again(modems, modem.path));
        if (!is_locked(modem) && !modem.is(State::locked) && !modem.is(State::initializing))
            break;
        if (waited >= how.limit)
            return base::fail(Errc::unavailable, "the modem does not go on after its SIM's PIN");
        TRY(modems.wait(how.step));
    }
    TRY(base::remove_file(how.tried));
    return modem;
}

} // namespace modem
