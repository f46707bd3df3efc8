// What is asked of control and what it answers: request, reservation, slot, time, problem.
#pragma once

#include "base/id.hpp"
#include "resv/state.hpp"
#include "resv/window.hpp"
#include "wire/money.hpp"
#include "wire/receipt.hpp"

namespace wire {

/// Body of POST /v1/reservations ("reservation request information"). The settings echo it.
struct ReservationRequest {
    base::UtcTime start;
    base::UtcTime end;
    base::BitRate rate;                  ///< TS bytes x 8 averaged over any second
    std::string title;                   ///< at most 200 bytes of UTF-8, no control characters
    std::optional<std::int64_t> viewers; ///< the channel's number when absent
    std::optional<std::string> channel;  ///< any free one when absent
    std::vector<std::string> carriers;   ///< plain names, the first preferred; at least one
    resv::Disclosure disclosure = resv::Disclosure::public_;
    std::optional<std::string> password_hash; ///< Argon2id string; exactly with `password`
    std::vector<std::string> notify;          ///< mailto: and https: addresses
    bool hold = false;                        ///< a hold (300 s) that `commit` turns into a booking
    bool operator==(const ReservationRequest &) const = default;
};
[[nodiscard]] Json to_json(const ReservationRequest &request);
[[nodiscard]] base::Result<ReservationRequest> read_request(const Json &json, std::string where);

/// Body of POST /v1/reservations: a request, or the offer of an alternative to one.
struct Asked {
    ReservationRequest request;       ///< empty with an offer, which holds one
    bool at_once = false;             ///< its start is whenever control has it
    base::Millis duration{0};         ///< then, or 0 and its end is the request's
    std::optional<std::string> offer; ///< Alternative::offer
    std::optional<bool> hold;         ///< with an offer: otherwise than was asked
};
/// Body of a request that starts at once; @p duration 0: it ends when it says.
[[nodiscard]] Json at_once(const ReservationRequest &request, base::Millis duration);
[[nodiscard]] base::Result<Asked> read_asked(const Json &json, std::string where);

/// A reservation as its owner sees it: the record `{"type":"reservation","v":1,…}`.
struct Reservation {
    base::Id id;
    resv::State state = resv::State::booked;
    std::string owner; ///< the distributor's name
    std::string channel;
    std::string relay;
    resv::Window window;
    base::BitRate rate;
    std::int64_t viewers = 0;
    std::vector<std::string> carriers;
    std::string title;
    resv::Disclosure disclosure = resv::Disclosure::public_;
    std::string viewer_url;
    std::uint32_t generation = 0;
    std::int64_t revision = 0; ///< the ETag
    base::UtcTime created;
    std::optional<base::UtcTime> hold_expires;
    std::optional<resv::Money> fee;         ///< the quote; none where nothing costs anything
    std::optional<base::Id> series{};       ///< that it was booked with
    std::optional<SignedReceipt> receipt{}; ///< its relay's, where one reservation is shown
};
[[nodiscard]] Json to_json(const Reservation &reservation);
[[nodiscard]] base::Result<Reservation> read_reservation(const Json &json, std::string where);

/// The least that is free while any programme of a slot lasts, without that one.
struct Left {
    std::int64_t streams = 0;     ///< of the relay
    std::int64_t lines = 0;       ///< of the carrier that has the fewest
    std::int64_t carrier_bps = 0; ///< of the carrier that has the fewest
    base::BitRate rate;           ///< the highest at which it would be admitted, all else the same
    std::int64_t viewers = 0;     ///< the most for which it would
};

/// One free slot of the menu: the record `{"type":"slot","v":1,…}`. Every start in
/// [start, latest_start], at multiples of `grid` since 1970 when it is not 0, passes admission with
/// the duration asked for.
struct Slot {
    base::UtcTime start;
    base::UtcTime latest_start;
    base::Millis duration{0};
    base::Millis grid{0}; ///< whole seconds
    std::string channel;
    std::vector<std::string> carriers;
    base::BitRate rate;
    std::int64_t viewers = 0;
    std::optional<resv::Money> fee{}; ///< of each start
    std::optional<Left> left{};
};
[[nodiscard]] Json to_json(const Slot &slot);
[[nodiscard]] base::Result<Slot> read_slot(const Json &json, std::string where);

/// Body and answer of POST /v1/keys/enrol. The request is signed with the key it enrols.
struct EnrolRequest {
    std::string token;
    std::string sign_key; ///< base64url
    std::string box_key;  ///< base64url
};
struct EnrolAnswer {
    std::string name;
    std::string role;             ///< distributor, relay, operator
    std::string control_key;      ///< control's Ed25519 public key, base64url
    std::string group_key_sealed; ///< base64; for a relay only: the group key in a sealed box
};
[[nodiscard]] Json to_json(const EnrolRequest &request);
[[nodiscard]] base::Result<EnrolRequest> read_enrol_request(const Json &json, std::string where);
[[nodiscard]] Json to_json(const EnrolAnswer &answer);
[[nodiscard]] base::Result<EnrolAnswer> read_enrol_answer(const Json &json, std::string where);

} // namespace wire
