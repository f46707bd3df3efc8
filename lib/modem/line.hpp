// A line by a modem, from its order to its end: which modem, its SIM's PIN, registration, a bearer,
// what the network gave. Every step that outlives us is written down before it is taken.
#pragma once

#include "line/grant.hpp"
#include "line/modem_order.hpp"
#include "modem/dhcp.hpp"
#include "modem/modems.hpp"
#include "modem/sim_pin.hpp"

#include <functional>

namespace modem {

/// Files of one carrier in the state's folder.
class Files {
  public:
    Files(std::filesystem::path folder, std::string carrier)
        : m_folder(std::move(folder)), m_carrier(std::move(carrier)) {}
    /// Which bearer is ours.
    [[nodiscard]] std::filesystem::path bearer() const { return of("bearer"); }
    [[nodiscard]] std::filesystem::path grant() const {
        return line::grant_file(m_folder, m_carrier);
    }
    /// Stands while a PIN was sent to that modem's SIM and is not known to be right: nobody sends
    /// one again, whatever carrier it is for.
    [[nodiscard]] std::filesystem::path pin_tried(const Modem &modem) const {
        return m_folder / pin_mark(modem);
    }

  private:
    [[nodiscard]] std::filesystem::path of(std::string_view what) const {
        return m_folder / fmt::format("line-{}.{}", m_carrier, what);
    }
    std::filesystem::path m_folder;
    std::string m_carrier;
};

/// How long its parts may take.
struct Patience {
    base::Millis registration{30'000};
    base::Millis denied{3000}; ///< a network that says no for so long means it
    base::Millis step{200};    ///< between two looks where nothing tells of a change
    base::Millis look{5000};   ///< the same while the line is up
};

/// What is done on this machine for a bearer.
struct Means {
    /// Puts the grant into effect.
    std::function<base::Result<void>(const line::Grant &)> put;
    Dhcp &dhcp; ///< asked where the bearer leaves its IPv4 address to DHCP
    const base::Clock &clock;
};

/// The modem that @p order means. unavailable: there is none, or no network interface of that name
/// is any modem's; config: there are several, or none that is meant.
[[nodiscard]] base::Result<Modem> choose(const std::vector<Modem> &modems,
                                         const line::ModemOrder &order);

/// Connects, and puts what the network gave. unavailable: the network or the modem do not; refused:
/// its interface is in use by another connection; not_permitted: the SIM asks for a PIN that it was
/// not given, or did not take. On failure nothing is left but, after a wrong PIN, its mark.
[[nodiscard]] base::Result<void> connect(Modems &modems, const line::ModemOrder &order,
                                         const Files &files, const Means &means,
                                         const Patience &patience = {});

/// Watches over what connect() made, and puts what the network gives anew. Returns when it is gone,
/// with the reason, and after disconnect().
[[nodiscard]] base::Result<void> hold(Modems &modems, const line::ModemOrder &order,
                                      const Files &files, const Means &means,
                                      const Patience &patience = {});

/// Ends the bearer that is written down, and no other, and takes back what the network gave.
/// @p modems may be null: there is no ModemManager, and with it no bearer.
[[nodiscard]] base::Result<void> disconnect(Modems *modems, const Files &files);

// For the tests.
/// What a bearer gives.
struct Offer {
    line::Grant grant;
    bool asks = false; ///< a DHCP server has to tell the IPv4 address
};
/// What @p bearer gives to @p interface. bad_data, unavailable: in a way that we cannot take.
[[nodiscard]] base::Result<Offer> offer_of(const Bearer &bearer, const std::string &interface,
                                           bool point_to_point);
/// @p offer with what DHCP @p gave.
[[nodiscard]] line::Grant with_lease(line::Grant offer, const line::Grant &gave,
                                     bool point_to_point);

} // namespace modem
