#include "route/tally.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace route {

using base::Errc;
using base::Result;

namespace {

constexpr std::string_view k_table = "inet slotcast_check";

/// Just before the guard (300) and behind everything.
std::string table_text(const std::vector<Watched> &watched, const std::set<std::string> &carriers) {
    std::string out = fmt::format("add table {} {{ flags owner; }}\n", k_table);
    out += fmt::format("add set {} carriers {{ type ifname; }}\n", k_table);
    for (const std::string &interface : carriers)
        out += fmt::format("add element {} carriers {{ \"{}\" }}\n", k_table, interface);
    for (const auto &[chain, priority] : {std::pair{"before", 299}, std::pair{"behind", 400}})
        out += fmt::format("add chain {} {} {{ type filter hook postrouting priority {}; }}\n",
                           k_table, chain, priority);
    for (std::size_t i = 0; i < watched.size(); ++i) {
        const Watched &one = watched[i];
        const std::string match =
            fmt::format("meta skuid {} {} daddr {} udp dport {}", one.uid,
                        one.to.family == Family::v4 ? "ip" : "ip6", one.to.text(), Tally::k_port);
        const std::string other = match + " oifname != \"lo\" oifname != @carriers";
        const auto rule = [&](std::string_view chain, std::string_view what,
                              std::string_view name) {
            out += fmt::format("add counter {0} {1}{2}\nadd rule {0} {3} {4} counter name {1}{2}\n",
                               k_table, name, i, chain, what);
        };
        rule("before", other, "tried");
        rule("behind", other, "elsewhere");
        rule("behind", match + " oifname @carriers", "carrier");
    }
    return out;
}

/// The packets of counter @p name in what nft printed.
std::uint64_t packets(const std::vector<std::string> &words, const std::string &name) {
    for (std::size_t at = 0; at + 4 < words.size(); ++at) {
        if (words[at] != "counter" || words[at + 1] != name || words[at + 3] != "packets")
            continue;
        std::uint64_t value = 0;
        const std::string &text = words[at + 4];
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }
    return 0;
}

} // namespace

Result<Tally> Tally::start(const std::vector<Watched> &watched,
                           const std::set<std::string> &carriers) {
    Nft nft{Nft::Counters::hidden};
    const auto made = nft.run(table_text(watched, carriers));
    if (!made && made.error().code == Errc::io)
        return base::fail_hint(Errc::unavailable,
                               "it needs Linux 5.12 or later, and no other leak test at work",
                               "count what leaves: {}", made.error().message);
    if (!made)
        return std::unexpected(made.error());
    return Tally{std::move(nft), watched.size()};
}

Result<std::vector<Left>> Tally::take() {
    // By a connection of its own: one that has listed counters before shows them as they were then.
    const auto words = nft_words(
        TRY(Nft{Nft::Counters::shown}.run(fmt::format("list counters table {}", k_table))));
    std::vector<Left> out;
    for (std::size_t i = 0; i < m_taken.size(); ++i) {
        Left all{.by_carrier = packets(words, fmt::format("carrier{}", i)),
                 .elsewhere = packets(words, fmt::format("elsewhere{}", i)),
                 .held = packets(words, fmt::format("tried{}", i))};
        all.held -= std::min(all.held, all.elsewhere);
        const Left before = std::exchange(m_taken[i], all);
        out.push_back({.by_carrier = all.by_carrier - before.by_carrier,
                       .elsewhere = all.elsewhere - before.elsewhere,
                       .held = all.held - before.held});
    }
    return out;
}

Result<void> Tally::cut(const std::string &interface) {
    TRY(m_nft.run(fmt::format("add rule {} behind oifname \"{}\" udp dport {} drop", k_table,
                              interface, k_port)));
    return {};
}

} // namespace route
