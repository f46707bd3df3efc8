#include "relay/config.hpp"

#include "conf/paths.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace relay {

using base::Result;
using conf::Table;

namespace {

using namespace std::chrono_literals;

constexpr base::Millis k_longest_dvr = 6h;
constexpr std::int64_t k_least_memory = 64'000'000;

Result<conf::Address> read_address(const Table &table, std::string_view key) {
    const auto address = conf::parse_address(TRY(table.string(key)));
    if (!address)
        return std::unexpected(
            table.error_at(key, address.error().message, "write it as \"198.51.100.1:8080\""));
    return *address;
}

Result<IngestConfig> read_ingest(const Table &table) {
    IngestConfig out;
    out.listen = TRY(read_address(table, "listen"));
    out.latency = TRY(table.duration_or("latency", 120ms));
    if (out.latency < 20ms || out.latency > 10s)
        return std::unexpected(table.error_at("latency", "not in 20ms to 10s"));
    if (out.listen.port == 65535)
        return std::unexpected(table.error_at("listen", "the echo needs the next port"));
    TRY(table.finish());
    return out;
}

Result<std::optional<TlsConfig>> read_tls(const Table &top) {
    if (!top.has("https")) {
        for (const std::string_view key : {"tls_certificate", "tls_key"})
            if (top.has(key))
                return std::unexpected(top.error_at(key, "there is no https that it is for",
                                                    "add https = \"198.51.100.1:443\""));
        return std::nullopt;
    }
    TlsConfig out;
    out.listen = TRY(read_address(top, "https"));
    out.certificate = TRY(top.string("tls_certificate"));
    out.key = TRY(top.string("tls_key"));
    return out;
}

Result<std::int64_t> read_memory(const Table &top) {
    if (!top.has("memory"))
        return 0;
    const auto bytes = base::parse_bytes(TRY(top.string("memory")));
    if (!bytes || *bytes < k_least_memory)
        return std::unexpected(
            top.error_at("memory", "not an amount of memory from 64M to 1T", "write it as \"4G\""));
    return *bytes;
}

// Viewers and media must not meet on one socket, nor one carrier's packets at another's listener.
Result<void> check_addresses(const RelayConfig &config, const Table &top) {
    std::set<std::string> seen{config.http.text()};
    if (config.tls && !seen.insert(config.tls->listen.text()).second)
        return std::unexpected(top.error_at("https", "is the http address too"));
    if (config.admin && !seen.insert(config.admin->text()).second)
        return std::unexpected(top.error_at("admin", "is an address for viewers too"));
    // SRT and the echo are UDP: it may have the number of a TCP port.
    for (const auto &[name, ingest] : config.ingest) {
        conf::Address echo = ingest.listen;
        echo.port = static_cast<std::uint16_t>(echo.port + 1);
        if (config.srt_out && (*config.srt_out == ingest.listen || *config.srt_out == echo))
            return std::unexpected(
                top.error_at("srt_out", fmt::format("is an address of [ingest.{}] too", name)));
        if (!seen.insert(ingest.listen.text()).second)
            return std::unexpected(top.error_at(
                "ingest", fmt::format("[ingest.{}] listens on an address that is taken: {}", name,
                                      ingest.listen.text())));
        const bool among_viewers = ingest.listen.host == config.http.host ||
                                   (config.tls && ingest.listen.host == config.tls->listen.host) ||
                                   (config.srt_out && ingest.listen.host == config.srt_out->host);
        if (among_viewers && !ingest.listen.host.starts_with("127."))
            return std::unexpected(top.error_at(
                "ingest", fmt::format("[ingest.{}] listens on the viewers' address", name),
                "give the carriers' side an address of its own, which is reached "
                "through carriers only"));
    }
    return {};
}

} // namespace

Result<RelayConfig> read_config(const Table &top) {
    RelayConfig c;
    c.id = TRY(top.string("id"));
    if (!wire::is_plain_name(c.id))
        return std::unexpected(top.error_at("id", "not a plain name (letters, digits, - and _)"));
    c.control = TRY(top.string("control"));
    if (!c.control.starts_with("https://"))
        return std::unexpected(top.error_at("control", "not an https:// address"));
    c.cacert = TRY(top.string_or("cacert", ""));
    c.http = TRY(read_address(top, "http"));
    c.tls = TRY(read_tls(top));
    if (top.has("srt_out"))
        c.srt_out = TRY(read_address(top, "srt_out"));
    if (top.has("admin"))
        c.admin = TRY(read_address(top, "admin"));
    c.data = TRY(top.string_or("data", (conf::data_folder() / "relay").native()));
    c.spool = TRY(top.string_or("spool", ""));
    c.user = TRY(top.string_or("user", c.user));
    c.workers = static_cast<unsigned>(TRY(top.integer_or("workers", 0, 0, 256)));
    c.segments = static_cast<std::size_t>(TRY(top.integer_or("segments", 8, 3, 60)));
    c.dvr = TRY(top.duration_or("dvr", 0ms));
    if (c.dvr > k_longest_dvr)
        return std::unexpected(top.error_at("dvr", "not in 0s to 6h"));
    if (top.has("egress"))
        c.egress = TRY(top.rate("egress"));
    c.memory = TRY(read_memory(top));
    c.connections =
        static_cast<std::size_t>(TRY(top.integer_or("connections", 4096, 1, 1'000'000)));
    // One address must not take them all; a school behind one must not be locked out.
    c.connections_per_address = static_cast<std::size_t>(TRY(top.integer_or(
        "connections_per_address",
        std::max<std::int64_t>(1, static_cast<std::int64_t>(c.connections) / 4), 0, 1'000'000)));
    for (const std::string &text : TRY(top.strings_or_empty("proxies"))) {
        const auto network = net::Network::parse(text);
        if (!network)
            return std::unexpected(top.error_at("proxies", network.error().message,
                                                "write addresses or networks, as \"10.1.0.0/16\""));
        c.proxies.push_back(*network);
    }
    for (const auto &[name, table] : TRY(top.tables("ingest"))) {
        if (!wire::is_plain_name(name))
            return std::unexpected(
                top.error_at("ingest", fmt::format("'{}' is not a plain name", name)));
        c.ingest[name] = TRY(read_ingest(table));
    }
    if (c.ingest.empty())
        return std::unexpected(top.error_at("ingest", "there is no [ingest.CARRIER]",
                                            "name the address of each carrier"));
    TRY(check_addresses(c, top));
    TRY(top.finish());
    return c;
}

Result<RelayConfig> load_config(const std::string &flag) {
    const auto path = conf::config_file(flag, "relay.toml");
    RelayConfig config = TRY(read_config(TRY(Table::load(path))));
    config.file = path;
    config.control = conf::environment("SLOTCAST_CONTROL").value_or(config.control);
    config.cacert = conf::environment("SLOTCAST_CACERT").value_or(config.cacert);
    config.spool = conf::environment("SLOTCAST_SPOOL").value_or(config.spool.native());
    return config;
}

std::string print_config(const RelayConfig &c) {
    std::string out;
    const auto line = [&out](std::string_view key, std::string_view value) {
        if (!value.empty())
            out += fmt::format("{} = \"{}\"\n", key, value);
    };
    line("id", c.id);
    line("control", c.control);
    line("cacert", c.cacert);
    line("http", c.http.text());
    if (c.tls) {
        line("https", c.tls->listen.text());
        line("tls_certificate", c.tls->certificate.native());
        line("tls_key", c.tls->key.native());
    }
    if (c.srt_out)
        line("srt_out", c.srt_out->text());
    if (c.admin)
        line("admin", c.admin->text());
    line("data", c.data.native());
    line("spool", c.spool.native());
    line("user", c.user);
    out += fmt::format("workers = {}\nsegments = {}\nconnections = {}\n", c.workers, c.segments,
                       c.connections);
    out += fmt::format("connections_per_address = {}\n", c.connections_per_address);
    if (c.dvr > 0ms)
        line("dvr", base::format_duration(c.dvr));
    if (!c.proxies.empty()) {
        std::vector<std::string> texts;
        texts.reserve(c.proxies.size());
        for (const net::Network &network : c.proxies)
            texts.push_back(fmt::format("\"{}\"", network.text()));
        out += fmt::format("proxies = [{}]\n", fmt::join(texts, ", "));
    }
    if (c.egress.bps > 0)
        line("egress", base::format_rate(c.egress));
    if (c.memory > 0)
        line("memory", std::to_string(c.memory));
    for (const auto &[name, ingest] : c.ingest) {
        out += fmt::format("\n[ingest.{}]\n", name);
        line("listen", ingest.listen.text());
        line("latency", base::format_duration(ingest.latency));
    }
    return out;
}

} // namespace relay
