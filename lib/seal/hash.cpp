#include "seal/hash.hpp"

#include <sodium.h>

namespace seal {

Hash256 hash256(ByteView message, ByteView key) {
    Hash256 out{};
    crypto_generichash(out.data(), out.size(), message.data(), message.size(),
                       key.empty() ? nullptr : key.data(), key.size());
    return out;
}

Hash256 echo_key(ByteView group_key, std::string_view relay, std::string_view carrier) {
    using namespace std::string_view_literals;
    std::string message{"probe\0"sv};
    message += relay;
    message += '\0';
    message += carrier;
    return hash256(bytes_of(message), group_key);
}

} // namespace seal
