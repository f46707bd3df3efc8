#include "route/nft.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <new>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <utility>

namespace route {

using base::Errc;
using base::Result;

namespace {

/// The library's socket is inherited by programs that are run, and would keep our tables there.
nft_ctx *open_context() {
    base::Fd next{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int fd = next.get(); // the lowest free number, which the socket gets
    next.reset();
    nft_ctx *const out = ::nft_ctx_new(NFT_CTX_DEFAULT);
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (fd >= 0 && ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
        protocol == NETLINK_NETFILTER)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return out;
}

} // namespace

void Nft::Free::operator()(nft_ctx *context) const {
    ::nft_ctx_free(context);
}

Nft::Nft(Counters counters) : m_context(open_context()) {
    if (!m_context)
        throw std::bad_alloc();
    ::nft_ctx_buffer_output(m_context.get());
    ::nft_ctx_buffer_error(m_context.get());
    const unsigned stateless = counters == Counters::hidden ? NFT_CTX_OUTPUT_STATELESS : 0;
    ::nft_ctx_output_set_flags(m_context.get(), stateless | NFT_CTX_OUTPUT_NUMERIC_ALL);
}

Result<std::string> Nft::run(const std::string &commands) {
    const bool done = ::nft_run_cmd_from_buffer(m_context.get(), commands.c_str()) == 0;
    // Reading a buffer empties it.
    std::string printed = ::nft_ctx_get_output_buffer(m_context.get());
    const std::string said = ::nft_ctx_get_error_buffer(m_context.get());
    if (done)
        return printed;
    const std::string first = said.substr(0, said.find('\n'));
    if (said.find("Operation not permitted") != std::string::npos)
        return base::fail_hint(Errc::not_permitted, "run it as root, or with CAP_NET_ADMIN",
                               "nftables: operation not permitted");
    if (said.find("No such file") != std::string::npos)
        return base::fail(Errc::no_input, "nftables: {}", first);
    return base::fail(Errc::io, "nftables: {}", first);
}

std::vector<std::string> nft_words(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    const auto end_word = [&] {
        if (!word.empty())
            out.push_back(std::exchange(word, {}));
    };
    for (const char c : text) {
        if (c == '{' || c == '}') {
            end_word();
            out.emplace_back(1, c);
        } else if (c == ' ' || c == '\t' || c == '\n' || c == ',' || c == ';') {
            end_word();
        } else {
            word += c;
        }
    }
    end_word();
    return out;
}

} // namespace route
