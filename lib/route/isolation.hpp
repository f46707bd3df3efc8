// The strongest form of keeping media to its carriers: the sender lives in a network namespace
// where there is nothing else.
//
// A carrier's interface is shared with the rest of the machine (probes, other reservations, an
// encoder that has the URL), so that it cannot be moved there; macvlan and ipvlan would need a
// second address of the line, and do not work on PPP; routing from there would turn the machine
// into a router, and pass by its rules. So the sender gets a pair's end that bears the carrier's
// name and addresses, and nftables carries what belongs to the relays from one interface to the
// other, before the machine's own routing sees it. Should that be taken away, then what comes out
// of the pair is addressed to nobody, and is dropped.
//
// All of it is tied to this process: nothing stays when it is killed.
#pragma once

#include "route/kernel.hpp"
#include "route/namespace.hpp"

#include <map>

namespace route {

class Nft;

/// Not thread-safe; the process must have one thread.
class Isolation {
  public:
    /// not_permitted: it needs CAP_SYS_ADMIN.
    [[nodiscard]] static base::Result<Isolation> make();
    Isolation(Isolation &&) noexcept;
    Isolation &operator=(Isolation &&) = delete;
    ~Isolation();

    /// For the sender, see setns(2).
    [[nodiscard]] int fd() const { return m_namespace.fd(); }

    /// Makes the namespace have what @p policy tells of carriers that are there, and nothing else.
    /// Repeating it changes nothing, but for what was taken away meanwhile.
    [[nodiscard]] base::Result<void> follow(const Policy &policy);

  private:
    /// A carrier's interface, as the sender has it.
    struct Twin {
        std::string pair;   ///< the end that is here
        unsigned index = 0; ///< of the carrier's interface
        unsigned mtu = 0;
        std::set<Address> addresses;
    };
    using Twins = std::map<std::string, Twin>; // by the carrier's interface

    /// To the kernel, in the one or the other namespace.
    struct Sockets {
        std::unique_ptr<Netlink> links;
        Kernel kernel;
    };

    Isolation(Namespace space, Sockets here, Sockets there, std::string table);
    [[nodiscard]] static base::Result<Sockets> open_sockets();
    [[nodiscard]] base::Result<std::vector<Carrier>> set_twins(const Policy &policy);
    [[nodiscard]] base::Result<void> make_twin(const std::string &interface, const Link &link);
    [[nodiscard]] base::Result<void> remove_twin(const std::string &interface);
    [[nodiscard]] base::Result<void> set_addresses(const Carrier &carrier);
    [[nodiscard]] base::Result<void> set_routes(const Policy &policy);
    [[nodiscard]] base::Result<void> set_passages(const Policy &policy);

    Namespace m_namespace;
    Sockets m_here;
    Sockets m_there;
    std::unique_ptr<Nft> m_nft; // owns the table
    std::string m_table;
    bool m_table_made = false;
    Twins m_twins;
    bool m_made_anew = false; // something of it, since m_done
    Policy m_done;
};

/// What follow() does for @p policy, as commands of ip(8) and nft(8), for people. N stands for what
/// is only known then, SENDER for the namespace.
[[nodiscard]] std::vector<std::string> isolation_commands(const Policy &policy);

} // namespace route
