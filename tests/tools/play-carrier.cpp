// Plays carrier-connect and a reader for one push-sender: starts it (as nobody when we are root),
// prints its messages, `M …` to the master and `R …` to the reader.
//
//   play-carrier                      commands on stdin; times are ms from now
//       plan START END LEAD_S DRAIN_S RATE [PORT TICKET PASSPHRASE [CARRIER [PREFLIGHT_TICKET]]]
//       offer [preflight] (the reader's pipe) | source FILE RATE (through it) | finish | leave (as
//       the reader) cancel | raw TEXT | say TEXT (as the reader) | quit
#include "base/control_clock.hpp"
#include "base/file.hpp"
#include "base/message_socket.hpp"
#include "seal/init.hpp"
#include "wire/sender.hpp"

#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <iostream>
#include <mutex>
#include <poll.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>

namespace {

using Words = std::vector<std::string>;

std::mutex g_output;
void print(char who, std::string_view line) {
    const std::scoped_lock lock{g_output};
    std::cout << who << ' ' << line << '\n' << std::flush;
}

// Writes the file at the rate, a hundredth of a second at a time, as a live encoder would.
void play(const std::string &file, base::BitRate rate, const base::Fd &pipe) {
    const auto bytes = base::read_file(file, 1'000'000'000);
    if (!bytes)
        return print('E', bytes.error().message);
    auto next = std::chrono::steady_clock::now();
    const auto step = static_cast<std::size_t>(rate.bps / 800);
    for (std::size_t at = 0; at < bytes->size(); at += step) {
        std::this_thread::sleep_until(next);
        next += std::chrono::milliseconds{10};
        if (!base::write_all(pipe.get(), std::string_view{*bytes}.substr(at, step), "pipe"))
            return print('E', "the pipe is closed");
    }
    print('E', "played");
}

class Master {
  public:
    int run() {
        start_child();
        std::array<pollfd, 3> waiting{
            {{STDIN_FILENO, POLLIN, 0}, {m_plan.fd(), POLLIN, 0}, {m_reader.fd(), POLLIN, 0}}};
        std::string input;
        while (::poll(waiting.data(), waiting.size(), -1) > 0) {
            if (waiting[2].revents != 0 && !hear('R', m_reader))
                waiting[2].fd = -1;
            if (waiting[1].revents != 0 && !hear('M', m_plan))
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
                if (line == "leave")
                    waiting[2].fd = -1;
                obey(line);
            }
        }
        return finish();
    }

  private:
    void start_child() {
        auto plan = base::MessageSocket::make_pair();
        auto reader = base::MessageSocket::make_pair();
        m_plan = std::move(plan->first);
        m_reader = std::move(reader->first);
        m_pid = ::fork();
        if (m_pid == 0) {
            const int a = ::fcntl(plan->second.fd(), F_DUPFD, 10);
            const int b = ::fcntl(reader->second.fd(), F_DUPFD, 10);
            ::dup2(a, 3);
            ::dup2(b, 4);
            ::close(a);
            ::close(b);
            constexpr unsigned k_nobody = 65534;
            if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(k_nobody) != 0 ||
                                     ::setuid(k_nobody) != 0))
                ::_exit(126);
            ::execlp("push-sender", "push-sender", "--plan-fd", "3", "--reader-fd", "4", nullptr);
            ::_exit(127);
        }
        print('E', fmt::format("pid {}", m_pid));
    }

    int finish() {
        m_plan.close();
        m_reader.close();
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        print('E', fmt::format("exit {}",
                               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
        std::cout.flush();
        std::_Exit(0); // a player may still sleep
    }

    static bool hear(char who, base::MessageSocket &socket) {
        const auto message = socket.receive();
        if (message && *message)
            print(who, (*message)->text);
        return message.has_value();
    }

    void obey(const std::string &line) {
        std::istringstream in{line};
        const Words w{std::istream_iterator<std::string>{in}, {}};
        if (w.empty())
            return;
        if (w[0] == "plan") {
            plan(w);
        } else if (w[0] == "cancel") {
            m_current.cancelled = true;
            send(m_plan, wire::write_message(m_current));
        } else if (w[0] == "raw") {
            send(m_plan, line.substr(4));
        } else if (w[0] == "say") {
            send(m_reader, line.substr(4));
        } else if (w[0] == "finish") {
            send(m_reader, wire::write_message(wire::SenderFinish{}));
        } else if (w[0] == "leave") {
            m_reader.close();
        } else if (w[0] == "offer") {
            offer(w.size() > 1 && w[1] == "preflight");
        } else if (w[0] == "source") {
            offer();
            std::thread{[file = w.at(1), rate = *base::parse_rate(w.at(2)),
                         pipe = std::move(m_pipe)] {
                play(file, rate, pipe);
            }}.detach();
        }
    }

    void offer(bool preflight = false) {
        if (std::exchange(m_offered, true))
            return;
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return print('E', "no pipe");
        const base::Fd read_end{ends[0]};
        m_pipe = base::Fd{ends[1]};
        send(m_reader, wire::write_message(wire::SenderSource{preflight}), {ends[0]});
    }

    [[nodiscard]] base::UtcTime from_now(const std::string &ms) const {
        return m_control.now() + base::Millis{std::stoll(ms)};
    }

    void plan(const Words &w) {
        m_current.reservation = base::Id::make(base::from_unix_ms(1), {1});
        m_current.window = {.start = from_now(w.at(1)),
                            .end = from_now(w.at(2)),
                            .lead_in = base::Seconds{std::stoll(w.at(3))},
                            .drain = base::Seconds{std::stoll(w.at(4))}};
        m_current.clock_offset_ms = m_control.offset().count();
        m_current.max_rate = *base::parse_rate(w.at(5));
        m_current.paths.clear();
        if (w.size() > 8) {
            wire::SenderPath path;
            path.carrier = w.size() > 9 ? w[9] : "lineA";
            path.interface = "lo";
            path.source4 = "127.0.0.1";
            path.relay = {.host = "127.0.0.1",
                          .port = static_cast<std::uint16_t>(std::stoul(w.at(6)))};
            path.ticket = w.at(7);
            path.passphrase = w.at(8);
            m_current.paths.push_back(path);
        }
        m_current.preflight_ticket = w.size() > 10 ? w[10] : "";
        send(m_plan, wire::write_message(m_current));
    }

    static void send(base::MessageSocket &to, std::string_view text,
                     const std::vector<int> &fds = {}) {
        if (auto sent = to.send(text, fds); !sent)
            print('E', sent.error().message);
    }

    base::SystemClock m_machine;
    base::ControlClock m_control{m_machine};
    base::MessageSocket m_plan;
    base::MessageSocket m_reader;
    bool m_offered = false;
    base::Fd m_pipe; // offered, not yet in use
    pid_t m_pid = -1;
    wire::SenderPlan m_current;
};

} // namespace

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    seal::init();
    return Master{}.run();
}
