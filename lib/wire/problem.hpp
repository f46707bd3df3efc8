// Why control says no, and what would do instead.
#pragma once

#include "wire/money.hpp"

namespace wire {

/// One resource that fell short: which, by how much, when; never whose.
struct Shortfall {
    std::string resource; ///< "channel:studio1", "carrier:lineA:bits", "relay:r1:egress" …
    std::int64_t needed = 0;
    std::int64_t available = 0;
    base::UtcTime from;
    base::UtcTime to;
};

/// What would do instead: the record `{"type":"alternative","v":1,…}`. It passed admission in the
/// snapshot in which the request was refused.
struct Alternative {
    std::string offer;     ///< for POST /v1/reservations, by the same distributor
    base::UtcTime expires; ///< of the offer
    base::UtcTime start;
    base::UtcTime end;
    std::string channel;
    std::vector<std::string> carriers;
    base::BitRate rate;
    std::int64_t viewers = 0;
    std::optional<resv::Money> fee{};
};
[[nodiscard]] Json to_json(const Alternative &alternative);
[[nodiscard]] base::Result<Alternative> read_alternative(const Json &json, std::string where);

/// An RFC 9457 problem document, with our stable `code` and a remedy.
struct Problem {
    int status = 500;
    std::string code; ///< "overlap", "too_late", "not_found", "bad_request" …
    std::string title;
    std::string detail;
    std::string hint;
    std::vector<Shortfall> shortfalls{};
    std::vector<Alternative> alternatives{};
};
[[nodiscard]] Json to_json(const Problem &problem);
[[nodiscard]] base::Result<Problem> read_problem(const Json &json, std::string where);

} // namespace wire
