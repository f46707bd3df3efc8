// Lines that are not simply there: what connects one, by the carrier's type, before routes lead
// into it, and what disconnects it with its last user. Connector calls them under the state
// folder's lock, with rules and guard for the line's interface closed already: its name is
// configured, so that it is known before there is one.
//
// A new type has a driver of its own, an entry in find_driver(), and, where terminal.toml must say
// something of it, a line in local_flaw(). Addresses are the driver's to put, or its program's,
// without routes of other tables; Connector reads them from the interface. What a driver makes it
// first writes down (Keep), so that a crash at any moment leaves nothing that a later up or down
// does not find.
#pragma once

#include "carrier/settings.hpp"
#include "carrier/state.hpp"

#include <functional>

namespace carrier {

/// How a line is.
enum class LineProgress {
    absent, ///< not connected, and nobody is at it
    coming, ///< being connected
    there,  ///< connected; its interface has what the access side gave it
};
struct LineLook {
    LineProgress progress = LineProgress::absent;
    std::string why = {};  ///< absent: what its programs said of it, or empty
    std::string hint = {}; ///< absent: what to do about that, or empty
};

/// What an access side gives beside addresses, where neither settings nor terminal.toml say it.
struct Gateways {
    std::optional<route::Address> v4;
    std::optional<route::Address> v6;
};

/// One thing that a driver does, for --dry-run: no secrets.
struct LineStep {
    std::string action;  ///< `connect line`, `disconnect line`
    std::string command; ///< as somebody would do it by hand
    bool operator==(const LineStep &) const = default;
};

/// Where drivers work.
struct LineWorld {
    route::Kernel &kernel;
    std::filesystem::path
        folder; ///< of the state: files of a driver's own, mode 0600, named by carrier
};

/// Writes down what the driver has, durably. What would outlive a crash begins only after that.
using Keep = std::function<base::Result<void>(const Owned &)>;

/// Knows nothing of any one line; thread-compatible.
class LineDriver {
  public:
    LineDriver() = default;
    LineDriver(const LineDriver &) = delete;
    LineDriver &operator=(const LineDriver &) = delete;
    virtual ~LineDriver() = default;

    /// True when there is nothing to connect: start() and stop() are not called.
    [[nodiscard]] virtual bool is_there_already() const { return false; }
    /// True when start() is of no use before the interface is up with a cable in.
    [[nodiscard]] virtual bool needs_link() const { return false; }
    /// How long `up` waits for it.
    [[nodiscard]] virtual base::Millis patience() const { return base::Millis{20'000}; }

    /// What start() will do.
    [[nodiscard]] virtual std::vector<LineStep> plan_start(const Choice &choice) const = 0;
    /// What stop() will do.
    [[nodiscard]] virtual std::vector<LineStep> plan_stop(const CarrierState &state) const = 0;

    /// Begins to connect the line of @p choice, without waiting for it. @p state is that of a
    /// carrier whose line is absent; what an earlier one left is ended here.
    [[nodiscard]] virtual base::Result<void> start(LineWorld &world, const Choice &choice,
                                                   const CarrierState &state,
                                                   const Keep &keep) const = 0;
    /// How it is now; waits for nothing.
    [[nodiscard]] virtual base::Result<LineLook> look(LineWorld &world,
                                                      const CarrierState &state) const = 0;
    /// What the access side gave last, as far as it is known.
    [[nodiscard]] virtual base::Result<Gateways> gateways(const std::filesystem::path & /*folder*/,
                                                          const CarrierState & /*state*/) const {
        return Gateways{};
    }
    /// Ends it and all that it owns, and waits for that; from what is written down alone. What is
    /// gone already is success.
    [[nodiscard]] virtual base::Result<void> stop(LineWorld &world,
                                                  const CarrierState &state) const = 0;
};

/// By the name that choose() and the state files give it; null when there is none.
[[nodiscard]] const LineDriver *find_driver(std::string_view name);

} // namespace carrier
