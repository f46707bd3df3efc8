// What a distributor does at control, typed: one function a verb of resv-request.
#pragma once

#include "client/api.hpp"
#include "client/pending.hpp"
#include "wire/change.hpp"
#include "wire/series.hpp"

#include <vector>

namespace client {

/// What control answers to whatever changes a reservation.
struct Outcome {
    std::optional<wire::Reservation> reservation;
    std::optional<wire::SealedSettings> settings; ///< none for a hold
    /// All of a series instead, by their start; settings when it was booked.
    std::vector<wire::Reservation> reservations{};
    std::vector<wire::SealedSettings> all_settings{};
    std::vector<wire::Clash> clashes{}; ///< days of it that are not booked
    Pending pending; ///< pass to PendingStore::done once the outcome was written out
};

/// The question of GET /v1/availability.
struct SlotQuery {
    base::UtcTime from;
    base::UtcTime to;
    base::Millis duration{0}; ///< whole seconds
    base::BitRate rate;
    std::optional<std::int64_t> viewers;
    std::optional<std::string> channel;
    std::vector<std::string> carriers;
};

[[nodiscard]] base::Result<std::vector<wire::Slot>> find_slots(Api &api, const SlotQuery &query);
[[nodiscard]] base::Result<std::vector<wire::Reservation>> list_reservations(Api &api);
[[nodiscard]] base::Result<wire::Reservation> show_reservation(Api &api, const base::Id &id);
/// Those of a series, by their start.
[[nodiscard]] base::Result<std::vector<wire::Reservation>> show_series(Api &api,
                                                                       const base::Id &series);
/// One as a calendar (RFC 5545), as control made it.
[[nodiscard]] base::Result<std::string> show_calendar(Api &api, const base::Id &id);

/// Its history, oldest entry first, as records.
[[nodiscard]] base::Result<std::vector<wire::Json>> history_of(Api &api, const base::Id &id);

/// A change as a request: where it goes and what it says.
struct Change {
    std::string path;
    wire::Json body;
    std::optional<std::string> password; ///< when the body holds its hash; a secret
    std::string method = "POST";
    std::optional<base::Id> id{};           ///< of a PATCH
    std::optional<std::int64_t> revision{}; ///< that it must have; of a PATCH: as it is then
};

/// usage: what it says is not UTF-8, so nobody could read it.
[[nodiscard]] base::Result<void> check_text(const Change &change);

/// Of a body the request that may hold a password's hash: of a series the one within.
[[nodiscard]] wire::JsonObject &request_within(wire::Json &body);
/// @p password_hash goes into the body when the request has a password.
[[nodiscard]] Change booking(const wire::ReservationRequest &request,
                             std::optional<std::string> password);
/// The same from now on, @p duration long; 0: until its end.
[[nodiscard]] Change booking_at_once(const wire::ReservationRequest &request, base::Millis duration,
                                     std::optional<std::string> password);
/// Takes an alternative by its offer; @p hold holds it only.
[[nodiscard]] Change offer_taken(const std::string &offer, bool hold);
[[nodiscard]] Change series(const wire::SeriesRequest &request,
                            std::optional<std::string> password);
[[nodiscard]] Change series_cancelled(const base::Id &series);
/// @p verb: commit, cancel, end, revoke.
[[nodiscard]] Change plain_change(const base::Id &id, std::string_view verb);
/// @p revision: only if it still has that one.
[[nodiscard]] Change amendment(const base::Id &id, const wire::ReservationChange &change,
                               std::optional<std::int64_t> revision,
                               std::optional<std::string> password);
[[nodiscard]] Change extension(const base::Id &id, base::UtcTime end);
[[nodiscard]] Change settings_again(const base::Id &id, bool new_generation);
/// The same with a preflight's ticket.
[[nodiscard]] Change preflight_of(const base::Id &id);

/// Sends the POST that @p pending stands for; forgets it when control's no is final.
[[nodiscard]] base::Result<Answer> send_pending(Api &api, PendingStore &store,
                                                const std::string &path, const Pending &pending);

/// Sends @p change so that it happens once, however often this is killed and repeated. On a
/// refusal, which is final, the pending request is forgotten; on a failure that leaves the answer
/// unknown it stays for the next run.
[[nodiscard]] base::Result<Outcome> carry_out(Api &api, PendingStore &store, const Change &change,
                                              const base::Clock &clock);

} // namespace client
