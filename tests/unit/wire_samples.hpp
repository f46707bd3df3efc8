// Documents as control would make them, for the tests of wire, vault and others.
#pragma once

#include "seal/ticket.hpp"
#include "wire/settings.hpp"

#include <algorithm>

namespace samples {

inline base::Id some_id(std::uint8_t nth = 1) {
    return base::Id::make(base::from_unix_ms(1'795'000'000'000), {nth});
}

inline wire::ReservationRequest some_request() {
    return {.start = base::from_unix_ms(1'795'370'400'000), // 2026-11-22T18:00:00Z
            .end = base::from_unix_ms(1'795'377'600'000),
            .rate = {6'000'000},
            .title = "Town hall \xe2\x80\x93 \"Q&A\"",
            .viewers = 200,
            .channel = "studio1",
            .carriers = {"line-a", "line-b"},
            .disclosure = resv::Disclosure::unlisted,
            .password_hash = {},
            .notify = {"mailto:ops@example.org"},
            .hold = false};
}

/// Settings for the terminal with @p recipient; tickets are not real ones.
inline wire::Settings some_settings(const seal::KeyId &issuer, const seal::KeyId &recipient) {
    wire::Settings s;
    s.reservation = some_id();
    s.doc_id = some_id(2).text();
    s.serial = 3;
    s.issuer = issuer;
    s.recipient = recipient;
    s.request = some_request();
    s.window = {.start = s.request.start,
                .end = s.request.end,
                .lead_in = base::Seconds{10},
                .drain = base::Seconds{20}};
    s.issued_at = s.window.start - std::chrono::hours{48};
    s.not_after = s.window.closes() + std::chrono::hours{24};
    s.carriers = {{.name = "line-a",
                   .preference = 0,
                   .line_bps = 7'600'000,
                   .ingest = {{"r1", {"203.0.113.10", 9000}}, {"r2", {"203.0.113.20", 9000}}},
                   .probe = wire::Probe{{"203.0.113.10", 9001}, std::string(43, 'p')},
                   .connection = wire::LinkInfo{.gateway4 = "10.2.0.1", .gateway6 = {}}},
                  {.name = "line-b",
                   .preference = 1,
                   .line_bps = 7'600'000,
                   .ingest = {{"r2", {"2001:db8::20", 9010}}},
                   .probe = {},
                   .connection = wire::LinkInfo{.gateway4 = {}, .gateway6 = "fe80::1"}}};
    s.relays = {{.id = "r1",
                 .at = {"203.0.113.10", 9000},
                 .latency_ms = 120,
                 .passphrase = std::string(32, 'x'),
                 .pbkeylen = 16},
                {.id = "r2",
                 .at = {"203.0.113.20", 9000},
                 .latency_ms = 200,
                 .passphrase = std::string(32, 'y'),
                 .pbkeylen = 32}};
    s.stream = {.channel = "studio1",
                .ticket = std::string(seal::k_ticket_text, 't'),
                .preflight_ticket = std::string(seal::k_ticket_text, 'q'),
                .codecs = {"h264", "aac"},
                .max_rate = {6'600'000},
                .max_gop_s = 4};
    s.viewer_url = "http://198.51.100.1:8080/w/0123456789abcdef/";
    s.disclosure = resv::Disclosure::unlisted;
    s.reconnect_window_s = 30;
    return s;
}

} // namespace samples
