// Plays relay-serve for one relay-ingest: starts it, gives it extents, keeps what it delivers and
// prints every message. Keys and names are fixed, so that `play-relay ticket` fits.
//
//   play-relay serve FOLDER          commands on stdin, messages of the child on stdout, the bytes
//                                    of stream N in FOLDER/N.ts; times are ms from now
//       admit ID START END LEAD_S DRAIN_S GENERATION RATE
//       withdraw ID | close STREAM REASON | clock OFFSET_MS | raw TEXT | quit
//       stingy | unmappable STREAM       from now on: no extents, or such as cannot be written
//   play-relay ticket ID [RELAY [GENERATION [MODE [FROM [TO]]]]]
//                                    ticket and passphrase, a space between; times as above
//   play-relay echo PORT [KEY]                            asks the echo; 1 when nothing answers
#include "base/control_clock.hpp"
#include "base/file.hpp"
#include "base/message_socket.hpp"
#include "seal/echo.hpp"
#include "seal/init.hpp"
#include "seal/ticket.hpp"
#include "wire/ingest.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace {

using base::Result;
using Words = std::vector<std::string>;

constexpr std::int64_t k_extent_bytes =
    100'000; // small and no multiple of 188: extents change often
const seal::Bytes k_group(32, 2);
const seal::Bytes k_echo(32, 3);

seal::SigningKey control_key() {
    return *seal::SigningKey::from_seed(seal::Bytes(32, 1));
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

std::uint16_t free_port() {
    const base::Fd fd{::socket(AF_INET, SOCK_DGRAM, 0)};
    sockaddr_in a = loopback(0);
    socklen_t size = sizeof a;
    if (::bind(fd.get(), reinterpret_cast<sockaddr *>(&a), size) != 0)
        std::perror("bind");
    ::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&a), &size);
    return ntohs(a.sin_port);
}

base::Fd make_extent() {
    base::Fd fd{::memfd_create("extent", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (::ftruncate(fd.get(), k_extent_bytes) != 0 ||
        ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
        std::perror("memfd");
    return fd;
}

class Parent {
  public:
    explicit Parent(std::string folder) : m_folder(std::move(folder)) {}

    int run() {
        start_child();
        std::array<pollfd, 2> waiting{{{STDIN_FILENO, POLLIN, 0}, {m_child.fd(), POLLIN, 0}}};
        std::string input;
        while (::poll(waiting.data(), waiting.size(), -1) > 0) {
            if (waiting[1].revents != 0 && !hear())
                break;
            if (waiting[0].revents == 0)
                continue;
            std::array<char, 4096> bytes{};
            const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
            if (n <= 0)
                break;
            input.append(bytes.data(), static_cast<std::size_t>(n));
            for (std::size_t end = 0; (end = input.find('\n')) != std::string::npos;) {
                const std::string line = input.substr(0, end);
                input.erase(0, end + 1);
                if (line == "quit")
                    return finish();
                obey(line);
            }
        }
        return finish();
    }

  private:
    void start_child() {
        auto pair = base::MessageSocket::make_pair();
        m_child = std::move(pair->first);
        const std::uint16_t port = free_port();
        const std::uint16_t echo = free_port();
        m_pid = ::fork();
        if (m_pid == 0) {
            ::dup2(pair->second.fd(), 3);
            ::execlp("relay-ingest", "relay-ingest", "--fd", "3", nullptr);
            ::_exit(127);
        }
        print(fmt::format(R"({{"type":"child","pid":{},"port":{},"echo":{}}})", m_pid, port, echo));
        wire::IngestSetup setup;
        setup.relay = "r1";
        setup.carrier = "lineA";
        setup.listen = {.host = "127.0.0.1", .port = port};
        setup.echo = wire::Probe{.at = {.host = "127.0.0.1", .port = echo},
                                 .key = seal::to_base64url(k_echo)};
        setup.control_key = seal::public_key_text(control_key().public_key());
        setup.group_key = seal::to_base64url(k_group);
        send(setup);
    }

    int finish() {
        m_child.close();
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        print(fmt::format(R"({{"type":"exit","code":{}}})",
                          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
        return 0;
    }

    [[nodiscard]] base::UtcTime from_now(const std::string &ms) const {
        return m_ours.now() + base::Millis{std::stoll(ms)};
    }

    void obey(const std::string &line) {
        std::istringstream in{line};
        const Words w{std::istream_iterator<std::string>{in}, {}};
        if (w.empty())
            return;
        if (w[0] == "raw") {
            if (auto sent = m_child.send(line.substr(4)); !sent)
                print(sent.error().message);
        } else if (w[0] == "stingy") {
            m_stingy = true;
        } else if (w[0] == "unmappable") {
            m_unmappable = std::stoll(w.at(1));
        } else if (w[0] == "clock") {
            send(wire::IngestClock{m_ours.offset().count() + std::stoll(w.at(1))});
        } else if (w[0] == "withdraw") {
            send(wire::IngestWithdraw{*base::Id::parse(w.at(1)), "cancelled"});
        } else if (w[0] == "close") {
            send(wire::IngestClose{.stream = std::stoll(w.at(1)), .reason = w.at(2)});
        } else if (w[0] == "admit") {
            wire::IngestAdmit m;
            m.reservation = *base::Id::parse(w.at(1));
            m.channel = "studio1";
            m.window = {.start = from_now(w.at(2)),
                        .end = from_now(w.at(3)),
                        .lead_in = base::Seconds{std::stoll(w.at(4))},
                        .drain = base::Seconds{std::stoll(w.at(5))}};
            m.generation = static_cast<std::uint32_t>(std::stoul(w.at(6)));
            m.max_rate = *base::parse_rate(w.at(7));
            send(m);
        }
    }

    bool hear() {
        auto message = m_child.receive();
        if (!message)
            return false;
        if (!*message)
            return true;
        print((*message)->text);
        const auto read = wire::read_ingest((*message)->text);
        if (!read)
            return print("violation: " + read.error().message), true;
        if (const auto *opened = std::get_if<wire::IngestOpened>(&*read))
            give(opened->stream, 0);
        if (const auto *need = std::get_if<wire::IngestNeedExtent>(&*read))
            give(need->stream, need->extent);
        if (const auto *part = std::get_if<wire::IngestPart>(&*read))
            keep(*part);
        return true;
    }

    void give(std::int64_t stream, std::int64_t number) {
        if (m_stingy)
            return;
        base::Fd fd = make_extent();
        if (stream == m_unmappable)
            fd = base::Fd{
                ::open(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), O_RDONLY | O_CLOEXEC)};
        const std::string text = wire::write_ingest(
            wire::IngestExtent{.stream = stream, .extent = number, .bytes = k_extent_bytes});
        if (auto sent = m_child.send(text, {fd.get()}); !sent)
            print(sent.error().message);
        m_extents[{stream, number}] = std::move(fd);
    }

    // Parts must follow each other without a gap, and hold whole packets.
    void keep(const wire::IngestPart &part) {
        auto &next = m_next[part.stream];
        const bool moved =
            part.extent == next.first + 1 && part.offset == 0 && k_extent_bytes - next.second < 188;
        if (!moved && (part.extent != next.first || part.offset != next.second))
            print(fmt::format("violation: a gap before extent {} offset {}", part.extent,
                              part.offset));
        next = {part.extent, part.offset + part.bytes};
        const auto found = m_extents.find({part.stream, part.extent});
        if (found == m_extents.end() || next.second > k_extent_bytes || part.bytes % 188 != 0)
            return print("violation: a part that cannot be");
        std::string bytes(static_cast<std::size_t>(part.bytes), '\0');
        if (::pread(found->second.get(), bytes.data(), bytes.size(), part.offset) !=
            static_cast<ssize_t>(bytes.size()))
            return print("violation: a short extent");
        const base::Fd out{::open(fmt::format("{}/{}.ts", m_folder, part.stream).c_str(),
                                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
        if (auto written = base::write_all(out.get(), bytes, "stream"); !written)
            print(written.error().message);
    }

    void send(const wire::IngestMessage &message) {
        if (auto sent = m_child.send(wire::write_ingest(message)); !sent)
            print(sent.error().message);
    }
    static void print(const std::string &line) { std::cout << line << '\n' << std::flush; }

    base::SystemClock m_machine;
    base::ControlClock m_ours{m_machine}; // this machine's time, from its start
    std::string m_folder;
    base::MessageSocket m_child;
    pid_t m_pid = -1;
    bool m_stingy = false;          // give no extents
    std::int64_t m_unmappable = -1; // the stream that gets them for reading only
    std::map<std::pair<std::int64_t, std::int64_t>, base::Fd> m_extents;
    std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> m_next; // extent, offset
};

int ticket(const Words &w) {
    const auto word = [&](std::size_t i, const char *otherwise) {
        return w.size() > i ? w[i] : std::string{otherwise};
    };
    seal::Ticket t;
    t.mode = static_cast<seal::TicketMode>(std::stoi(word(3, "1")));
    const auto random = seal::random_bytes(t.ticket_id.size());
    std::ranges::copy(random, t.ticket_id.begin());
    t.reservation = *base::Id::parse(w.at(0));
    t.channel = seal::short_hash("studio1");
    const base::UtcTime now = base::SystemClock{}.now();
    t.not_before = now + base::Millis{std::stoi(word(4, "-3600000"))};
    t.expiry = now + base::Millis{std::stoi(word(5, "3600000"))};
    t.max_kbps = 6000;
    t.generation = static_cast<std::uint32_t>(std::stoul(word(2, "1")));
    t.audience = seal::short_hash(word(1, "r1"));
    std::cout << seal::issue_ticket(t, control_key()) << ' '
              << seal::srt_passphrase(k_group, t.ticket_id) << '\n';
    return 0;
}

int echo(const Words &w) {
    const base::Fd fd{::socket(AF_INET, SOCK_DGRAM, 0)};
    const sockaddr_in to = loopback(static_cast<std::uint16_t>(std::stoul(w.at(0))));
    const auto *at = reinterpret_cast<const sockaddr *>(&to);
    const seal::Bytes key = w.size() > 1 ? seal::Bytes(32, 9) : k_echo;
    const seal::EchoCookie cookie{1, 2, 3, 4, 5, 6, 7, 8};
    const auto question = seal::echo_question(key, cookie);
    ::sendto(fd.get(), question.data(), question.size() - 1, 0, at, sizeof to); // cut: no answer
    ::sendto(fd.get(), question.data(), question.size(), 0, at, sizeof to);
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 500) != 1)
        return 1;
    std::array<std::uint8_t, 64> answer{};
    const ssize_t n = ::recv(fd.get(), answer.data(), answer.size(), 0);
    if (n != 32 || seal::read_echo_answer(key, {answer.data(), 32}) != cookie)
        return 2;
    return ::poll(&waiting, 1, 100) == 0 ? 0 : 3; // one question, one answer
}

} // namespace

int main(int argc, char **argv) {
    std::signal(SIGPIPE, SIG_IGN);
    seal::init();
    const Words w(argv + 1, argv + argc);
    if (w.size() == 2 && w[0] == "serve")
        return Parent{w[1]}.run();
    if (w.size() >= 2 && w[0] == "ticket")
        return ticket({w.begin() + 1, w.end()});
    if (w.size() >= 2 && w[0] == "echo")
        return echo({w.begin() + 1, w.end()});
    return 64;
}
