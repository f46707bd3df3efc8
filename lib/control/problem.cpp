#include "control/problem.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace control {

using base::Errc;

namespace {

wire::Problem problem_of(const base::Error &e) {
    const auto with = [&e](int status, const char *code) {
        return wire::Problem{.status = status,
                             .code = code,
                             .title = std::string(reason(status)),
                             .detail = e.message,
                             .hint = e.hint,
                             .shortfalls = {}};
    };
    switch (e.code) {
    case Errc::bad_data:
    case Errc::protocol:
        return with(400, "bad_request");
    case Errc::refused:
        return with(409, "refused");
    case Errc::not_permitted:
        return with(403, "not_permitted");
    default:
        break;
    }
    // Control's own trouble: its text names files, which are nobody else's business. Without a text
    // the ledger deals with it.
    if (!e.message.empty())
        base::log::error("{}", e.message);
    const bool storage =
        e.code == Errc::io || e.code == Errc::try_again || e.code == Errc::unavailable;
    auto own = storage ? with(503, "storage") : with(500, "internal");
    own.detail = "control could not keep the change, and did not make it";
    own.hint = "try again later; control's log has the cause";
    return own;
}

} // namespace

Refusal::Refusal(const base::Error &error) : problem(problem_of(error)) {}

std::unexpected<Refusal> refuse(int status, std::string code, std::string detail,
                                std::string hint) {
    return std::unexpected(Refusal{wire::Problem{.status = status,
                                                 .code = std::move(code),
                                                 .title = std::string(reason(status)),
                                                 .detail = std::move(detail),
                                                 .hint = std::move(hint),
                                                 .shortfalls = {}}});
}

std::unexpected<Refusal> refuse_short(const std::vector<resv::Shortage> &shortages) {
    const auto any = [&](std::string_view kind) {
        return std::ranges::any_of(shortages,
                                   [kind](const auto &s) { return s.resource.starts_with(kind); });
    };
    auto refusal = any("distributor:")
                       ? refuse(409, "over_quota", "that is more than your quota allows",
                                "ask who runs this control for a larger one")
                   : any("channel:")
                       ? refuse(409, "overlap", "the channel is taken at that time",
                                "resv-request slots shows what is free")
                       : refuse(409, "no_capacity", "not everything it needs is free at that time",
                                "resv-request slots shows what is free");
    for (const resv::Shortage &s : shortages)
        refusal.error().problem.shortfalls.push_back({.resource = s.resource,
                                                      .needed = s.needed,
                                                      .available = s.available,
                                                      .from = s.when.from,
                                                      .to = s.when.to});
    return refusal;
}

std::string_view reason(int status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 412:
        return "Precondition Failed";
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 428:
        return "Precondition Required";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

} // namespace control
