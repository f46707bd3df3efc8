#include "relay/child.hpp"

namespace relay {

using base::Errc;
using base::Result;

namespace {
constexpr auto k_patience = std::chrono::seconds{10}; // with a child that takes no message
} // namespace

Result<Child> Child::start(int program, const ChildIdentity &identity, sigset_t mask,
                           const char *name) {
    auto [ours, theirs] = TRY(base::MessageSocket::make_pair());
    Process process =
        TRY(Process::start({.program = program,
                            .arguments = {name, "--fd", std::to_string(Launch::k_socket)},
                            .socket = theirs.fd()},
                           identity, mask));
    return Child{std::move(process), std::move(ours)};
}

Result<void> Outlet::flush(base::MessageSocket &socket, Intake &intake, base::SteadyTime now) {
    while (!intake.outbox.empty()) {
        const Intake::Outgoing &next = intake.outbox.front();
        std::vector<int> fds;
        if (next.extent)
            fds.push_back(next.extent->fd());
        std::string text = wire::write_ingest(next.message);
        const auto sent = socket.send(text, fds);
        if (std::holds_alternative<wire::IngestSetup>(next.message))
            seal::wipe(text);
        if (!sent && sent.error().code == Errc::try_again) {
            m_stuck_since = m_stuck_since.value_or(now);
            if (now - *m_stuck_since >= k_patience)
                return base::fail(Errc::protocol, "it does not read its messages");
            return {};
        }
        if (!sent)
            return sent;
        m_stuck_since.reset();
        intake.outbox.pop_front();
    }
    m_stuck_since.reset();
    return {};
}

} // namespace relay
