#include "control/fees.hpp"

namespace control {

base::Result<std::optional<resv::Money>> quote(const Config &config, const std::string &channel,
                                               const std::vector<std::string> &carriers,
                                               base::Millis duration) {
    if (config.currency.empty())
        return std::nullopt;
    std::vector<resv::Fee> fees;
    const auto add = [&fees](const auto &tariffs, const std::string &name) {
        if (const auto found = tariffs.find(name); found != tariffs.end())
            fees.push_back(found->second);
    };
    add(config.channel_fees, channel);
    for (const std::string &carrier : carriers)
        add(config.carrier_fees, carrier);
    resv::Money out;
    out.minor = TRY(resv::fee_of(fees, duration));
    out.currency = config.currency;
    return out;
}

} // namespace control
