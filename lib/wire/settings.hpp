// The settings document ("reservation setting information"): signed by control over its RFC 8785
// form, sealed to the terminal, opened in memory at use. See slotcast-settings(5).
#pragma once

#include "seal/keys.hpp"
#include "wire/connection.hpp"
#include "wire/reservation.hpp"

namespace wire {

struct IngestAddress {
    std::string relay; ///< id of a member of relays[]
    Endpoint at;
    bool operator==(const IngestAddress &) const = default;
};

/// The keyed UDP echo beside an ingest address.
struct Probe {
    Endpoint at;
    std::string key; ///< base64url, 32 bytes
    bool operator==(const Probe &) const = default;
};

/// A carrier's communication/connection information.
struct CarrierInfo {
    std::string name;
    std::int64_t preference = 0; ///< 0 is the first choice
    std::int64_t line_bps = 0;
    std::vector<IngestAddress> ingest;
    std::optional<Probe> probe;
    Connection connection; ///< how it is reached; its type is the carrier's
    [[nodiscard]] CarrierType type() const { return type_of(connection); }
    bool operator==(const CarrierInfo &) const = default;
};

struct RelayInfo {
    std::string id;
    Endpoint at; ///< the first carrier's ingest address
    std::int64_t latency_ms = 120;
    std::string passphrase; ///< a secret
    std::int64_t pbkeylen = 16;
    bool operator==(const RelayInfo &) const = default;
};

struct StreamInfo {
    std::string channel;
    std::string ticket; ///< a secret
    std::optional<std::string> preflight_ticket;
    std::vector<std::string> codecs; ///< "h264", "h265", "aac" …
    base::BitRate max_rate;
    std::int64_t max_gop_s = 4;
    bool operator==(const StreamInfo &) const = default;
};

struct Settings {
    std::string doc_id;      ///< 26 characters, as an id
    std::int64_t serial = 0; ///< rises with every document of one reservation
    base::Id reservation;
    seal::KeyId issuer;
    seal::KeyId recipient; ///< of the terminal's signing key
    base::UtcTime issued_at;
    base::UtcTime not_after;
    ReservationRequest request;
    resv::Window window;
    std::vector<CarrierInfo> carriers; ///< by preference
    std::vector<RelayInfo> relays;     ///< by preference
    StreamInfo stream;
    std::string viewer_url;
    resv::Disclosure disclosure = resv::Disclosure::public_;
    std::int64_t reconnect_window_s = 30;

    /// The carrier of that name, or null.
    [[nodiscard]] const CarrierInfo *carrier(std::string_view name) const;
    /// The relay of that id, or null.
    [[nodiscard]] const RelayInfo *relay(std::string_view id) const;
    bool operator==(const Settings &) const = default;
};

/// The document without its signature.
[[nodiscard]] Json to_json(const Settings &settings);
[[nodiscard]] base::Result<Settings> read_settings(const Json &json);

/// Settings signed and sealed, as they cross a pipe and lie in the vault:
/// `{"type":"settings","v":1,"reservation":ID,"recipient":KID,"sealed":BASE64}`.
/// `sealed` opens to `{"document":{…},"signature":BASE64URL}`.
struct SealedSettings {
    base::Id reservation;
    seal::KeyId recipient;
    std::string sealed; ///< base64
};
[[nodiscard]] SealedSettings seal_settings(const Settings &settings, const seal::SigningKey &issuer,
                                           const seal::PublicKey &recipient_box);
/// Opens, verifies, and checks that the document is for @p recipient and the same reservation as
/// the envelope says. bad_data: malformed or sealed for another; not_permitted: not @p issuer's.
/// Does not look at not_after: the caller does.
[[nodiscard]] base::Result<Settings> open_settings(const SealedSettings &sealed,
                                                   const seal::BoxKey &box,
                                                   const seal::KeyId &recipient,
                                                   const seal::PublicKey &issuer);
[[nodiscard]] Json to_json(const SealedSettings &sealed);
[[nodiscard]] base::Result<SealedSettings> read_sealed(const Json &json, std::string where);

constexpr std::size_t k_max_settings_bytes = 262'144;

} // namespace wire
