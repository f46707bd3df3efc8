// terminal.toml: what resv-request, resv-store and carrier-connect know of this machine.
#pragma once

#include "conf/toml.hpp"

#include <map>

namespace conf {

/// `[carriers.NAME]`: how this machine reaches a carrier.
struct TerminalCarrier {
    /// At most 15 characters; must not be the reservation interface. Of type link it is there, of
    /// type wwan it is the modem's; the other types make it under this name.
    std::string interface = {};
    std::string gateway4 = {}; ///< overrides the settings' when not empty
    std::string gateway6 = {};
    bool dhcp = false;       ///< link: its address comes by DHCP
    std::string device = {}; ///< ppp: an Ethernet interface, or a serial device in /dev
    std::string modem = {};  ///< wwan: the modem's identifier; empty: the only one there is
    std::vector<std::string> up = {}; ///< command: an absolute path and its arguments, fixed
    std::vector<std::string> down = {};
    bool operator==(const TerminalCarrier &) const = default;
};

struct TerminalConfig {
    std::filesystem::path file;        ///< where it came from
    std::string control;               ///< https://host[:port]
    std::string cacert;                ///< PEM file, or empty for the system's authorities
    std::string reservation_interface; ///< bind requests to it; empty: the system's choice
    std::string preset;                ///< the preset carrier's name, or empty
    std::uint32_t media_uid = 0;       ///< 0: the user "slotcast-media"
    std::filesystem::path vault;       ///< resv-store's folder
    std::filesystem::path state;       ///< carrier-connect's run state
    std::map<std::string, TerminalCarrier> carriers;
};

/// What options of a command line say in place of the file; empty: nothing.
struct TerminalFlags {
    std::string config; ///< the file itself, see config_file()
    std::string control, cacert, interface, vault, state;
};

/// Reads terminal.toml. A missing default file is an empty configuration; a missing named one is an
/// error. `SLOTCAST_CONTROL`, `SLOTCAST_CACERT`, `SLOTCAST_PRESET`, `SLOTCAST_VAULT` and
/// `SLOTCAST_STATE` override the file, @p flags override both.
[[nodiscard]] base::Result<TerminalConfig> load_terminal(const TerminalFlags &flags);

/// The same from text, for tests.
[[nodiscard]] base::Result<TerminalConfig> read_terminal(const Table &top);

/// terminal.toml as load_terminal would read it back: what --print-config shows.
[[nodiscard]] std::string print_terminal(const TerminalConfig &config);

} // namespace conf
