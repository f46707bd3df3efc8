// A machine's modems, as far as a carrier of type wwan needs them. The real ones are
// ModemManager's, by D-Bus: https://www.freedesktop.org/software/ModemManager/api/latest/ has the
// names and numbers.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "line/modem_order.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modem {

/// MMModemState, as far as it matters here; they rise.
enum class State : std::int32_t {
    failed = -1,
    initializing = 1,
    locked = 2,
    disabled = 3,
    enabled = 6,
    searching = 7,
    registered = 8,
    connected = 11,
};
/// MMModemLock: 2 is the SIM's PIN, 4 its PUK; PIN2 and PUK2 (3, 5) keep nobody from connecting.
inline constexpr std::uint32_t k_no_lock = 1, k_pin_lock = 2, k_pin2_lock = 3, k_puk2_lock = 5;
/// MMModem3gppRegistrationState.
inline constexpr std::uint32_t k_denied = 3;
/// MMModemStateFailedReason.
inline constexpr std::uint32_t k_sim_missing = 2;

struct Modem {
    std::string path;                          ///< of its object
    std::string identifier;                    ///< DeviceIdentifier: the same at every start
    std::string device;                        ///< where it is in sysfs
    std::int32_t state = 0;                    ///< see State
    std::uint32_t failed = 0;                  ///< why, where state is failed
    std::uint32_t lock = 0;                    ///< what it asks for
    std::optional<std::uint32_t> pin_attempts; ///< left; nothing: it does not say
    std::string sim;                           ///< path, or / without one
    std::vector<std::string> interfaces;       ///< network interfaces it could use
    std::vector<std::string> bearers;          ///< paths
    std::uint32_t registration = 0;

    [[nodiscard]] bool is(State which) const { return state == static_cast<std::int32_t>(which); }
    [[nodiscard]] bool at_least(State which) const {
        return state >= static_cast<std::int32_t>(which);
    }
};

/// MMBearerIpMethod.
enum class Method : std::uint32_t { none = 0, ppp = 1, fixed = 2, dhcp = 3 };
struct IpConfig {
    Method method = Method::none;
    std::string address; ///< as the modem says it: not judged yet
    std::uint32_t length = 0;
    std::string gateway; ///< or empty
    std::uint32_t mtu = 0;
};
struct Bearer {
    bool connected = false;
    std::string interface;
    IpConfig v4;
    IpConfig v6;
};

/// Who gave a bearer its path: after a restart of the bus or of ModemManager the same path is
/// another one's.
struct Origin {
    std::string bus;   ///< the bus' own id
    std::string owner; ///< ModemManager's unique name on it
    bool operator==(const Origin &) const = default;
};

/// Not thread-safe. Each call has its time; unavailable is whatever the other side does not do, its
/// words in the message; no_input: it does not know the object (any more).
class Modems {
  public:
    Modems() = default;
    Modems(const Modems &) = delete;
    Modems &operator=(const Modems &) = delete;
    virtual ~Modems() = default;

    [[nodiscard]] virtual Origin origin() const = 0;
    [[nodiscard]] virtual base::Result<std::vector<Modem>> all() = 0;
    [[nodiscard]] virtual base::Result<void> send_pin(const std::string &sim,
                                                      const std::string &pin) = 0;
    [[nodiscard]] virtual base::Result<void> enable(const std::string &modem) = 0;
    /// For access point, user and IP type of @p order: the path of a bearer that is not connected
    /// yet.
    [[nodiscard]] virtual base::Result<std::string> make_bearer(const std::string &modem,
                                                                const line::ModemOrder &order) = 0;
    [[nodiscard]] virtual base::Result<void> connect(const std::string &bearer) = 0;
    [[nodiscard]] virtual base::Result<Bearer> look(const std::string &bearer) = 0;
    /// Disconnects the bearer and takes it away; one that is gone is success.
    [[nodiscard]] virtual base::Result<void> end(const std::string &modem,
                                                 const std::string &bearer) = 0;
    /// Until something may have changed, or for so long.
    [[nodiscard]] virtual base::Result<void> wait(base::Millis at_most) = 0;
};

/// The modem at @p path as it is now. unavailable: it is gone.
[[nodiscard]] base::Result<Modem> look_again(Modems &modems, const std::string &path);

/// ModemManager's, on the system bus. unavailable: there is no bus, or no ModemManager on it.
[[nodiscard]] base::Result<std::unique_ptr<Modems>> open_modem_manager();

} // namespace modem
