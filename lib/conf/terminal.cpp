#include "conf/terminal.hpp"

#include "conf/address.hpp"
#include "conf/paths.hpp"

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

// A TOML basic string.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

Result<TerminalCarrier> read_carrier(const Table &table) {
    TerminalCarrier carrier;
    carrier.interface = TRY(interface_name(table, "interface", true));
    carrier.gateway4 = TRY(gateway(table, "gateway4", false));
    carrier.gateway6 = TRY(gateway(table, "gateway6", true));
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
        config.carriers[name] = TRY(read_carrier(table));
        if (config.carriers[name].interface == config.reservation_interface)
            return std::unexpected(table.error_at("interface", "is the reservation interface too",
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
            out += fmt::format("{} = {}\n", key, quoted(value));
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
    }
    return out;
}

} // namespace conf
