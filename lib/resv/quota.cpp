#include "resv/quota.hpp"

namespace resv {

using base::UtcTime;

namespace {
std::int64_t seconds(base::Millis d) {
    return d / base::Seconds{1};
}
} // namespace

std::string at_once_resource(const std::string &owner) {
    return fmt::format("distributor:{}:at_once", owner);
}

Span month_of(UtcTime t) {
    using namespace std::chrono;
    const year_month_day day{floor<days>(t)};
    const year_month month = day.year() / day.month();
    const auto first = [](year_month m) { return UtcTime{sys_days{m / 1}}; };
    return {first(month), first(month + months{1})};
}

std::vector<Shortage> over_quota(const Quota &quota, const std::string &owner, const Usage &usage,
                                 Span when) {
    std::vector<Shortage> out;
    if (quota.ahead && usage.ahead >= *quota.ahead)
        out.push_back({.resource = fmt::format("distributor:{}:ahead", owner),
                       .needed = 1,
                       .available = 0,
                       .when = when});
    const base::Millis length = when.to - when.from;
    if (quota.per_month && usage.airtime + length > *quota.per_month)
        out.push_back(
            {.resource = fmt::format("distributor:{}:per_month", owner),
             .needed = seconds(length + base::Millis{999}),
             .available = seconds(std::max(*quota.per_month - usage.airtime, base::Millis{0})),
             .when = month_of(when.from)});
    return out;
}

} // namespace resv
