// relay.toml: what a relay knows of its own machine. See relay.toml(5).
#pragma once

#include "base/time.hpp"
#include "conf/address.hpp"
#include "conf/toml.hpp"
#include "net/networks.hpp"

#include <map>
#include <optional>

namespace relay {

/// `[ingest.CARRIER]`: one SRT listener; its UDP echo is the next port.
struct IngestConfig {
    conf::Address listen;
    base::Millis latency{120}; ///< of SRT; the larger of both sides' counts
};

/// `https` with `tls_certificate` and `tls_key`, all three or none.
struct TlsConfig {
    conf::Address listen;
    std::filesystem::path certificate; ///< PEM files
    std::filesystem::path key;
};

struct RelayConfig {
    std::filesystem::path file;
    std::string id;                             ///< as control.toml names this relay
    std::string control;                        ///< https://host[:port]
    std::string cacert;                         ///< PEM file; empty: the system's authorities
    conf::Address http;                         ///< viewers
    std::optional<TlsConfig> tls;               ///< viewers who come by HTTPS
    std::optional<conf::Address> srt_out;       ///< viewers who fetch by SRT
    std::optional<conf::Address> admin;         ///< metrics, besides loopback
    std::filesystem::path data;                 ///< keys and the feed's state, 0700
    std::filesystem::path spool;                ///< where events are recorded; empty: they are not
    std::string user = "nobody";                ///< the ingest children's, when started as root
    unsigned workers = 0;                       ///< threads that serve viewers; 0: one per core
    std::size_t segments = 8;                   ///< of two seconds or more that a playlist lists
    base::Millis dvr{0};                        ///< that a playlist lists at least
    base::BitRate egress{};                     ///< to viewers, in all; 0: no limit is known
    std::int64_t memory = 0;                    ///< bytes of media in all; 0: see memory_budget()
    std::size_t connections = 4096;             ///< of viewers, at most, in all
    std::size_t connections_per_address = 1024; ///< the same of one; 0: any number
    std::vector<net::Network> proxies;          ///< caches, which stand for many viewers
    std::map<std::string, IngestConfig> ingest; ///< by carrier; at least one
};

/// Reads relay.toml (see conf::config_file for @p flag). `SLOTCAST_CONTROL`, `SLOTCAST_CACERT`
/// and `SLOTCAST_SPOOL` override the file.
[[nodiscard]] base::Result<RelayConfig> load_config(const std::string &flag);

/// The same from text, for tests.
[[nodiscard]] base::Result<RelayConfig> read_config(const conf::Table &top);

/// relay.toml as load_config would read it back.
[[nodiscard]] std::string print_config(const RelayConfig &config);

} // namespace relay
