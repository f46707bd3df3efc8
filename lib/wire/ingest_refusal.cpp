#include "wire/ingest_refusal.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

namespace wire {

namespace {

constexpr int k_early_codes = 10'000;
constexpr std::int64_t k_most_early_s = 30 * 86'400;

std::optional<base::Seconds> early_by(int code) {
    if (code <= k_early_codes || code > k_early_codes + k_most_early_s)
        return std::nullopt;
    return base::Seconds{code - k_early_codes};
}

} // namespace

std::string_view name(IngestRefusal refusal) {
    switch (refusal) {
    case IngestRefusal::bad_ticket:
        return "bad_ticket";
    case IngestRefusal::wrong_relay:
        return "wrong_relay";
    case IngestRefusal::too_early:
        return "too_early";
    case IngestRefusal::ended:
        return "ended";
    case IngestRefusal::withdrawn:
        return "withdrawn";
    case IngestRefusal::busy:
        return "busy";
    case IngestRefusal::unknown:
        return "unknown";
    case IngestRefusal::wrong_use:
        return "wrong_use";
    case IngestRefusal::over_rate:
        return "over_rate";
    }
    return "other";
}

int refusal_code(IngestRefusal refusal, base::Millis early) {
    if (refusal != IngestRefusal::too_early || early.count() <= 0)
        return static_cast<int>(refusal);
    const std::int64_t seconds = std::chrono::ceil<base::Seconds>(early).count();
    return k_early_codes + static_cast<int>(std::min(seconds, k_most_early_s));
}

std::string refusal_text(int code) {
    if (const auto early = early_by(code))
        return fmt::format("{}, by {}", name(IngestRefusal::too_early),
                           base::format_duration(*early));
    return std::string{name(static_cast<IngestRefusal>(code))};
}

std::string_view refusal_name(std::string_view text) {
    return text.substr(0, text.find(','));
}

bool is_passing(std::string_view text) {
    return std::ranges::any_of(
        std::array{IngestRefusal::too_early, IngestRefusal::busy, IngestRefusal::unknown,
                   IngestRefusal::over_rate},
        [&](IngestRefusal refusal) { return refusal_name(text) == name(refusal); });
}

} // namespace wire
