// The feed: what relays learn of bookings, and what they report back. See slotcast-feed(5).
#pragma once

#include "seal/keys.hpp"
#include "wire/reservation.hpp"

namespace wire {

/// The newest word on one reservation; a later entry replaces it whole.
struct FeedEntry {
    base::Id reservation;
    std::int64_t serial = 0;
    std::string channel;
    resv::Window window;
    resv::State state = resv::State::booked;
    std::uint32_t generation = 0;
    std::string title;
    resv::Disclosure disclosure = resv::Disclosure::public_;
    std::string vid; ///< what stands in viewers' URLs: the id, or 16 random base64url characters
    std::string password_hash; ///< Argon2id string or empty
    std::int64_t viewers = 0;
    base::BitRate max_rate;
    std::int64_t retention_s = 0; ///< how long the relay keeps the event after its end
    bool operator==(const FeedEntry &) const = default;
};

/// Answer of GET /v1/relays/{id}/feed?after=SERIAL&wait_s=N: entries with a serial above
/// `after`, oldest first; empty when nothing happened within the wait.
struct Feed {
    std::string relay;
    std::int64_t serial = 0; ///< ask for what is after this next
    base::UtcTime time;      ///< control's clock when it answered
    std::vector<FeedEntry> entries;
};

[[nodiscard]] Json to_json(const FeedEntry &entry);
[[nodiscard]] base::Result<FeedEntry> read_feed_entry(const Json &json, std::string where);

/// `{"feed":{…},"signature":BASE64URL}`, Ed25519 over "slotcast-feed-v1\0" + RFC 8785 form.
[[nodiscard]] std::string sign_feed(const Feed &feed, const seal::SigningKey &issuer);
/// not_permitted when the signature is not @p issuer's, bad_data when malformed or for another
/// relay.
[[nodiscard]] base::Result<Feed> open_feed(std::string_view text, const seal::PublicKey &issuer,
                                           std::string_view relay);

/// A relay's report, POST /v1/relays/{id}/reports with `{"reports":[…]}`.
struct Report {
    std::string event; ///< first_media, lost, back, ended
    base::Id reservation;
    base::UtcTime at;       ///< control's clock, as corrected by the relay
    std::int64_t bytes = 0; ///< received so far
};
[[nodiscard]] Json to_json(const Report &report);
[[nodiscard]] base::Result<Report> read_report(const Json &json, std::string where);

} // namespace wire
