// ModemManager by D-Bus. It is spoken to by its unique name, so that the answer to a path is never
// that of another ModemManager, which gives the same paths anew.
#include "modem/modems.hpp"

#include "base/log.hpp"

#include <map>
#include <poll.h>
#include <sdbus-c++/sdbus-c++.h>

namespace modem {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr const char *k_service = "org.freedesktop.ModemManager1";
constexpr const char *k_root = "/org/freedesktop/ModemManager1";
constexpr const char *k_modem = "org.freedesktop.ModemManager1.Modem";
constexpr const char *k_3gpp = "org.freedesktop.ModemManager1.Modem.Modem3gpp";
constexpr const char *k_bearer = "org.freedesktop.ModemManager1.Bearer";
constexpr const char *k_sim = "org.freedesktop.ModemManager1.Sim";
constexpr const char *k_properties = "org.freedesktop.DBus.Properties";

constexpr auto k_short = 5s;
constexpr auto k_long = 60s; // what ModemManager itself gives a modem for one command, and some
constexpr std::uint32_t k_network_port = 2;
constexpr std::size_t k_most_words = 200; // of somebody else's error

using Properties = std::map<std::string, sdbus::Variant>;
using Interfaces = std::map<std::string, Properties>;
using Objects = std::map<sdbus::ObjectPath, Interfaces>;
using Port = sdbus::Struct<std::string, std::uint32_t>;

/// The property, if it is there and of that type.
template <typename T> T get(const Properties &from, const char *name, T otherwise = {}) {
    const auto found = from.find(name);
    if (found == from.end() || !found->second.containsValueOfType<T>())
        return otherwise;
    return found->second.get<T>();
}

std::vector<std::string> texts(const std::vector<sdbus::ObjectPath> &paths) {
    return {paths.begin(), paths.end()};
}

Modem read_modem(const std::string &path, const Interfaces &interfaces) {
    const Properties &p = interfaces.at(k_modem);
    Modem out{.path = path,
              .identifier = get<std::string>(p, "DeviceIdentifier"),
              .device = get<std::string>(p, "Device"),
              .state = get<std::int32_t>(p, "State"),
              .failed = get<std::uint32_t>(p, "StateFailedReason"),
              .lock = get<std::uint32_t>(p, "UnlockRequired"),
              .pin_attempts = {},
              .sim = get<sdbus::ObjectPath>(p, "Sim"),
              .interfaces = {},
              .bearers = texts(get<std::vector<sdbus::ObjectPath>>(p, "Bearers"))};
    const auto attempts = get<std::map<std::uint32_t, std::uint32_t>>(p, "UnlockRetries");
    if (const auto found = attempts.find(k_pin_lock); found != attempts.end())
        out.pin_attempts = found->second;
    for (const Port &port : get<std::vector<Port>>(p, "Ports"))
        if (port.get<1>() == k_network_port)
            out.interfaces.push_back(port.get<0>());
    if (const auto mobile = interfaces.find(k_3gpp); mobile != interfaces.end())
        out.registration = get<std::uint32_t>(mobile->second, "RegistrationState");
    return out;
}

IpConfig read_ip(const Properties &bearer, const char *name) {
    const auto p = get<Properties>(bearer, name);
    IpConfig out{.method = static_cast<Method>(get<std::uint32_t>(p, "method")),
                 .address = get<std::string>(p, "address"),
                 .length = get<std::uint32_t>(p, "prefix"),
                 .gateway = get<std::string>(p, "gateway"),
                 .mtu = get<std::uint32_t>(p, "mtu")};
    return out;
}

std::uint32_t ip_family(const std::string &type) {
    return type == "ipv4v6" ? 4 : type == "ipv6" ? 2 : 1; // MMBearerIpFamily
}

/// What its error means here.
base::Error error_of(std::string_view what, const sdbus::Error &error) {
    const std::string &name = error.getName();
    const bool unknown = name.ends_with(".UnknownObject") || name.ends_with(".UnknownMethod") ||
                         name.ends_with(".UnknownInterface") || name.ends_with(".NotFound") ||
                         name.ends_with(".ServiceUnknown") || name.ends_with(".NameHasNoOwner") ||
                         name.ends_with(".Disconnected");
    return {unknown ? Errc::no_input : Errc::unavailable,
            fmt::format("{}: {} ({})", what, error.getMessage().substr(0, k_most_words), name)};
}

class ModemManager final : public Modems {
  public:
    ModemManager(std::unique_ptr<sdbus::IConnection> bus, Origin origin)
        : m_bus(std::move(bus)), m_origin(std::move(origin)) {
        const auto wake = [](sdbus::Message &) {}; // it ends wait()
        m_bus->addMatch(fmt::format("type='signal',sender='{}'", m_origin.owner), wake,
                        sdbus::floating_slot);
        m_bus->addMatch(fmt::format("type='signal',sender='org.freedesktop.DBus',"
                                    "member='NameOwnerChanged',arg0='{}'",
                                    m_origin.owner),
                        wake, sdbus::floating_slot);
    }

    [[nodiscard]] Origin origin() const override { return m_origin; }
    [[nodiscard]] Result<std::vector<Modem>> all() override;
    [[nodiscard]] Result<void> send_pin(const std::string &sim, const std::string &pin) override {
        return call("unlock the SIM", sim, k_sim, "SendPin", k_long, pin);
    }
    [[nodiscard]] Result<void> enable(const std::string &modem) override {
        return call("enable the modem", modem, k_modem, "Enable", k_long, true);
    }
    [[nodiscard]] Result<std::string> make_bearer(const std::string &modem,
                                                  const line::ModemOrder &order) override;
    [[nodiscard]] Result<void> connect(const std::string &bearer) override {
        return call("connect", bearer, k_bearer, "Connect", k_long);
    }
    [[nodiscard]] Result<Bearer> look(const std::string &bearer) override;
    [[nodiscard]] Result<void> end(const std::string &modem, const std::string &bearer) override;
    [[nodiscard]] Result<void> wait(base::Millis at_most) override;

  private:
    std::unique_ptr<sdbus::IProxy> proxy(const std::string &path) {
        return sdbus::createProxy(*m_bus, m_origin.owner, path);
    }
    template <typename... Arguments>
    Result<void> call(std::string_view what, const std::string &path, const char *interface,
                      const char *method, base::Seconds limit, const Arguments &...arguments) {
        try {
            const auto to = proxy(path);
            to->callMethod(method).onInterface(interface).withTimeout(limit).withArguments(
                arguments...);
            return {};
        } catch (const sdbus::Error &error) {
            return std::unexpected(error_of(what, error));
        }
    }

    std::unique_ptr<sdbus::IConnection> m_bus;
    Origin m_origin;
};

Result<std::vector<Modem>> ModemManager::all() {
    try {
        Objects objects;
        proxy(k_root)
            ->callMethod("GetManagedObjects")
            .onInterface("org.freedesktop.DBus.ObjectManager")
            .withTimeout(k_short)
            .storeResultsTo(objects);
        std::vector<Modem> out;
        for (const auto &[path, interfaces] : objects)
            if (interfaces.contains(k_modem))
                out.push_back(read_modem(path, interfaces));
        return out;
    } catch (const sdbus::Error &error) {
        return std::unexpected(error_of("ask ModemManager for its modems", error));
    }
}

Result<std::string> ModemManager::make_bearer(const std::string &modem,
                                              const line::ModemOrder &order) {
    Properties with{{"apn", sdbus::Variant{order.apn}},
                    {"ip-type", sdbus::Variant{ip_family(order.ip_type)}}};
    if (!order.user.empty())
        with["user"] = sdbus::Variant{order.user};
    if (!order.password.empty())
        with["password"] = sdbus::Variant{order.password};
    try {
        sdbus::ObjectPath out;
        proxy(modem)
            ->callMethod("CreateBearer")
            .onInterface(k_modem)
            .withTimeout(k_long)
            .withArguments(with)
            .storeResultsTo(out);
        return std::string(out);
    } catch (const sdbus::Error &error) {
        return std::unexpected(error_of("make a bearer", error));
    }
}

Result<Bearer> ModemManager::look(const std::string &bearer) {
    try {
        Properties p;
        proxy(bearer)
            ->callMethod("GetAll")
            .onInterface(k_properties)
            .withTimeout(k_short)
            .withArguments(std::string(k_bearer))
            .storeResultsTo(p);
        return Bearer{.connected = get<bool>(p, "Connected"),
                      .interface = get<std::string>(p, "Interface"),
                      .v4 = read_ip(p, "Ip4Config"),
                      .v6 = read_ip(p, "Ip6Config")};
    } catch (const sdbus::Error &error) {
        return std::unexpected(error_of("look at the bearer", error));
    }
}

Result<void> ModemManager::end(const std::string &modem, const std::string &bearer) {
    const auto cut = call("disconnect", bearer, k_bearer, "Disconnect", k_long);
    // It disconnects, too, and says that there is no such bearer, or modem, where it is gone.
    const auto gone = call("take the bearer away", modem, k_modem, "DeleteBearer", k_long,
                           sdbus::ObjectPath{bearer});
    if (gone || gone.error().code == Errc::no_input)
        return {};
    return cut ? gone : cut;
}

Result<void> ModemManager::wait(base::Millis at_most) {
    try {
        bool came = false; // while something else was asked
        while (m_bus->processPendingRequest())
            came = true;
        const auto with = m_bus->getEventLoopPollData();
        pollfd ready{with.fd, with.events, 0};
        ::poll(&ready, 1, came ? 0 : static_cast<int>(at_most.count()));
        while (m_bus->processPendingRequest()) {
        }
        return {};
    } catch (const sdbus::Error &error) {
        return std::unexpected(error_of("listen to ModemManager", error));
    }
}

} // namespace

Result<std::unique_ptr<Modems>> open_modem_manager() {
    try {
        auto bus = sdbus::createSystemBusConnection();
        Origin origin;
        auto driver = sdbus::createProxy(*bus, "org.freedesktop.DBus", "/org/freedesktop/DBus");
        const auto ask = [&](const char *method, std::string &answer, const auto &...arguments) {
            driver->callMethod(method)
                .onInterface("org.freedesktop.DBus")
                .withTimeout(k_short)
                .withArguments(arguments...)
                .storeResultsTo(answer);
        };
        ask("GetId", origin.bus);
        try {
            ask("GetNameOwner", origin.owner, std::string(k_service));
        } catch (const sdbus::Error &) {
            // The bus starts it where it knows how.
            std::uint32_t started = 0;
            driver->callMethod("StartServiceByName")
                .onInterface("org.freedesktop.DBus")
                .withTimeout(k_long)
                .withArguments(std::string(k_service), std::uint32_t{0})
                .storeResultsTo(started);
            ask("GetNameOwner", origin.owner, std::string(k_service));
        }
        return std::make_unique<ModemManager>(std::move(bus), std::move(origin));
    } catch (const sdbus::Error &error) {
        base::log::debug("{}: {}", error.getName(), error.getMessage());
        return base::fail_hint(Errc::unavailable,
                               "apt install modemmanager; systemctl start ModemManager",
                               "ModemManager is not on the system bus");
    }
}

} // namespace modem
