#include "net/networks.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

namespace net {

using base::Errc;
using base::Result;

namespace {

int size_of(const Ip &ip) {
    return ip.v6 ? 16 : 4;
}

bool same_bits(const Ip &a, const Ip &b, int bits) {
    const auto whole = static_cast<std::size_t>(bits / 8);
    if (!std::equal(a.bytes.begin(), a.bytes.begin() + bits / 8, b.bytes.begin()))
        return false;
    const int rest = bits % 8;
    return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

// IPv4: all but these is public. IPv6: 2000::/3 is, but for these of it.
constexpr std::array<std::string_view, 21> k_special{
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",     "169.254.0.0/16",
    "172.16.0.0/12",  "192.0.0.0/24",   "192.0.2.0/24",    "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/3",    "2001::/23",       "2001:db8::/32",   "2002::/16",
    "3fff::/20"};

} // namespace

std::optional<Ip> Ip::of(const sockaddr &address) {
    Ip out;
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
        return out;
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        out.v6 = true;
        std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
        return out;
    }
    return std::nullopt;
}

std::optional<Ip> Ip::parse(std::string_view text) {
    const std::string given{text};
    Ip out;
    out.v6 = given.find(':') != std::string::npos;
    if (::inet_pton(out.v6 ? AF_INET6 : AF_INET, given.c_str(), out.bytes.data()) != 1)
        return std::nullopt;
    return out;
}

std::string Ip::text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out.data(), out.size());
    return out.data();
}

Result<Network> Network::parse(std::string_view text) {
    const auto bad = [&] {
        return base::fail_hint(Errc::bad_data, "write it as 10.1.0.0/16 or 2001:db8::/32",
                               "'{}' is not a network", text.substr(0, 64));
    };
    const std::size_t slash = text.find('/');
    const auto ip = Ip::parse(text.substr(0, slash));
    if (!ip)
        return bad();
    Network out{.first = *ip, .bits = size_of(*ip) * 8};
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, err] =
            std::from_chars(digits.data(), digits.data() + digits.size(), out.bits);
        if (err != std::errc{} || end != digits.data() + digits.size() || out.bits < 0 ||
            out.bits > size_of(*ip) * 8)
            return bad();
    }
    for (int bit = out.bits; bit < size_of(*ip) * 8; ++bit)
        if ((ip->bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0)
            return bad();
    return out;
}

bool Network::contains(const Ip &ip) const {
    return ip.v6 == first.v6 && same_bits(ip, first, bits);
}

std::string Network::text() const {
    return fmt::format("{}/{}", first.text(), bits);
}

bool is_public(const Ip &ip) {
    static const auto special = [] {
        std::array<Network, k_special.size()> out;
        std::ranges::transform(k_special, out.begin(), [](std::string_view text) {
            return Network::parse(text).value(); // ours: it throws at the first test
        });
        return out;
    }();
    if (ip.v6 && ip.bytes[0] >> 5 != 1)
        return false;
    return std::ranges::none_of(special, [&](const Network &n) { return n.contains(ip); });
}

} // namespace net
