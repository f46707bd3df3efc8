#include "relay/address_limit.hpp"

#include <algorithm>

namespace relay {

namespace {

std::string neighbourhood(const net::Ip &ip) {
    constexpr std::size_t k_v4 = 4;
    constexpr std::size_t k_prefix = 8;
    return {reinterpret_cast<const char *>(ip.bytes.data()), ip.v6 ? k_prefix : k_v4};
}

} // namespace

std::optional<AddressLimit::Place> AddressLimit::enter(const net::Ip &from) {
    if (m_most == 0 ||
        std::ranges::any_of(m_proxies, [&](const net::Network &n) { return n.contains(from); }))
        return Place{};
    std::string whose = neighbourhood(from);
    const std::lock_guard lock(m_mutex);
    std::size_t &open = m_open[whose];
    if (open >= m_most) // then it is not 0, and needs no erasing
        return std::nullopt;
    ++open;
    return Place{this, std::move(whose)};
}

AddressLimit::Place &AddressLimit::Place::operator=(Place &&other) noexcept {
    std::swap(m_of, other.m_of);
    std::swap(m_whose, other.m_whose);
    return *this;
}

AddressLimit::Place::~Place() {
    if (m_of == nullptr)
        return;
    const std::lock_guard lock(m_of->m_mutex);
    const auto found = m_of->m_open.find(m_whose);
    if (--found->second == 0)
        m_of->m_open.erase(found);
}

} // namespace relay
