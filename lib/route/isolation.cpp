#include "route/isolation.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "route/interfaces.hpp"
#include "route/nft.hpp"
#include "route/passage.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sstream>

namespace route {

using base::Errc;
using base::Result;

namespace {

// Locally administered; nobody's but that of our own frames.
constexpr MacAddress k_mac_there{0x02, 0x73, 0x6c, 0x6f, 0x74, 0x01};
constexpr unsigned k_most_pairs = 1000;

/// Local ports behind those that the machine itself gives out by default, so that an answer is not
/// taken for one to another program; other senders mostly have others.
Result<void> set_ports(std::uint64_t number) {
    constexpr std::uint64_t k_first = 61000;
    constexpr std::uint64_t k_size = 256;
    constexpr std::uint64_t k_slices = 17;
    const char *const file = "/proc/sys/net/ipv4/ip_local_port_range";
    const base::Fd fd{::open(file, O_WRONLY | O_CLOEXEC)};
    if (!fd)
        return base::fail_errno("open", file);
    const auto first = k_first + k_size * (number % k_slices);
    return base::write_all(fd.get(), fmt::format("{} {}\n", first, first + k_size - 1), file);
}

} // namespace

Isolation::Isolation(Namespace space, Sockets here, Sockets there, std::string table)
    : m_namespace(std::move(space)), m_here(std::move(here)), m_there(std::move(there)),
      m_nft(std::make_unique<Nft>(Nft::Counters::hidden)), m_table(std::move(table)) {}
Isolation::Isolation(Isolation &&) noexcept = default;

/// The kernel would take the pairs away with the namespace, but later.
Isolation::~Isolation() {
    while (!m_twins.empty())
        if (const auto gone = remove_twin(m_twins.begin()->first); !gone)
            base::log::error("{}", gone.error().message);
}

Result<Isolation::Sockets> Isolation::open_sockets() {
    return Sockets{std::make_unique<Netlink>(TRY(Netlink::open(NETLINK_ROUTE))),
                   TRY(Kernel::open())};
}

Result<Isolation> Isolation::make() {
    auto space = TRY(Namespace::make());
    const auto number = TRY(space.number());
    std::optional<Sockets> there;
    TRY(space.inside([&]() -> Result<void> {
        there = TRY(open_sockets());
        if (const auto set = set_ports(number); !set)
            base::log::debug("{}", set.error().message);
        return bring_up(*there->links, "lo", Arp::as_it_is);
    }));
    return Isolation{std::move(space), TRY(open_sockets()), std::move(*there),
                     fmt::format("slotcast_{}", number)};
}

Result<void> Isolation::make_twin(const std::string &interface, const Link &link) {
    Pair pair{.here = {},
              .there = interface,
              .there_fd = m_namespace.fd(),
              .mac_there = k_mac_there,
              .mtu = link.mtu};
    bool made = false;
    for (unsigned i = 0; !made && i < k_most_pairs; ++i) {
        pair.here = fmt::format("sci{}", i);
        made = TRY(make_pair(*m_here.links, pair));
    }
    if (!made)
        return base::fail(Errc::io, "make an interface for {}: {} are there already", interface,
                          k_most_pairs);
    m_twins[interface] = {.pair = pair.here, .index = link.index, .mtu = link.mtu, .addresses = {}};
    for (const Family family : k_families)
        TRY(set_neighbour(*m_here.links, pair.here, pair_neighbour(family), k_mac_there));
    TRY(bring_up(*m_here.links, pair.here, Arp::as_it_is));
    return m_namespace.inside([&] { return bring_up(*m_there.links, interface, Arp::off); });
}

Result<void> Isolation::remove_twin(const std::string &interface) {
    const std::string pair = m_twins.at(interface).pair;
    m_twins.erase(interface);
    return remove_interface(*m_here.links, pair);
}

/// Twins for the interfaces that are there, and for no other; the carriers that have one.
Result<std::vector<Carrier>> Isolation::set_twins(const Policy &policy) {
    std::vector<Carrier> out;
    std::map<std::string, Link> links;
    for (const Carrier &carrier : policy.carriers)
        if (auto link = TRY(m_here.kernel.link(carrier.interface)); link && carrier.up) {
            links.emplace(carrier.interface, std::move(*link));
            out.push_back(carrier);
        }
    for (const auto &[interface, twin] : Twins{m_twins}) {
        const auto link = links.find(interface);
        if (link != links.end() && link->second.index == twin.index && link->second.mtu == twin.mtu)
            continue;
        m_made_anew = true;
        TRY(remove_twin(interface));
    }
    for (const auto &[interface, link] : links) {
        if (m_twins.contains(interface))
            continue;
        m_made_anew = true;
        TRY(make_twin(interface, link));
    }
    return out;
}

Result<void> Isolation::set_addresses(const Carrier &carrier) {
    Twin &twin = m_twins.at(carrier.interface);
    const std::set<Address> wanted(carrier.usable.begin(), carrier.usable.end());
    for (const Address &address : std::set<Address>{twin.addresses})
        if (!wanted.contains(address)) {
            TRY(remove_address(*m_there.links, carrier.interface,
                               InterfaceAddress::alone(address)));
            twin.addresses.erase(address);
        }
    for (const Address &address : wanted)
        if (!twin.addresses.contains(address)) {
            TRY(add_address(*m_there.links, carrier.interface, InterfaceAddress::alone(address)));
            twin.addresses.insert(address);
        }
    return {};
}

/// The same tables and rules as outside, so that what is bound to a carrier keeps to it here too.
Result<void> Isolation::set_routes(const Policy &policy) {
    return m_namespace.inside([&]() -> Result<void> {
        for (const Carrier &carrier : policy.carriers)
            TRY(set_addresses(carrier));
        const State now = TRY(m_there.kernel.read());
        return m_there.kernel.apply(difference(now, wanted(policy)));
    });
}

Result<void> Isolation::set_passages(const Policy &policy) {
    std::vector<Passage> passages;
    passages.reserve(policy.carriers.size());
    for (const Carrier &carrier : policy.carriers)
        passages.push_back({carrier, m_twins.at(carrier.interface).pair});
    std::string commands;
    if (m_table_made)
        commands = fmt::format("delete table netdev {}\n", m_table);
    commands += passage_text(m_table, passages, policy.relay_ingest);
    TRY(m_nft->run(commands));
    m_table_made = true;
    return {};
}

std::vector<std::string> isolation_commands(const Policy &policy) {
    std::vector<std::string> out;
    std::vector<Passage> passages;
    for (const Carrier &carrier : policy.carriers) {
        if (!carrier.up)
            continue;
        const std::string &name = carrier.interface;
        out.push_back(fmt::format("ip link add sciN type veth peer name {} netns SENDER", name));
        for (const Address &address : carrier.usable)
            out.push_back(fmt::format("ip -n SENDER address add {} dev {} noprefixroute",
                                      address.text(), name));
        passages.push_back({carrier, "sciN"});
    }
    std::istringstream lines{passage_text("slotcast_N", passages, policy.relay_ingest)};
    for (std::string line; std::getline(lines, line);)
        out.push_back("nft " + line);
    return out;
}

Result<void> Isolation::follow(const Policy &policy) {
    Policy present = policy;
    present.carriers = TRY(set_twins(policy));
    if (!m_made_anew && present == m_done)
        return {};
    m_made_anew = true; // until all of it is done
    TRY(set_routes(present));
    TRY(set_passages(present));
    m_made_anew = false;
    m_done = std::move(present);
    return {};
}

} // namespace route
