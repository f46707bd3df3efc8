#include "media/srt_native.hpp"

#include <arpa/inet.h>
#include <array>

namespace media::srt_native {

using base::Errc;
using base::fail;

base::Result<SystemAddress> system_address(const std::string &host, std::uint16_t port) {
    SystemAddress out;
    auto &v4 = reinterpret_cast<sockaddr_in &>(out.storage);
    auto &v6 = reinterpret_cast<sockaddr_in6 &>(out.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        out.size = sizeof v4;
        return out;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        out.size = sizeof v6;
        return out;
    }
    return fail(Errc::bad_data, "'{}' is not an IP address", host);
}

conf::Address from_system(const sockaddr *address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address->sa_family == AF_INET) {
        const auto *v4 = reinterpret_cast<const sockaddr_in *>(address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        return {.host = text.data(), .port = ntohs(v4->sin_port)};
    }
    const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return {.host = text.data(), .port = ntohs(v6->sin6_port)};
}

std::unexpected<base::Error> fail_srt(std::string_view operation, std::string_view object) {
    int err = 0;
    const int code = srt_getlasterror(&err);
    if (err != 0 && (code == SRT_ESOCKFAIL || code == SRT_ECONNSETUP || code == SRT_ESYSOBJ))
        return base::fail_errno(operation, object, err);
    return fail(Errc::unavailable, "{} {}: {}", operation, object, srt_strerror(code, 0));
}

} // namespace media::srt_native
