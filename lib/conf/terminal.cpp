#include "conf/terminal.hpp"

#include "conf/address.hpp"
#include "conf/paths.hpp"
#include "conf/toml_text.hpp"

#include <algorithm>

namespace conf {

using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr std::size_t k_max_interface = 15; // IFNAMSIZ - 1

// What the kernel allows in an interface's name, less what could be taken for an option.
bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() <= k_max_interface && text.front() != '-' && text != "." &&
           text != ".." && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == '@';
           });
}

Result<std::string> interface_name(const Table &table, std::string_view key, bool required) {
    std::string name = TRY(required ? table.string(key) : table.string_or(key, ""));
    if (name.empty() && !required)
        return name;
    if (!is_interface_name(name))
        return std::unexpected(
            table.error_at(key, fmt::format("'{}' is not an interface name", name.substr(0, 40)),
                           "write it as ip link shows it, such as eth1 or ppp0"));
    return name;
}

// An IP literal of one family in its canonical spelling, or nothing.
Result<std::string> gateway(const Table &table, std::string_view key, bool v6) {
    std::string text = TRY(table.string_or(key, ""));
    if (text.empty())
        return text;
    const auto ip = canonical_ip(text);
    if (!ip || (ip->find(':') != std::string::npos) != v6)
        return std::unexpected(
            table.error_at(key, fmt::format("'{}' is not an {} address", text.substr(0, 64),
                                            v6 ? "IPv6" : "IPv4")));
    return *ip;
}

// As wire::is_plain_name, which control holds carriers' names to.
bool is_carrier_name(std::string_view text) {
    return !text.empty() && text.size() <= 32 && text.front() != '-' && text.front() != '_' &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
           });
}

bool is_word(std::string_view text, std::size_t max, std::string_view allowed) {
    return !text.empty() && text.size() <= max && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               allowed.find(c) != std::string_view::npos;
    });
}

// What pppd is told to use: never an option of its, nor a file elsewhere.
bool is_device(std::string_view text) {
    if (!text.starts_with("/dev/"))
        return is_interface_name(text);
    return is_word(text, 128, "/._:-") && text.find("..") == std::string_view::npos;
}

// A program and its arguments, each as it is: no shell reads them.
Result<std::vector<std::string>> command(const Table &table, std::string_view key) {
    auto words = TRY(table.strings_or_empty(key));
    if (words.empty())
        return words;
    if (!words.front().starts_with('/'))
        return std::unexpected(table.error_at(key, "does not begin with an absolute path",
                                              "write it as [\"/usr/local/sbin/line-up\", \"1\"]"));
    for (const std::string &word : words)
        if (std::ranges::any_of(word, [](char c) { return c >= 0 && c < ' '; }))
            return std::unexpected(table.error_at(key, "holds a control character"));
    return words;
}

Result<TerminalCarrier> read_carrier(const Table &table) {
    TerminalCarrier carrier;
    carrier.modem = TRY(table.string_or("modem", ""));
    if (!carrier.modem.empty() && !is_word(carrier.modem, 128, "/._:-"))
        return std::unexpected(
            table.error_at("modem", "is not a modem's identifier", "mmcli -m any shows it"));
    carrier.interface = TRY(interface_name(table, "interface", true));
    carrier.gateway4 = TRY(gateway(table, "gateway4", false));
    carrier.gateway6 = TRY(gateway(table, "gateway6", true));
    carrier.dhcp = TRY(table.boolean_or("dhcp", false));
    carrier.device = TRY(table.string_or("device", ""));
    if (!carrier.device.empty() && !is_device(carrier.device))
        return std::unexpected(
            table.error_at("device", "is neither an interface nor a device in /dev"));
    if (carrier.device == carrier.interface && !carrier.device.empty())
        return std::unexpected(table.error_at("device", "is the carrier's own interface",
                                              "name the interface differently, such as ppp-a"));
    carrier.up = TRY(command(table, "up"));
    carrier.down = TRY(command(table, "down"));
    if (carrier.up.empty() && !carrier.down.empty())
        return std::unexpected(table.error_at("down", "stands without up"));
    TRY(table.finish());
    return carrier;
}

void apply_environment(TerminalConfig &config) {
    config.control = environment("SLOTCAST_CONTROL").value_or(config.control);
    config.cacert = environment("SLOTCAST_CACERT").value_or(config.cacert);
    config.preset = environment("SLOTCAST_PRESET").value_or(config.preset);
    config.vault = environment("SLOTCAST_VAULT").value_or(config.vault);
    config.state = environment("SLOTCAST_STATE").value_or(config.state);
}

void apply_flags(TerminalConfig &config, const TerminalFlags &flags) {
    const auto apply = [](const std::string &flag, auto &value) {
        if (!flag.empty())
            value = flag;
    };
    apply(flags.control, config.control);
    apply(flags.cacert, config.cacert);
    apply(flags.interface, config.reservation_interface);
    apply(flags.vault, config.vault);
    apply(flags.state, config.state);
}

} // namespace

Result<TerminalConfig> read_terminal(const Table &top) {
    TerminalConfig config;
    config.control = TRY(top.string_or("control", ""));
    if (!config.control.empty() && !config.control.starts_with("https://"))
        return std::unexpected(top.error_at("control", "not an https:// address"));
    config.cacert = TRY(top.string_or("cacert", ""));
    config.reservation_interface = TRY(interface_name(top, "reservation_interface", false));
    config.preset = TRY(top.string_or("preset", ""));
    config.media_uid =
        static_cast<std::uint32_t>(TRY(top.integer_or("media_uid", 0, 1, 0xfffffffeLL)));
    config.vault = TRY(top.string_or("vault", (data_folder() / "vault").native()));
    config.state = TRY(top.string_or("state", state_folder().native()));
    for (const auto &[name, table] : TRY(top.tables("carriers"))) {
        if (!is_carrier_name(name))
            return std::unexpected(top.error_at(
                "carriers", fmt::format("'{}' is not a carrier's name", name.substr(0, 40)),
                "use 1 to 32 of a-z A-Z 0-9 - _, a letter or digit first"));
        const TerminalCarrier &carrier = config.carriers[name] = TRY(read_carrier(table));
        for (const auto &[key, interface] :
             {std::pair{"interface", &carrier.interface}, std::pair{"device", &carrier.device}})
            if (!interface->empty() && *interface == config.reservation_interface)
                return std::unexpected(table.error_at(key, "is the reservation interface too",
                                                      "media and reservations need two networks"));
    }
    if (!config.preset.empty() && !config.carriers.contains(config.preset))
        return std::unexpected(
            top.error_at("preset", fmt::format("there is no [carriers.{}]", config.preset)));
    TRY(top.finish());
    return config;
}

Result<TerminalConfig> load_terminal(const TerminalFlags &flags) {
    const auto path = config_file(flags.config, "terminal.toml");
    std::error_code ignored;
    const bool named = !flags.config.empty() || environment("SLOTCAST_CONFIG");
    const Table top =
        !named && !std::filesystem::exists(path, ignored) ? Table::empty() : TRY(Table::load(path));
    TerminalConfig config = TRY(read_terminal(top));
    config.file = path;
    apply_environment(config);
    apply_flags(config, flags);
    return config;
}

std::string print_terminal(const TerminalConfig &c) {
    std::string out;
    const auto line = [&out](std::string_view key, std::string_view value) {
        if (!value.empty())
            out += fmt::format("{} = {}\n", key, toml_text(value));
    };
    line("control", c.control);
    line("cacert", c.cacert);
    line("reservation_interface", c.reservation_interface);
    line("preset", c.preset);
    if (c.media_uid != 0)
        out += fmt::format("media_uid = {}\n", c.media_uid);
    line("vault", c.vault.native());
    line("state", c.state.native());
    for (const auto &[name, carrier] : c.carriers) {
        out += fmt::format("\n[carriers.{}]\n", name);
        line("interface", carrier.interface);
        line("gateway4", carrier.gateway4);
        line("gateway6", carrier.gateway6);
        if (carrier.dhcp)
            out += "dhcp = true\n";
        line("device", carrier.device);
        line("modem", carrier.modem);
        for (const auto &[key, words] :
             {std::pair{"up", &carrier.up}, std::pair{"down", &carrier.down}})
            if (!words->empty())
                out += fmt::format("{} = {}\n", key, toml_text(*words));
    }
    return out;
}

} // namespace conf
