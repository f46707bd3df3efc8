#include "modem/line.hpp"

#include <algorithm>

namespace modem {

using base::Errc;
using base::Result;

namespace {

bool is_meant(const Modem &modem, const std::string &name) {
    return modem.path == name || modem.identifier == name || modem.device == name ||
           (name.find('/') == std::string::npos && modem.path.ends_with("/" + name));
}

} // namespace

Result<Modem> choose(const std::vector<Modem> &modems, const line::ModemOrder &order) {
    if (modems.empty())
        return base::fail_hint(Errc::unavailable, "is it plugged in? mmcli -L lists modems",
                               "there is no modem");
    std::vector<const Modem *> meant;
    for (const Modem &modem : modems)
        if (order.modem.empty() || is_meant(modem, order.modem))
            meant.push_back(&modem);
    if (meant.empty())
        return base::fail_hint(Errc::unavailable, "mmcli -L lists modems", "there is no modem {}",
                               order.modem);
    const auto has_interface = [&](const Modem *modem) {
        return std::ranges::find(modem->interfaces, order.interface) != modem->interfaces.end();
    };
    // Of several the one that has the interface: no other could be the right one.
    if (meant.size() > 1)
        if (const auto found = std::ranges::find_if(meant, has_interface); found != meant.end())
            return **found;
    if (meant.size() > 1)
        return base::fail_hint(Errc::config, "name one in terminal.toml: modem = \"…\"",
                               "there are {} modems, and interface {} is none's", meant.size(),
                               order.interface);
    // One that is locked or failed may not know its ports yet.
    if (!meant.front()->interfaces.empty() && !has_interface(meant.front()))
        return base::fail_hint(Errc::config, "write that into terminal.toml: interface = \"…\"",
                               "modem {} has interface {}, not {}", meant.front()->path,
                               fmt::join(meant.front()->interfaces, ", "), order.interface);
    return *meant.front();
}

Result<Modem> look_again(Modems &modems, const std::string &path) {
    for (Modem &modem : TRY(modems.all()))
        if (modem.path == path)
            return std::move(modem);
    return base::fail(Errc::unavailable, "the modem is gone");
}

} // namespace modem
