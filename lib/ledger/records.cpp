#include "ledger/records.hpp"

namespace ledger {

std::string_view name(Role role) {
    switch (role) {
    case Role::distributor:
        return "distributor";
    case Role::relay:
        return "relay";
    case Role::operator_:
        return "operator";
    }
    return "unknown";
}

base::Result<Role> parse_role(std::string_view text) {
    for (const Role role : {Role::distributor, Role::relay, Role::operator_})
        if (name(role) == text)
            return role;
    return base::fail(base::Errc::bad_data,
                      "'{}' is not a role (one of distributor, relay, operator)",
                      text.substr(0, 32));
}

} // namespace ledger
