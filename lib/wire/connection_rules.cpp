// What may stand in connection info.
#include "wire/connection.hpp"

#include "seal/encoding.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace wire {

namespace {

constexpr std::size_t k_key_bytes = 32;
constexpr std::size_t k_max_prefixes = 32;
constexpr std::size_t k_max_init = 8;

bool is_address(int family, const std::string &text) {
    std::array<unsigned char, 16> ignored{};
    return ::inet_pton(family, text.c_str(), ignored.data()) == 1;
}

/// Of @p min to @p max characters, each in @p allowed or a letter or digit.
bool is_word(std::string_view text, std::size_t min, std::size_t max, std::string_view allowed) {
    return text.size() >= min && text.size() <= max && std::ranges::all_of(text, [&](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      allowed.find(c) != std::string_view::npos;
           });
}

/// Printable ASCII from @p first on: ' ' allows spaces, '!' does not.
bool is_printable(std::string_view text, char first, std::size_t min, std::size_t max) {
    return text.size() >= min && text.size() <= max &&
           std::ranges::all_of(text, [&](char c) { return c >= first && c <= '~'; });
}

bool is_prefix(const std::string &text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos)
        return false;
    const std::string address = text.substr(0, slash);
    const std::string_view digits = std::string_view(text).substr(slash + 1);
    unsigned length = 0;
    const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const bool plain = err == std::errc{} && end == digits.data() + digits.size() &&
                       (digits.size() == 1 || digits.front() != '0');
    return plain && ((is_address(AF_INET, address) && length <= 32) ||
                     (is_address(AF_INET6, address) && length <= 128));
}

bool is_key(const std::string &text) {
    const auto bytes = seal::from_base64(text);
    return bytes && bytes->size() == k_key_bytes;
}

struct Judge {
    using Found = std::optional<Flaw>;

    Found operator()(const LinkInfo &c) const {
        if (!c.gateway4.empty() && !is_address(AF_INET, c.gateway4))
            return Flaw{"gateway4", "not an IPv4 address"};
        if (!c.gateway6.empty() && !is_address(AF_INET6, c.gateway6))
            return Flaw{"gateway6", "not an IPv6 address"};
        return {};
    }

    Found operator()(const PppInfo &c) const {
        if (!is_printable(c.user, '!', 1, 128))
            return Flaw{"user", "not 1 to 128 printable ASCII characters without spaces"};
        if (!is_printable(c.password, ' ', 0, 255))
            return Flaw{"password", "not at most 255 printable ASCII characters"};
        return c.mode == PppMode::pppoe ? pppoe(c) : serial(c);
    }

    static Found pppoe(const PppInfo &c) {
        for (const auto &[member, text] :
             {std::pair{"service", &c.service}, std::pair{"concentrator", &c.concentrator}})
            if (!is_printable(*text, '!', 0, 64))
                return Flaw{member, "not at most 64 printable ASCII characters without spaces"};
        return {};
    }

    // No quotes of chat(8)'s own, no backslash, no caret: it would read them as escapes.
    static Found serial(const PppInfo &c) {
        constexpr std::string_view k_dial = "0123456789ABCD*#+,WPT.-";
        if (c.number.empty() || c.number.size() > 40 ||
            c.number.find_first_not_of(k_dial) != std::string::npos)
            return Flaw{"number", fmt::format("not 1 to 40 of {}", k_dial)};
        const auto is_init = [](const std::string &text) {
            return text.starts_with("AT") && is_word(text, 2, 120, "&%+=?\",.;:*#$_/@()-");
        };
        if (c.init.size() > k_max_init || !std::ranges::all_of(c.init, is_init))
            return Flaw{"init", fmt::format("not at most {} commands that begin with AT and hold "
                                            "letters, digits and &%+=?\",.;:*#$_/@()-",
                                            k_max_init)};
        if (c.speed < 300 || c.speed > 4'000'000)
            return Flaw{"speed", "not 300 to 4000000"};
        return {};
    }

    Found operator()(const WireguardInfo &c) const {
        for (const auto &[member, text] : {std::pair{"private_key", &c.private_key},
                                           std::pair{"peer_public_key", &c.peer_public_key}})
            if (!is_key(*text))
                return Flaw{member, "not base64 of 32 bytes"};
        if (!c.preshared_key.empty() && !is_key(c.preshared_key))
            return Flaw{"preshared_key", "not base64 of 32 bytes"};
        for (const auto &[member, list] :
             {std::pair{"addresses", &c.addresses}, std::pair{"allowed", &c.allowed}})
            if (list->empty() || list->size() > k_max_prefixes ||
                !std::ranges::all_of(*list, is_prefix))
                return Flaw{member, fmt::format("not 1 to {} of ADDRESS/LENGTH", k_max_prefixes)};
        if (c.keepalive_s < 1 || c.keepalive_s > 65'535)
            return Flaw{"keepalive_s", "not 1 to 65535"};
        if (c.mtu < 1280 || c.mtu > 65'535)
            return Flaw{"mtu", "not 1280 to 65535"};
        if (!c.underlay.empty() && !is_plain_name(c.underlay))
            return Flaw{"underlay", "not a plain name"};
        if (c.underlay.empty() && !c.allow_internet_underlay)
            return Flaw{"underlay", "missing: a tunnel over the Internet is no dedicated network, "
                                    "unless allow_internet_underlay says so"};
        return {};
    }

    Found operator()(const WwanInfo &c) const {
        if (!is_word(c.apn, 1, 100, ".-_") || c.apn.find_first_of(".-_") == 0)
            return Flaw{"apn", "not 1 to 100 letters, digits, '.', '-' and '_'"};
        if (!is_printable(c.user, '!', 0, 128))
            return Flaw{"user", "not at most 128 printable ASCII characters without spaces"};
        if (!is_printable(c.password, ' ', 0, 255))
            return Flaw{"password", "not at most 255 printable ASCII characters"};
        const bool digits = c.pin.find_first_not_of("0123456789") == std::string::npos;
        if (!c.pin.empty() && (!digits || c.pin.size() < 4 || c.pin.size() > 8))
            return Flaw{"pin", "not 4 to 8 digits"};
        if (c.ip_type != "ipv4" && c.ip_type != "ipv6" && c.ip_type != "ipv4v6")
            return Flaw{"ip_type", "not ipv4, ipv6 or ipv4v6"};
        return {};
    }

    Found operator()(const CommandInfo &) const { return {}; }
};

} // namespace

std::optional<Flaw> flaw(const Connection &connection) {
    return std::visit(Judge{}, connection);
}

} // namespace wire
