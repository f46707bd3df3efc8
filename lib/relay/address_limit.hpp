// How many connections one address may have open at a time, over all workers.
#pragma once

#include "net/networks.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace relay {

/// Whose connections count together: an IPv4 address, or the /64 of an IPv6 address, for a host has
/// all of one. Those of the caches do not count. Thread-safe.
class AddressLimit {
  public:
    /// @p most of one address, 0: any number. @p proxies are the caches, which stand for many.
    AddressLimit(std::size_t most, std::vector<net::Network> proxies)
        : m_most(most), m_proxies(std::move(proxies)) {}
    AddressLimit(const AddressLimit &) = delete;
    AddressLimit &operator=(const AddressLimit &) = delete;

    /// The place of one connection, given back at its end. Not longer-lived than its limit.
    class Place {
      public:
        Place() = default; ///< of a connection that does not count
        Place(AddressLimit *of, std::string whose) : m_of(of), m_whose(std::move(whose)) {}
        Place(Place &&other) noexcept
            : m_of(std::exchange(other.m_of, nullptr)), m_whose(std::move(other.m_whose)) {}
        Place &operator=(Place &&other) noexcept;
        ~Place();

      private:
        AddressLimit *m_of = nullptr;
        std::string m_whose;
    };
    /// Nothing when @p from has as many as it may.
    [[nodiscard]] std::optional<Place> enter(const net::Ip &from);

  private:
    const std::size_t m_most;
    const std::vector<net::Network> m_proxies;
    std::mutex m_mutex;
    std::unordered_map<std::string, std::size_t> m_open; ///< those that have any
};

} // namespace relay
