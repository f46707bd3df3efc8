#include "route/guard.hpp"

#include "route/nft.hpp"

#include <charconv>

namespace route {

using base::Errc;
using base::Result;

namespace {

/// Runs @p commands in one transaction and returns what nft printed, without counters' values.
Result<std::string> run(const std::string &commands) {
    return Nft{Nft::Counters::hidden}.run(commands);
}

std::vector<std::string> texts(const std::set<Address> &addresses, Family family) {
    std::vector<std::string> out;
    for (const Address &address : addresses)
        if (address.family == family)
            out.push_back(address.text());
    return out;
}

std::vector<std::string> quoted(const std::set<std::string> &names) {
    std::vector<std::string> out;
    out.reserve(names.size());
    for (const std::string &name : names)
        out.push_back(fmt::format("\"{}\"", name));
    return out;
}

std::string set_text(std::string_view name, std::string_view type,
                     const std::vector<std::string> &elements) {
    std::string out = fmt::format("set {} {{ type {};", name, type);
    if (!elements.empty())
        out += fmt::format(" elements = {{ {} }};", fmt::join(elements, ", "));
    return out + " }\n";
}

std::string refill(std::string_view name, const std::vector<std::string> &elements) {
    std::string out = fmt::format("flush set inet slotcast {}\n", name);
    if (!elements.empty())
        out +=
            fmt::format("add element inet slotcast {} {{ {} }}\n", name, fmt::join(elements, ", "));
    return out;
}

/// The members of set @p name in @p all: the words between `elements = {` and `}`.
std::vector<std::string> members(const std::vector<std::string> &all, std::string_view name) {
    std::vector<std::string> out;
    std::size_t at = 0;
    while (at + 1 < all.size() && !(all[at] == "set" && all[at + 1] == name))
        ++at;
    while (at < all.size() && all[at] != "}" && all[at] != "elements")
        ++at;
    if (at >= all.size() || all[at] != "elements")
        return out;
    for (at += 3; at < all.size() && all[at] != "}"; ++at)
        out.push_back(all[at]);
    return out;
}

template <typename Int> Int number_in(const std::string &text, int base = 10) {
    const std::string_view digits = std::string_view(text).substr(base == 16 ? 2 : 0);
    Int out = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
    return out;
}

/// The three rules of a tunnel. The last: where its program is gone, the kernel answers what still
/// comes from the other end with port unreachable, which has a piece of that in it.
std::string outer_text(const Outer &outer) {
    const bool v4 = outer.endpoint.family == Family::v4;
    const std::string elsewhere =
        outer.interface.empty() ? "" : fmt::format("oifname != \"{}\" ", outer.interface);
    return fmt::format(
        "meta mark {0:#010x} {1}counter drop\n{2} daddr {3} udp dport {4} {1}counter drop\n"
        "{2} daddr {3} {5} {1}counter drop\n",
        outer.mark, elsewhere, v4 ? "ip" : "ip6", outer.endpoint.text(), outer.port,
        v4 ? "icmp type 3" : "icmpv6 type 1"); // destination unreachable, RFC 792, RFC 4443
}

/// What outer_text() wrote, as nft shows it: `mark M [oifname != IF] counter … daddr E udp dport
/// P`. What is not quite so makes texts that differ.
std::set<Outer> outer_in(const std::vector<std::string> &all) {
    std::set<Outer> out;
    for (std::size_t at = 0; at + 1 < all.size(); ++at) {
        if (all[at] != "mark")
            continue;
        Outer outer{.mark = number_in<std::uint32_t>(all[at + 1], 16),
                    .endpoint = {},
                    .port = 0,
                    .interface = {}};
        std::size_t next = at + 2;
        if (next + 2 < all.size() && all[next] == "oifname" && all[next + 2].size() > 2) {
            outer.interface = all[next + 2].substr(1, all[next + 2].size() - 2);
            next += 3;
        }
        constexpr std::size_t k_to_address = 4; // counter drop ip daddr
        if (next + k_to_address + 3 < all.size()) {
            outer.endpoint = Address::parse(all[next + k_to_address]).value_or(Address{});
            outer.port = number_in<std::uint16_t>(all[next + k_to_address + 3]);
        }
        out.insert(std::move(outer));
    }
    return out;
}

std::uint32_t uid_in(const std::vector<std::string> &all) {
    std::uint32_t uid = 0;
    for (std::size_t at = 0; at + 1 < all.size(); ++at)
        if (all[at] == "skuid")
            std::from_chars(all[at + 1].data(), all[at + 1].data() + all[at + 1].size(), uid);
    return uid;
}

} // namespace

std::string guard_text(const Guard &guard) {
    std::string out = "table inet slotcast {\n";
    out += set_text("carriers", "ifname", quoted(guard.interfaces));
    out += set_text("relay_ingest", "ipv4_addr", texts(guard.relay_ingest, Family::v4));
    out += set_text("relay_ingest6", "ipv6_addr", texts(guard.relay_ingest, Family::v6));
    // After routing, and after every other filter: what reaches this has an interface.
    out += "chain guard {\n"
           "type filter hook postrouting priority 300; policy accept;\n";
    for (const Outer &outer : guard.outer)
        out += outer_text(outer);
    // Media that goes where it may is nearly all that comes by here: the rest is asked of others.
    out += fmt::format("oifname @carriers accept\n"
                       "meta skuid {} oifname != \"lo\" oifname != @carriers counter drop\n"
                       "ip daddr @relay_ingest oifname != @carriers counter drop\n"
                       "ip6 daddr @relay_ingest6 oifname != @carriers counter drop\n",
                       guard.media_uid);
    return out + "}\n}\n";
}

std::optional<Guard> read_guard(std::string_view nft_text) {
    const auto all = nft_words(nft_text);
    Guard guard;
    guard.media_uid = uid_in(all);
    guard.outer = outer_in(all);
    for (const std::string &name : members(all, "carriers")) {
        if (name.size() < 3)
            return std::nullopt;
        guard.interfaces.insert(name.substr(1, name.size() - 2)); // its quotes
    }
    for (const std::string_view set : {"relay_ingest", "relay_ingest6"})
        for (const std::string &text : members(all, set)) {
            const auto address = Address::parse(text);
            if (!address)
                return std::nullopt;
            guard.relay_ingest.insert(*address);
        }
    // nft orders set members as it likes; all else must be as we would write it.
    const auto without_members = [](const std::vector<std::string> &from) {
        std::vector<std::string> out;
        for (std::size_t at = 0; at < from.size(); ++at) {
            if (from[at] != "elements") {
                out.push_back(from[at]);
                continue;
            }
            while (at < from.size() && from[at] != "}")
                ++at;
        }
        return out;
    };
    if (without_members(all) != without_members(nft_words(guard_text(guard))))
        return std::nullopt;
    return guard;
}

Result<std::optional<Guard>> kernel_guard() {
    const auto listed = run("list table inet slotcast");
    if (!listed && listed.error().code == Errc::no_input)
        return std::optional<Guard>{};
    if (!listed)
        return std::unexpected(listed.error());
    return read_guard(*listed);
}

Result<void> set_kernel_guard(const Guard &guard) {
    const auto listed = run("list table inet slotcast");
    if (!listed && listed.error().code != Errc::no_input)
        return std::unexpected(listed.error());
    const auto there = listed ? read_guard(*listed) : std::nullopt;
    std::string commands;
    if (!listed) {
        // Deleting what is not there would be safe too, but the kernel takes a grace period for it.
        commands = guard_text(guard);
    } else if (there && there->media_uid == guard.media_uid && there->outer == guard.outer) {
        commands = refill("carriers", quoted(guard.interfaces)) +
                   refill("relay_ingest", texts(guard.relay_ingest, Family::v4)) +
                   refill("relay_ingest6", texts(guard.relay_ingest, Family::v6));
    } else {
        // The first line makes sure that there is something to delete.
        commands = "table inet slotcast\ndelete table inet slotcast\n" + guard_text(guard);
    }
    TRY(run(commands));
    return {};
}

Result<void> remove_kernel_guard() {
    const auto done = run("delete table inet slotcast");
    if (!done && done.error().code != Errc::no_input)
        return std::unexpected(done.error());
    return {};
}

} // namespace route
