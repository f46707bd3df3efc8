#include "carrier/driver.hpp"

#include "carrier/command.hpp"
#include "carrier/dhcp.hpp"
#include "carrier/ppp.hpp"
#include "carrier/wireguard.hpp"
#include "carrier/wwan.hpp"

#include <algorithm>
#include <array>

namespace carrier {

using base::Result;

namespace {

/// `link`: an interface that somebody else has set up.
class LinkDriver final : public LineDriver {
  public:
    [[nodiscard]] bool is_there_already() const override { return true; }
    [[nodiscard]] std::vector<LineStep> plan_start(const Choice & /*choice*/) const override {
        return {};
    }
    [[nodiscard]] std::vector<LineStep> plan_stop(const CarrierState & /*state*/) const override {
        return {};
    }
    [[nodiscard]] Result<void> start(LineWorld & /*world*/, const Choice & /*choice*/,
                                     const CarrierState & /*state*/,
                                     const Keep & /*keep*/) const override {
        return {};
    }
    [[nodiscard]] Result<LineLook> look(LineWorld & /*world*/,
                                        const CarrierState & /*state*/) const override {
        return LineLook{LineProgress::there};
    }
    [[nodiscard]] Result<void> stop(LineWorld & /*world*/,
                                    const CarrierState & /*state*/) const override {
        return {};
    }
};

const LinkDriver k_link;

struct Entry {
    std::string_view name;
    const LineDriver *driver;
};
const std::array k_drivers{
    Entry{"link", &k_link},        Entry{"dhcp", &dhcp_driver()},
    Entry{"ppp", &ppp_driver()},   Entry{"wireguard", &wireguard_driver()},
    Entry{"wwan", &wwan_driver()}, Entry{"command", &command_driver()},
};

} // namespace

const LineDriver *find_driver(std::string_view name) {
    const auto found = std::ranges::find(k_drivers, name, &Entry::name);
    return found == k_drivers.end() ? nullptr : found->driver;
}

} // namespace carrier
