#include "seal/echo.hpp"

#include <algorithm>
#include <sodium.h>

namespace seal {

namespace {

using Magic = std::array<std::uint8_t, 8>;
constexpr Magic k_question{'S', 'C', 'e', 'c', 'h', 'o', '1', 0};
constexpr Magic k_answer{'S', 'C', 'e', 'c', 'h', 'o', '2', 0};
constexpr std::size_t k_signed = 16;

EchoDatagram make(ByteView key, const Magic &magic, const EchoCookie &cookie) {
    EchoDatagram out{};
    std::ranges::copy(magic, out.begin());
    std::ranges::copy(cookie, out.begin() + magic.size());
    crypto_generichash(out.data() + k_signed, out.size() - k_signed, out.data(), k_signed,
                       key.data(), key.size());
    return out;
}

std::optional<EchoCookie> read(ByteView key, const Magic &magic, ByteView datagram) {
    if (datagram.size() != sizeof(EchoDatagram) ||
        !std::ranges::equal(datagram.first(magic.size()), magic))
        return std::nullopt;
    EchoCookie cookie{};
    std::ranges::copy(datagram.subspan(magic.size(), cookie.size()), cookie.begin());
    if (!equal_secret(make(key, magic, cookie), datagram))
        return std::nullopt;
    return cookie;
}

} // namespace

EchoDatagram echo_question(ByteView key, const EchoCookie &cookie) {
    return make(key, k_question, cookie);
}

std::optional<EchoDatagram> echo_answer(ByteView key, ByteView datagram) {
    const auto cookie = read(key, k_question, datagram);
    if (!cookie)
        return std::nullopt;
    return make(key, k_answer, *cookie);
}

std::optional<EchoCookie> read_echo_answer(ByteView key, ByteView datagram) {
    return read(key, k_answer, datagram);
}

} // namespace seal
