#include "relay/descriptors.hpp"

#include "relay/fanout.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/resource.h>

namespace relay {

namespace {

constexpr std::size_t k_most = std::size_t{1} << 20; // where the hard limit is none
// Own sockets, threads, curl, the disk; then each carrier's child with its listeners; then extents,
// which outlive their place in the store while viewers still get them.
constexpr std::size_t k_own = 32;
constexpr std::size_t k_per_carrier = 8;
constexpr std::size_t k_pipes_share = 8;   // of the limit, one in
constexpr std::size_t k_fewest_pipes = 4;  // that are worth it
constexpr std::size_t k_extents_share = 4; // of the limit, one in
constexpr std::size_t k_least_extents = 32;
constexpr std::size_t k_most_extents = 16384;

} // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024; // what every system gives
    rlimit raised = limit;
    raised.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, k_most));
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    return std::min<std::size_t>(limit.rlim_cur, k_most);
}

std::size_t connections_within(std::size_t limit, std::size_t wanted, std::size_t carriers,
                               std::size_t workers) {
    const std::size_t reserve =
        k_own + k_per_carrier * carriers +
        Fanout::descriptors(pipes_within(limit, workers)) * workers +
        std::clamp(limit / k_extents_share, k_least_extents, k_most_extents);
    const std::size_t left = limit > reserve ? limit - reserve : 0;
    return std::max<std::size_t>(1, std::min(wanted, left));
}

std::size_t pipes_within(std::size_t limit, std::size_t workers) {
    std::size_t pipes = Fanout::k_most_pipes;
    while (pipes >= k_fewest_pipes && Fanout::descriptors(pipes) * workers > limit / k_pipes_share)
        --pipes;
    return pipes < k_fewest_pipes ? 0 : pipes;
}

bool is_shortage(int error_number) {
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
           error_number == ENOBUFS;
}

} // namespace relay
