// make-settings: stands in for control where a test needs settings that no control would make:
// wrong signer, wrong recipient, past, future, any serial. Its key is made from its name.
#include "base/clock.hpp"
#include "base/file.hpp"
#include "cli/time_arg.hpp"
#include "cli/tool.hpp"
#include "seal/ticket.hpp"
#include "wire/settings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace {

using base::Result;
using cli::option_value;

struct Options {
    std::string control = "control";
    bool key = false;
    bool open = false;
    std::string terminal = "-";
    std::string id;
    std::string in = "1h";
    std::string start;
    std::string duration = "1h";
    std::string lead_in = "10s";
    std::string drain = "10s";
    std::int64_t serial = 1;
    std::string not_after;
    std::string title = "Town hall";
    std::string host = "203.0.113.10";
    std::vector<std::string> carriers{"line-a", "line-b"};
    std::vector<std::string> connections;
    bool no_probe = false;
};

Result<seal::SigningKey> control_key(const std::string &name) {
    std::array<std::uint8_t, 32> seed{};
    std::copy_n(name.begin(), std::min(name.size(), seed.size()), seed.begin());
    return seal::SigningKey::from_seed(seed);
}

Result<base::Seconds> seconds(std::string_view option, const std::string &text) {
    if (text == "0s")
        return base::Seconds{0};
    return std::chrono::floor<base::Seconds>(TRY(option_value(option, base::parse_duration(text))));
}

Result<base::Id> new_id(base::UtcTime now) {
    std::array<std::uint8_t, 10> random{};
    std::ranges::copy(seal::random_bytes(random.size()), random.begin());
    return base::Id::make(now, random);
}

struct Terminal {
    seal::PublicKey sign;
    seal::PublicKey box;
};

// The terminal record that `resv-store id` prints.
Result<Terminal> read_terminal(const std::string &file) {
    const std::string text = TRY(file == "-" ? base::read_all(STDIN_FILENO, "standard input", 65536)
                                             : base::read_file(file, 65536));
    const auto json = TRY(wire::parse_json(text, "terminal"));
    auto in = TRY(wire::ObjectReader::of(json, "terminal"));
    return Terminal{TRY(seal::public_key_from_text(TRY(in.string("sign_key")))),
                    TRY(seal::public_key_from_text(TRY(in.string("box_key"))))};
}

// "ppp={…}": a type, and its object as the document has it.
Result<wire::Connection> read_connection(const std::string &text) {
    const auto type = TRY(wire::parse_carrier_type(text.substr(0, text.find('='))));
    const auto json = TRY(wire::parse_json(text.substr(text.find('=') + 1), "--connection"));
    return wire::read_connection(type, TRY(wire::ObjectReader::of(json, "--connection")));
}

Result<wire::Settings> settings_of(const Options &o, const seal::SigningKey &control,
                                   const Terminal &terminal, base::UtcTime now) {
    wire::Settings s;
    s.reservation = o.id.empty() ? TRY(new_id(now)) : TRY(base::Id::parse(o.id));
    s.doc_id = TRY(new_id(now)).text();
    s.serial = o.serial;
    s.issuer = control.id();
    s.recipient = seal::key_id(terminal.sign);
    s.issued_at = now;
    s.window.start =
        o.start.empty() ? now + TRY(seconds("--in", o.in)) : TRY(base::parse_rfc3339(o.start));
    s.window.end = s.window.start + TRY(seconds("--duration", o.duration));
    s.window.lead_in = TRY(seconds("--lead-in", o.lead_in));
    s.window.drain = TRY(seconds("--drain", o.drain));
    s.not_after = o.not_after.empty() ? s.window.closes() + std::chrono::hours{24}
                                      : TRY(base::parse_rfc3339(o.not_after));
    s.request = {.start = s.window.start,
                 .end = s.window.end,
                 .rate = {6'000'000},
                 .title = o.title,
                 .viewers = {},
                 .channel = {},
                 .carriers = o.carriers,
                 .disclosure = resv::Disclosure::public_,
                 .password_hash = {},
                 .notify = {},
                 .hold = false};
    const std::string probe_key = seal::to_base64url(seal::random_bytes(32));
    for (const std::string &name : o.carriers) {
        const auto nth = static_cast<std::int64_t>(s.carriers.size());
        const auto port = static_cast<std::uint16_t>(9000 + 10 * nth);
        s.carriers.push_back(
            {.name = name,
             .preference = nth,
             .line_bps = 7'600'000,
             .ingest = {{"r1", {o.host, port}}},
             .probe = wire::Probe{{o.host, static_cast<std::uint16_t>(port + 1)}, probe_key},
             .connection = nth < std::ssize(o.connections)
                               ? TRY(read_connection(o.connections[static_cast<std::size_t>(nth)]))
                               : wire::Connection{}});
    }
    if (o.no_probe)
        for (wire::CarrierInfo &carrier : s.carriers)
            carrier.probe.reset();
    seal::Ticket ticket;
    ticket.reservation = s.reservation;
    ticket.channel = seal::short_hash("studio1");
    ticket.not_before = s.window.opens();
    ticket.expiry = s.window.closes();
    ticket.max_kbps = 6600;
    ticket.audience = seal::short_hash("r1");
    std::ranges::copy(seal::random_bytes(16), ticket.ticket_id.begin());
    s.relays = {{.id = "r1",
                 .at = s.carriers.front().ingest.front().at,
                 .latency_ms = 120,
                 .passphrase = seal::srt_passphrase(seal::random_bytes(32), ticket.ticket_id),
                 .pbkeylen = 16}};
    s.stream = {.channel = "studio1",
                .ticket = seal::issue_ticket(ticket, control),
                .preflight_ticket = {},
                .codecs = {"h264", "aac"},
                .max_rate = {6'600'000},
                .max_gop_s = 4};
    s.viewer_url = "http://198.51.100.1:8080/w/" + s.reservation.text() + "/";
    return s;
}

Result<int> make(const Options &o) {
    const auto control = TRY(control_key(o.control));
    if (o.key) {
        cli::print_line(seal::public_key_text(control.public_key()));
        return 0;
    }
    const Terminal terminal = TRY(read_terminal(o.terminal));
    const auto settings = TRY(settings_of(o, control, terminal, base::SystemClock{}.now()));
    cli::print_record(o.open ? wire::to_json(settings)
                             : wire::to_json(wire::seal_settings(settings, control, terminal.box)));
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"make-settings", "Make a settings record for a test"},
                         [&](CLI::App &app, cli::Action &action) {
                             app.add_option("--control", o.control, "Who signs");
                             app.add_flag("--key", o.key, "Print that control's public key");
                             app.add_flag("--open", o.open, "Print the document, not sealed");
                             app.add_option("--terminal", o.terminal, "Its record; - is stdin");
                             app.add_option("--id", o.id, "Reservation");
                             app.add_option("--in", o.in, "Start this long from now");
                             app.add_option("--start", o.start, "Start, RFC 3339");
                             app.add_option("--duration", o.duration, "Length");
                             app.add_option("--lead-in", o.lead_in, "Lead in");
                             app.add_option("--drain", o.drain, "Drain");
                             app.add_option("--serial", o.serial, "Serial");
                             app.add_option("--not-after", o.not_after, "Expiry, RFC 3339");
                             app.add_option("--title", o.title, "Title");
                             app.add_option("--host", o.host, "The relay's ingest address");
                             app.add_option("--carrier", o.carriers, "Carriers, in order");
                             app.add_option("--connection", o.connections,
                                            "TYPE={…}, of each carrier in order; default: links");
                             app.add_flag("--no-probe", o.no_probe, "A relay without an echo");
                             app.callback([&] { action = [&] { return make(o); }; });
                         });
}
