#include "control/limiter.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cmath>

namespace control {

namespace {

constexpr std::size_t k_most_buckets = 20'000;
constexpr std::chrono::seconds k_sweep{10};

double seconds(std::chrono::steady_clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

} // namespace

std::optional<base::Millis> Limiter::take(const std::string &who, const Allowance &allowance,
                                          Time now) {
    if (allowance.per_second <= 0)
        return std::nullopt;
    const auto rate = static_cast<double>(allowance.per_second);
    const auto most = static_cast<double>(std::max<std::int64_t>(allowance.at_once, 1));
    const std::scoped_lock lock{m_mutex};
    if (now >= m_next_sweep || m_buckets.size() >= k_most_buckets)
        forget_full(allowance, now);
    const bool room = m_buckets.size() < k_most_buckets || m_buckets.contains(who);
    const auto [entry, fresh] = m_buckets.try_emplace(room ? who : std::string{});
    Bucket &bucket = entry->second;
    bucket.tokens = fresh ? most : std::min(most, bucket.tokens + rate * seconds(now - bucket.at));
    bucket.at = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return std::nullopt;
    }
    ++m_refused;
    return base::Millis{static_cast<std::int64_t>(std::ceil((1 - bucket.tokens) / rate * 1000))};
}

// A full bucket is as good as none.
void Limiter::forget_full(const Allowance &allowance, Time now) {
    if (now < m_next_sweep - k_sweep + std::chrono::milliseconds{100})
        return; // it was done just now: those who are left are in use
    m_next_sweep = now + k_sweep;
    std::erase_if(m_buckets, [&](const auto &entry) {
        const Bucket &b = entry.second;
        return b.tokens + static_cast<double>(allowance.per_second) * seconds(now - b.at) >=
               static_cast<double>(allowance.at_once);
    });
}

std::uint64_t Limiter::refused() const {
    const std::scoped_lock lock{m_mutex};
    return m_refused;
}

std::string bucket_of(std::string_view peer) {
    const std::string_view host = peer.substr(0, peer.rfind(':'));
    if (!host.starts_with('['))
        return std::string(host);
    std::array<std::uint8_t, 16> bytes{};
    const std::string literal{host.substr(1, host.size() - 2)};
    if (::inet_pton(AF_INET6, literal.c_str(), bytes.data()) != 1)
        return std::string(host);
    return {reinterpret_cast<const char *>(bytes.data()), 8};
}

} // namespace control
