// What the files that use libsrt share; included by srt_*.cpp only.
#pragma once

#include "base/result.hpp"
#include "conf/address.hpp"

#include <netinet/in.h>
#include <srt/srt.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <type_traits>

// Bookworm's 1.5.1-1+deb12u2 has the fixes of CVE-2026-55868 and CVE-2026-55869; older ones do not
// have the options below.
static_assert(SRT_VERSION_VALUE >= SRT_MAKE_VERSION_VALUE(1, 5, 1), "libsrt is too old");

namespace media::srt_native {

/// An IP literal and port as the system wants it.
struct SystemAddress {
    sockaddr_storage storage{};
    int size = 0;
    [[nodiscard]] const sockaddr *get() const {
        return reinterpret_cast<const sockaddr *>(&storage);
    }
};
[[nodiscard]] base::Result<SystemAddress> system_address(const std::string &host,
                                                         std::uint16_t port);
[[nodiscard]] conf::Address from_system(const sockaddr *address);

/// The last error of libsrt in this thread.
[[nodiscard]] std::unexpected<base::Error> fail_srt(std::string_view operation,
                                                    std::string_view object);

template <typename T>
[[nodiscard]] base::Result<void> set_option(SRTSOCKET socket, SRT_SOCKOPT option, const T &value,
                                            std::string_view name) {
    int done = SRT_ERROR;
    if constexpr (std::is_same_v<T, std::string>)
        done = srt_setsockflag(socket, option, value.data(), static_cast<int>(value.size()));
    else
        done = srt_setsockflag(socket, option, &value, sizeof value);
    if (done == SRT_ERROR)
        return fail_srt("set SRT option", name);
    return {};
}

} // namespace media::srt_native
