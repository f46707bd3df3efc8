#include "carrier/exec.hpp"

#include "base/log.hpp"
#include "carrier/process.hpp"
#include "carrier/session.hpp"
#include "carrier/spares.hpp"
#include "client/connection.hpp"

#include <array>
#include <csignal>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
using namespace std::chrono_literals;
namespace log = base::log;

namespace {

constexpr base::Millis k_first_answer = 3s; // what control gets before the command starts
constexpr base::Millis k_tick = 1s;
constexpr base::Millis k_soon = 50ms;
constexpr base::Millis k_drain = 3s;

/// How a process ended, from its exit_code_of().
std::string end_text(int code) {
    return code > 128 ? fmt::format("was killed by signal {}", code - 128)
                      : fmt::format("ended with exit status {}", code);
}

/// One run of exec: its descriptors and children.
class Run {
  public:
    Run(const ExecRequest &request, const vault::Vault &vault, Connector &connector,
        route::Monitor monitor, Fd inotify, Identity media, std::optional<Identity> user)
        : m_request(request), m_vault(vault), m_connector(connector),
          m_session(request.settings, request.config, connector, m_machine),
          m_monitor(std::move(monitor)), m_inotify(std::move(inotify)), m_media(std::move(media)),
          m_user(std::move(user)) {}

    Result<int> all();

  private:
    Result<void> ask_control();
    Result<int> with_carrier();
    Result<int> stop_early(bool is_up);
    Result<std::optional<int>> start_command(base::MessageSocket reader);
    int loop();
    void wait(base::Millis at_most);
    void on_signals();
    void on_news();
    void on_kernel();
    void on_sender();

    const ExecRequest &m_request;
    const vault::Vault &m_vault;
    Connector &m_connector;
    base::SystemClock m_machine;
    Session m_session;
    route::Monitor m_monitor;
    Fd m_inotify;
    Identity m_media;
    std::optional<Identity> m_user; // who the command runs as; nothing: as we are
    std::optional<ControlWatch> m_control;
    std::optional<route::Isolation> m_isolation; // nothing: the sender is where we are
    std::optional<Sender> m_sender;
    std::optional<Spares> m_spares; // once the sender uses them
    pid_t m_command = -1;
    std::optional<int> m_command_code;
    std::optional<int> m_signal; // that came before the command ran
    bool m_mend_again = false;
    bool m_look = true;               // something happened that the plan may depend on
    base::SteadyTime m_look_at_all{}; // when it is looked at all the same
    int m_answers = 0;                // of control
};

void Run::on_signals() {
    signalfd_siginfo info{};
    while (::read(m_request.signal_fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const int signal = static_cast<int>(info.ssi_signo);
        if (signal == SIGCHLD)
            continue;
        if (m_command <= 0)
            m_signal = signal;
        else if (info.ssi_code != SI_KERNEL) // the terminal's own went to the command as well
            ::kill(m_command, signal);
    }
    if (m_spares)
        m_spares->reap();
    int status = 0;
    if (m_command > 0 && ::waitpid(m_command, &status, WNOHANG) == m_command) {
        m_command = -1;
        m_command_code = exit_code_of(status);
    }
    if (m_sender)
        if (const auto code = m_sender->ended(); code && m_sender->status().state != "ended")
            log::error("the sender {}; push-stream cannot go on, the same command starts it again",
                       end_text(*code));
}

void Run::on_news() {
    for (;;) {
        const auto news = m_control->next();
        if (!news) {
            log::debug("{}", news.error().message);
            m_control.reset();
            m_answers = 2; // there will be none
            return;
        }
        if (!*news)
            break;
        ++m_answers;
        m_session.take(**news);
    }
}

void Run::on_kernel() {
    m_look = true;
    if (!m_monitor.drain() && !m_mend_again)
        return;
    m_mend_again = !m_session.mend();
}

// Most of what it says is for the statistics.
void Run::on_sender() {
    const wire::SenderStatus before = m_sender->status();
    (void)m_sender->hear();
    const wire::SenderStatus &now = m_sender->status();
    m_look =
        m_look || before.state != now.state || before.use != now.use || before.plan != now.plan;
}

/// Waits for something to happen, and deals with it; what it means for the sender is the caller's.
void Run::wait(base::Millis at_most) {
    enum { signals, state, routing, nftables, control, sender, count };
    std::array<pollfd, count> fds{{{m_request.signal_fd, POLLIN, 0},
                                   {m_inotify.get(), POLLIN, 0},
                                   {m_monitor.routing_fd(), POLLIN, 0},
                                   {m_monitor.nftables_fd(), POLLIN, 0},
                                   {m_control ? m_control->fd() : -1, POLLIN, 0},
                                   {m_sender ? m_sender->fd() : -1, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), static_cast<int>((m_mend_again ? k_soon : at_most).count()));
    m_look =
        m_look || fds[signals].revents != 0 || fds[control].revents != 0 || fds[state].revents != 0;
    if (fds[signals].revents != 0)
        on_signals();
    if (fds[control].revents != 0)
        on_news();
    if (fds[sender].revents != 0 && m_sender)
        on_sender();
    if (fds[state].revents != 0) {
        alignas(inotify_event) std::array<char, 4096> ignored; // NOLINT(*-member-init)
        while (::read(m_inotify.get(), ignored.data(), ignored.size()) > 0) {
        }
    }
    if (fds[routing].revents != 0 || fds[nftables].revents != 0 || m_mend_again)
        on_kernel();
}

Result<void> Run::ask_control() {
    const client::Target target = client::target_of(m_request.config);
    if (target.url.empty()) {
        log::warning("no control is configured: changes of the reservation will not be noticed");
        return {};
    }
    auto control = ControlWatch::start(target, m_vault, m_request.settings.reservation, m_user);
    if (!control)
        return std::unexpected(std::move(control).error());
    m_control.emplace(std::move(*control));
    const auto until = std::chrono::steady_clock::now() + k_first_answer;
    while (m_answers < 2 && !m_signal && std::chrono::steady_clock::now() < until)
        wait(k_soon);
    if (!m_session.clock_known())
        log::warning("control does not answer; going on by this machine's clock");
    return {};
}

Result<std::optional<int>> Run::start_command(base::MessageSocket reader) {
    std::vector<std::string> changes{fmt::format("{}={}", wire::k_sender_fd_variable, reader.fd())};
    if (m_user && !m_user->name.empty()) {
        changes.push_back("HOME=" + m_user->home);
        changes.push_back("USER=" + m_user->name);
        changes.push_back("LOGNAME=" + m_user->name);
    }
    const auto started = spawn({.argv = m_request.command,
                                .environment = environment_with(changes),
                                .become = m_user,
                                .executable_fd = -1,
                                .network_fd = -1,
                                .fds = {{reader.fd(), reader.fd()}},
                                .confined = false,
                                .restore_signals = m_request.restore_signals});
    if (!started) {
        log::error("{}", started.error().error.message);
        return std::optional{started.error().exit_code};
    }
    m_command = *started;
    return std::optional<int>{};
}

int Run::loop() {
    while (!m_command_code) {
        if (std::exchange(m_look, false) || m_machine.steady() >= m_look_at_all) {
            m_session.refresh(*m_sender);
            m_session.tend(); // what that changes wakes us again
            if (m_session.wants_spares() && !m_spares)
                m_spares.emplace(m_request.settings, m_request.config, m_connector, m_media.uid);
            if (m_spares)
                m_spares->turn(m_machine.steady());
            m_look_at_all = m_machine.steady() + k_tick; // it may have taken long
        }
        const auto left = std::chrono::ceil<base::Millis>(m_look_at_all - m_machine.steady());
        wait(std::max(left, base::Millis{0}));
    }
    return *m_command_code;
}

/// With the carrier up: the sender and the command, to its end.
Result<int> Run::with_carrier() {
    base::MessageSocket reader;
    m_sender.emplace(TRY(Sender::start({.media = m_media,
                                        .network_fd = m_isolation ? m_isolation->fd() : -1,
                                        .restore_signals = m_request.restore_signals},
                                       reader)));
    (void)m_monitor.drain(); // most of it was our own doing; what it tells of is looked at now
    m_mend_again = !m_session.mend();
    m_session.refresh(*m_sender);
    if (const auto code = TRY(start_command(std::move(reader))))
        return *code;
    const int code = loop();
    m_sender->finish(k_drain);
    return code;
}

/// A signal came before the command ran.
Result<int> Run::stop_early(bool is_up) {
    if (is_up)
        TRY(m_connector.down(m_request.settings.reservation, false));
    return 128 + *m_signal;
}

Result<int> Run::all() {
    TRY(ask_control());
    if (m_signal)
        return 128 + *m_signal;
    TRY(m_session.check_open());
    const wire::Settings &settings = m_request.settings;
    const Choice choice = TRY(choose(settings, m_request.config, m_request.carrier));
    if (m_request.isolate)
        m_session.isolate(m_isolation.emplace(TRY(route::Isolation::make())));
    const auto stopped = [this] {
        on_signals();
        return m_signal.has_value();
    };
    const auto up = m_connector.up(settings, choice, m_media.uid,
                                   {.probe = m_request.probe, .stopped = stopped});
    if (m_signal)
        return stop_early(up.has_value());
    if (!up)
        return std::unexpected(up.error());
    log::info("carrier {} is up on interface {}", choice.name, choice.interface);
    auto code = with_carrier();
    m_spares.reset();
    m_sender.reset();
    m_isolation.reset();
    if (const auto down = m_connector.down(settings.reservation, false); !down) {
        log::error("{}", down.error().message);
        if (code && *code == 0)
            return base::exit_code(down.error().code);
    }
    return code;
}

Result<Fd> watch_folder(const std::filesystem::path &folder) {
    Fd fd{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (!fd || ::inotify_add_watch(fd.get(), folder.c_str(), IN_MOVED_TO | IN_DELETE) < 0)
        return base::fail_errno("watch", folder.native());
    return fd;
}

} // namespace

Result<int> exec(const ExecRequest &request, const vault::Vault &vault, Connector &connector) {
    const base::Id &id = request.settings.reservation;
    const Identity media = TRY(media_user(request.config));
    const auto user = TRY(invoking_user());
    const auto lock = TRY(connector.folder().lock_exec(id));
    auto code = [&]() -> Result<int> {
        Run run{request,
                vault,
                connector,
                TRY(route::Monitor::open()),
                TRY(watch_folder(connector.folder().carriers())),
                media,
                user};
        return run.all();
    }();
    connector.folder().forget_exec(id);
    return code;
}

} // namespace carrier
