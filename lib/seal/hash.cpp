#include "seal/hash.hpp"

#include <sodium.h>

namespace seal {

Hash256 hash256(ByteView message, ByteView key) {
    Hash256 out{};
    crypto_generichash(out.data(), out.size(), message.data(), message.size(),
                       key.empty() ? nullptr : key.data(), key.size());
    return out;
}

std::string check_value(std::string_view text) {
    std::array<std::uint8_t, 16> out{};
    const ByteView message = bytes_of(text);
    crypto_generichash(out.data(), out.size(), message.data(), message.size(), nullptr, 0);
    return to_hex(out);
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
