#include "wire/money.hpp"

namespace wire {

void put_fee(JsonObject &out, const std::optional<resv::Money> &fee) {
    if (fee)
        out["fee"] = JsonObject{{"minor", fee->minor}, {"currency", fee->currency}};
}

base::Result<std::optional<resv::Money>> read_fee(ObjectReader &in) {
    if (!in.has("fee"))
        return std::nullopt;
    auto fee = TRY(in.object("fee"));
    resv::Money money;
    money.minor = TRY(fee.integer("minor"));
    money.currency = TRY(fee.string("currency", 3));
    if (!resv::is_currency(money.currency))
        return base::fail(base::Errc::bad_data, "{}: is no currency", fee.where("currency"));
    return money;
}

} // namespace wire
