// Stands in for carrier-connect and the sender: runs COMMAND with SLOTCAST_SENDER_FD, tells it a
// window, takes what it sends, and reports what came. Its exit code is COMMAND's.
//
//   fake-sender [options] -- push-stream ID INPUT
#include "base/control_clock.hpp"
#include "base/file.hpp"
#include "base/message_socket.hpp"
#include "cli/tool.hpp"
#include "wire/json.hpp"
#include "wire/sender.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <deque>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using base::Result;
using std::chrono::steady_clock;

struct Options {
    std::string id = "01hzzzzzzzzzzzzzzzzzzzzzzz";
    double start_in = 0;
    double duration = 60;
    double drain = 5;
    double extend_at = 0; // seconds after the beginning; 0: never
    double extend_by = 0;
    double stop_at = 0;  // SIGTERM to COMMAND
    double die_at = 0;   // close everything
    double stall_at = 0; // take nothing for a second
    double stall_for = 1;
    double behind_at = 0; // says that the line does not keep up
    double behind_for = 1;
    std::int64_t clock_offset_ms = 0;
    std::string rate = "20M";
    std::string refuse;   // a reason: refused once the source has come
    double refuse_at = 0; // seconds after the beginning instead, when media has come
    std::string end_at_once;
    std::vector<std::string> codecs;
    std::int64_t gop = 4; // seconds from key frame to key frame
    std::string out;
    std::string report;
    std::string garbage;         // sent in place of the hello
    bool silent = false;         // no hello at all
    bool lose_all = false;       // says that nothing was sent
    bool preflight = false;      // there is a ticket for one
    std::int64_t reconnects = 0; // and late packets, as many
    std::vector<std::string> command;
};

struct Arrival {
    double at;
    std::int64_t bytes;
};

double seconds(steady_clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

base::Millis millis(double s) {
    return base::Millis{static_cast<std::int64_t>(s * 1000)};
}

class FakeSender {
  public:
    explicit FakeSender(const Options &o) : m_options(o) {}

    Result<int> run() {
        auto [ours, theirs] = TRY(base::MessageSocket::make_pair());
        m_socket = std::move(ours);
        if (!m_options.out.empty()) {
            m_out = base::Fd{
                ::open(m_options.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
            if (!m_out)
                return base::fail_errno("open", m_options.out);
        }
        m_child = start_command(theirs.release());
        m_begin = steady_clock::now();
        m_hello.reservation = TRY(base::Id::parse(m_options.id));
        const base::SystemClock machine;
        base::ControlClock control{machine};
        control.set_wall_offset(base::Millis{m_options.clock_offset_ms});
        m_hello.window.start = control.now() + millis(m_options.start_in);
        m_hello.window.end = m_hello.window.start + millis(m_options.duration);
        m_hello.window.drain = base::Seconds{static_cast<int>(m_options.drain)};
        m_hello.clock_offset_ms = control.offset().count();
        m_hello.max_rate = TRY(base::parse_rate(m_options.rate));
        m_hello.codecs = m_options.codecs;
        m_hello.max_gop_s = m_options.gop;
        m_hello.preflight = m_options.preflight;
        if (!m_options.garbage.empty())
            (void)m_socket.send(m_options.garbage);
        else if (!m_options.silent)
            say(m_hello);
        while (step()) {
        }
        m_source.reset();
        m_socket.close();
        int status = 0;
        ::waitpid(m_child, &status, 0);
        TRY(write_report());
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    [[nodiscard]] pid_t start_command(int fd) const {
        const pid_t child = ::fork();
        if (child != 0) {
            ::close(fd);
            return child;
        }
        ::fcntl(fd, F_SETFD, 0);
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the child has one thread
        ::setenv(wire::k_sender_fd_variable, std::to_string(fd).c_str(), 1);
        std::vector<char *> argv;
        for (const std::string &word : m_options.command)
            argv.push_back(const_cast<char *>(word.c_str())); // NOLINT: execvp does not write
        argv.push_back(nullptr);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }

    [[nodiscard]] double elapsed() const { return seconds(steady_clock::now() - m_begin); }

    void say(const wire::SenderMessage &message) { (void)m_socket.send(write_message(message)); }

    void say_status(const std::string &state, const std::string &detail = {}) {
        wire::SenderStatus status;
        status.state = state;
        status.detail = detail;
        status.carrier = "lineA";
        status.interface = "carA";
        status.rtt_us = 12'000;
        status.queue_ms = m_behind ? 600 : 15;
        status.reconnects = m_options.reconnects;
        status.dropped_packets = m_options.reconnects;
        status.bytes = m_options.lose_all ? 0 : m_bytes;
        say(status);
    }

    void say_over(const std::string &detail = {}) {
        m_over = true;
        say_status("ended", detail);
    }

    bool step() {
        const double now = elapsed();
        if (m_options.die_at > 0 && now >= m_options.die_at)
            return false;
        if (m_options.stop_at > 0 && now >= m_options.stop_at && !std::exchange(m_stop_sent, true))
            ::kill(m_child, SIGTERM);
        if (m_options.extend_at > 0 && now >= m_options.extend_at &&
            !std::exchange(m_extended, true)) {
            m_hello.window.end += millis(m_options.extend_by);
            say(m_hello);
        }
        if (m_options.refuse_at > 0 && now >= m_options.refuse_at && m_bytes > 0 &&
            !std::exchange(m_refused, true))
            say_status("refused", m_options.refuse);
        m_behind = m_options.behind_at > 0 && now >= m_options.behind_at &&
                   now < m_options.behind_at + m_options.behind_for;
        if (m_source && !m_over && now >= m_next_status) {
            m_next_status = now + (m_behind ? 0.1 : 1);
            say_status("live");
        }
        const bool stalled = m_options.stall_at > 0 && now >= m_options.stall_at &&
                             now < m_options.stall_at + m_options.stall_for;
        std::array<pollfd, 2> fds{
            {{m_socket.fd(), POLLIN, 0}, {stalled ? -1 : m_source.get(), POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), 20);
        if (fds[1].revents != 0)
            take_media();
        return fds[0].revents == 0 || take_messages();
    }

    void take_media() {
        const double now = elapsed(); // after the wait for it, not before
        std::array<char, 65536> piece{};
        const ssize_t n = ::read(m_source.get(), piece.data(), piece.size());
        if (n <= 0) {
            m_source.reset();
            m_source_ended = true;
        } else {
            m_bytes += n;
            m_arrivals.push_back({now, n});
            if (m_out)
                (void)base::write_all(m_out.get(), {piece.data(), static_cast<std::size_t>(n)},
                                      m_options.out);
        }
        if (m_finish && m_source_ended)
            say_over();
    }

    bool take_messages() {
        auto message = m_socket.receive();
        if (!message)
            return false; // COMMAND is done
        if (!*message)
            return true;
        const auto content = wire::read_message((*message)->text);
        if (!content)
            return true;
        if (std::holds_alternative<wire::SenderSource>(*content) && !(*message)->fds.empty()) {
            m_source = std::move((*message)->fds.front());
            if (!m_options.refuse.empty() && m_options.refuse_at == 0)
                say_status("refused", m_options.refuse);
            if (!m_options.end_at_once.empty())
                say_over(m_options.end_at_once);
        }
        if (std::holds_alternative<wire::SenderFinish>(*content)) {
            m_finish = true;
            if (m_source_ended || !m_source)
                say_over();
        }
        return true;
    }

    [[nodiscard]] Result<void> write_report() const {
        if (m_options.report.empty())
            return {};
        std::deque<Arrival> window;
        std::int64_t in_window = 0;
        std::int64_t most = 0;
        for (const Arrival &a : m_arrivals) {
            window.push_back(a);
            in_window += a.bytes;
            while (window.front().at <= a.at - 1.0) {
                in_window -= window.front().bytes;
                window.pop_front();
            }
            most = std::max(most, in_window);
        }
        const auto ms = [](double s) { return static_cast<std::int64_t>(s * 1000); };
        const wire::JsonObject out{
            {"bytes", m_bytes},
            {"finished", m_finish},
            {"first_ms", m_arrivals.empty() ? -1 : ms(m_arrivals.front().at)},
            {"last_ms", m_arrivals.empty() ? -1 : ms(m_arrivals.back().at)},
            {"most_bps", most * 8}};
        return base::write_file_atomic(m_options.report, wire::compact_json(out), 0644);
    }

    const Options &m_options;
    base::MessageSocket m_socket;
    base::Fd m_source;
    base::Fd m_out;
    pid_t m_child = -1;
    steady_clock::time_point m_begin;
    wire::SenderHello m_hello;
    std::vector<Arrival> m_arrivals;
    std::int64_t m_bytes = 0;
    double m_next_status = 0;
    bool m_behind = false;
    bool m_stop_sent = false;
    bool m_refused = false;
    bool m_extended = false;
    bool m_finish = false;
    bool m_over = false; // "ended" was said
    bool m_source_ended = false;
};

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"fake-sender", "Run COMMAND as if beside a sender"},
                         [&o](CLI::App &app, cli::Action &action) {
                             app.add_option("--id", o.id);
                             app.add_option("--start-in", o.start_in);
                             app.add_option("--duration", o.duration);
                             app.add_option("--drain", o.drain);
                             app.add_option("--extend-at", o.extend_at);
                             app.add_option("--extend-by", o.extend_by);
                             app.add_option("--stop-at", o.stop_at);
                             app.add_option("--die-at", o.die_at);
                             app.add_option("--stall-at", o.stall_at);
                             app.add_option("--stall-for", o.stall_for);
                             app.add_option("--behind-at", o.behind_at);
                             app.add_option("--behind-for", o.behind_for);
                             app.add_option("--clock-offset-ms", o.clock_offset_ms);
                             app.add_option("--rate", o.rate);
                             app.add_option("--refuse", o.refuse);
                             app.add_option("--refuse-at", o.refuse_at);
                             app.add_option("--end-at-once", o.end_at_once);
                             app.add_option("--codec", o.codecs);
                             app.add_option("--gop", o.gop);
                             app.add_option("--out", o.out);
                             app.add_option("--report", o.report);
                             app.add_option("--garbage", o.garbage);
                             app.add_flag("--silent", o.silent);
                             app.add_flag("--lose-all", o.lose_all);
                             app.add_flag("--preflight", o.preflight);
                             app.add_option("--reconnects", o.reconnects);
                             app.add_option("COMMAND", o.command)->required();
                             action = [&o] { return FakeSender(o).run(); };
                         });
}
