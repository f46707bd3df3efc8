#include "line/modem_order.hpp"

#include "wire/json.hpp"

namespace line {

using base::Result;

std::string to_text(const ModemOrder &order) {
    return wire::compact_json(wire::JsonObject{{"interface", order.interface},
                                               {"modem", order.modem},
                                               {"apn", order.apn},
                                               {"user", order.user},
                                               {"password", order.password},
                                               {"ip_type", order.ip_type},
                                               {"pin", order.pin}});
}

Result<ModemOrder> read_modem_order(std::string_view text) {
    const wire::Json json = TRY(wire::parse_json(text, "order"));
    auto in = TRY(wire::ObjectReader::of(json, "order"));
    ModemOrder out;
    out.interface = TRY(in.string("interface", 15));
    out.modem = TRY(in.string("modem", 128));
    out.apn = TRY(in.string("apn", 100));
    out.user = TRY(in.string("user", 128));
    out.password = TRY(in.string("password", 255));
    out.ip_type = TRY(in.string("ip_type", 16));
    out.pin = TRY(in.string("pin", 8));
    TRY(in.finish());
    return out;
}

} // namespace line
