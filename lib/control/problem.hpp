// Refusals of the API: RFC 9457 problems with stable codes.
#pragma once

#include "resv/admission.hpp"
#include "wire/problem.hpp"

#include <expected>

namespace control {

/// Why a request was refused. What the ledger or a reader reports becomes one by itself.
struct Refusal {
    wire::Problem problem;
    base::Seconds retry_after{0}; ///< when it may go better; 0: the answer does not say

    Refusal(wire::Problem p) : problem(std::move(p)) {} // NOLINT(*-explicit-*)
    /// bad_data: 400 bad_request; refused: 409 refused; not_permitted: 403; io and try_again: 503;
    /// the rest: 500 without its text, which goes to the log.
    Refusal(const base::Error &error); // NOLINT(*-explicit-*)
};

template <typename T> using Outcome = std::expected<T, Refusal>;

/// `return refuse(422, "too_long", "…", "…");`
[[nodiscard]] std::unexpected<Refusal> refuse(int status, std::string code, std::string detail,
                                              std::string hint = {});

/// 409 overlap (a channel is taken) or no_capacity, naming each of @p shortages.
[[nodiscard]] std::unexpected<Refusal> refuse_short(const std::vector<resv::Shortage> &shortages);

/// The status' name, as RFC 9110 has it.
[[nodiscard]] std::string_view reason(int status);

} // namespace control
