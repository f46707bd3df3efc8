// load-control: what resv-control takes of one kind of request, from many clients at once. `fill`
// makes the ledger that it is asked about; `run` asks, as fast as the clients can or at a fixed
// rate. At a fixed rate the time of a request counts from when it was due, not from when a client
// was free to send it: a server that stalls cannot slow down the load that it is measured by.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "cli/tool.hpp"
#include "control/documents.hpp"
#include "control/ledgers.hpp"
#include "load_raw.hpp"
#include "load_world.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <poll.h>
#include <thread>

namespace {

using base::Millis;
using base::Result;
using base::Seconds;
using base::UtcTime;
using load::Actor;
using Steady = std::chrono::steady_clock;

struct Options {
    std::string config;
    unsigned clients = 32;
    std::int64_t reservations = 0;
    std::string what = "book";
    std::int64_t from_days = 40;
    double seconds = 5;
    double rate = 0; // 0: as fast as the clients can
};

constexpr std::int64_t k_a_day = 5; // events of each channel that fill() makes

UtcTime next_hour() {
    return std::chrono::ceil<std::chrono::hours>(base::SystemClock{}.now());
}

/// The channels of the configuration, in turn.
std::vector<std::string> channels_of(const control::Config &config) {
    std::vector<std::string> out;
    out.reserve(config.catalogue.channels.size());
    for (const auto &[name, channel] : config.catalogue.channels)
        out.push_back(name);
    return out;
}

/// Number @p n of those that are stored: every channel has five events a day, the last of them 30
/// days ahead and the first as long ago as it takes.
ledger::Booking stored(const control::Config &config, const std::vector<std::string> &channels,
                       std::int64_t n, unsigned clients, UtcTime now) {
    const auto count = static_cast<std::int64_t>(channels.size());
    ledger::Booking b;
    b.channel = channels[static_cast<std::size_t>(n % count)];
    b.owner = fmt::format("k{}", n % clients);
    b.relay = config.catalogue.channels.at(b.channel).relay;
    b.viewers = 10;
    b.request.start = next_hour() + std::chrono::hours{24 * 30} -
                      std::chrono::minutes{24 * 60 / k_a_day} * (n / count);
    b.request.end = b.request.start + std::chrono::minutes{90};
    b.request.rate = {6'000'000};
    b.request.title = "Stored before";
    b.request.channel = b.channel;
    b.request.carriers = {config.carriers.begin()->first};
    b.created = std::min(now, b.request.start) - std::chrono::hours{24};
    b.id = control::new_id(b.created);
    b.life.window = {.start = b.request.start,
                     .end = b.request.end,
                     .lead_in = config.policy.lead_in,
                     .drain = config.policy.drain};
    b.life.state = b.request.start > now ? resv::State::booked : resv::State::ended;
    b.vid = b.id.text();
    b.ticket_id = control::new_ticket_id();
    return b;
}

Result<int> fill(const Options &o) {
    const auto config = TRY(control::load_control(o.config));
    const auto ledger = TRY(control::open_ledger(config));
    const UtcTime now = base::SystemClock{}.now();
    TRY(ledger->write([&](ledger::Transaction &t) -> Result<void> {
        for (unsigned i = 0; i < o.clients; ++i)
            TRY(t.put(Actor::make(i).party(now)));
        return {};
    }));
    const auto channels = channels_of(config);
    constexpr std::int64_t k_at_once = 5'000;
    for (std::int64_t first = 0; first < o.reservations; first += k_at_once)
        TRY(ledger->write([&](ledger::Transaction &t) -> Result<void> {
            for (auto n = first; n < std::min(first + k_at_once, o.reservations); ++n) {
                const auto b = stored(config, channels, n, o.clients, now);
                const bool over = b.life.window.closes() < now;
                TRY(t.put(b, over ? std::vector<resv::Demand>{} : control::demands_of(b)));
            }
            return {};
        }));
    return 0;
}

struct Question {
    std::string method;
    std::string target;
    std::string body;
    int expected = 200;
};

/// The questions of one kind, each asked once.
class Questions {
  public:
    Questions(const control::Config &config, const Options &o)
        : m_kind(o.what), m_channels(channels_of(config)),
          m_carrier(config.carriers.begin()->first),
          m_begin(next_hour() + std::chrono::hours{24} * o.from_days) {}

    [[nodiscard]] Question make(std::int64_t n) const {
        const auto count = static_cast<std::int64_t>(m_channels.size());
        if (m_kind == "book")
            return booking(m_channels[static_cast<std::size_t>(n % count)], n / count, 201);
        if (m_kind == "hot")
            return booking(m_channels.front(), n, 201);
        if (m_kind == "refuse") // hot was run before: there is something in the way
            return booking(m_channels.front(), n % 100, 409);
        return {.method = "GET",
                .target = fmt::format(
                    "/v1/availability?from={}&to={}&duration_s=3600&rate_bps=6000000&carrier={}",
                    base::format_rfc3339(next_hour()),
                    base::format_rfc3339(next_hour() + std::chrono::hours{24 * 30}), m_carrier),
                .body = {},
                .expected = 200};
    }

  private:
    [[nodiscard]] Question booking(const std::string &channel, std::int64_t slot,
                                   int expected) const {
        wire::ReservationRequest r;
        r.start = m_begin + std::chrono::minutes{2} * slot;
        r.end = r.start + Seconds{60};
        r.rate = {6'000'000};
        r.title = "A booking of load-control";
        r.channel = channel;
        r.carriers = {m_carrier};
        return {.method = "POST",
                .target = "/v1/reservations",
                .body = wire::compact_json(wire::to_json(r)),
                .expected = expected};
    }

    std::string m_kind;
    std::vector<std::string> m_channels;
    std::string m_carrier;
    UtcTime m_begin;
};

struct Run {
    std::vector<double> took_ms;
    std::map<int, std::int64_t> statuses;
    std::string unexpected;
};

/// All clients in one thread: one for each would make the machine switch more often than it works.
class Clients {
  public:
    Clients(const Options &o, const Questions &questions, const conf::Address &at)
        : m_options(o), m_questions(questions), m_authority(at.text()) {
        for (unsigned i = 0; i < o.clients; ++i)
            m_clients.push_back(std::make_unique<Client>(i, m_clock.now(), at));
    }

    Run run(Steady::time_point begin) {
        const auto end = begin + in_steady(m_options.seconds);
        std::this_thread::sleep_until(begin);
        for (;;) {
            Steady::time_point due = due_of(m_next, begin);
            for (auto client = idle(); due <= Steady::now() && due < end && client != nullptr;
                 due = due_of(m_next, begin), client = idle())
                ask(*client, m_next++, due);
            if (due >= end && waiting() == 0)
                return std::move(m_run);
            for (Client *client :
                 heard(due < end && idle() != nullptr ? std::optional(due) : std::nullopt))
                hear(*client);
            if (!m_run.unexpected.empty())
                return std::move(m_run);
        }
    }

  private:
    struct Client {
        Client(unsigned number, base::UtcTime now, const conf::Address &at)
            : who(Actor::make(number)), unique(fmt::format("{}-{}", number, base::unix_ms(now))),
              connection(at) {}
        Actor who;
        std::string unique;
        load::Connection connection;
        int expected = 0; // 0: it waits for nothing
        Steady::time_point due;
    };

    static Steady::duration in_steady(double seconds) {
        return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
    }
    [[nodiscard]] Steady::time_point due_of(std::int64_t n, Steady::time_point begin) const {
        return m_options.rate > 0 ? begin + in_steady(double(n) / m_options.rate) : Steady::now();
    }
    [[nodiscard]] Client *idle() const {
        const auto found = std::ranges::find(m_clients, 0, &Client::expected);
        return found == m_clients.end() ? nullptr : found->get();
    }
    [[nodiscard]] std::ptrdiff_t waiting() const {
        return std::ssize(m_clients) - std::ranges::count(m_clients, 0, &Client::expected);
    }

    void ask(Client &client, std::int64_t n, Steady::time_point due) const {
        const Question q = m_questions.make(n);
        client.due = due;
        client.expected = q.expected;
        client.connection.send(load::request_text(client.who, m_authority, q.method, q.target,
                                                  q.body, fmt::format("{}-{}", client.unique, n),
                                                  m_clock.now()));
    }

    // Those that may have been answered; none once it is @p due.
    [[nodiscard]] std::vector<Client *> heard(std::optional<Steady::time_point> due) const {
        std::vector<Client *> asked;
        std::vector<pollfd> polled;
        for (const auto &client : m_clients)
            if (client->expected != 0) {
                asked.push_back(client.get());
                polled.push_back({client->connection.fd(), POLLIN, 0});
            }
        timespec left{};
        if (due) {
            const auto ns = std::max<std::int64_t>(0, (*due - Steady::now()).count());
            left = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        }
        ::ppoll(polled.data(), polled.size(), due ? &left : nullptr, nullptr);
        std::vector<Client *> out;
        for (std::size_t i = 0; i < polled.size(); ++i)
            if (polled[i].revents != 0)
                out.push_back(asked[i]);
        return out;
    }

    void hear(Client &client) {
        const auto got = client.connection.take();
        if (!got) {
            if (!client.connection.good())
                m_run.unexpected = "the connection broke";
            return;
        }
        m_run.took_ms.push_back(
            std::chrono::duration<double, std::milli>(Steady::now() - client.due).count());
        ++m_run.statuses[got->status];
        if (got->status != client.expected)
            m_run.unexpected = fmt::format("{} {}", got->status, got->body.substr(0, 300));
        client.expected = 0;
    }

    const Options &m_options;
    const Questions &m_questions;
    const std::string m_authority;
    const base::SystemClock m_clock;
    std::vector<std::unique_ptr<Client>> m_clients;
    std::int64_t m_next = 0;
    Run m_run;
};

double percentile(const std::vector<double> &sorted, double p) {
    if (sorted.empty())
        return 0;
    return sorted[static_cast<std::size_t>(p * double(sorted.size() - 1))];
}

Result<int> run(const Options &o) {
    const auto config = TRY(control::load_control(o.config));
    const Questions questions{config, o};
    Clients clients{o, questions, config.listen};
    const auto begin = Steady::now() + Millis{200};
    Run run = clients.run(begin);
    const double lasted = std::chrono::duration<double>(Steady::now() - begin).count();
    std::ranges::sort(run.took_ms);
    wire::JsonObject statuses;
    for (const auto &[status, count] : run.statuses)
        statuses[fmt::format("{}", status)] = count;
    wire::JsonObject out{{"type", "load"}, {"what", o.what}, {"clients", o.clients}};
    if (o.rate > 0)
        out["offered_per_s"] = o.rate;
    out["requests"] = static_cast<std::int64_t>(run.took_ms.size());
    out["per_s"] = std::round(double(run.took_ms.size()) / lasted * 10) / 10;
    for (const auto &[name, p] : {std::pair{"p50_ms", .5}, {"p99_ms", .99}, {"max_ms", 1.}})
        out[name] = std::round(percentile(run.took_ms, p) * 100) / 100;
    out["statuses"] = statuses;
    cli::print_record(out);
    if (!run.unexpected.empty()) {
        base::log::error("{}", run.unexpected);
        return 1;
    }
    return 0;
}

Result<int> raw(const Options &o) {
    const auto config = TRY(control::load_control(o.config));
    const double per_s = TRY(load::raw_sqlite(config.data, o.seconds));
    cli::print_record(wire::JsonObject{
        {"type", "load"}, {"what", "raw"}, {"per_s", std::round(per_s * 10) / 10}});
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"load-control", "Load resv-control over HTTPS, and say what it took"},
        [&](CLI::App &app, cli::Action &action) {
            app.require_subcommand(1);
            app.add_option("--config", o.config)->required();
            app.add_option("--clients", o.clients);
            auto *filling = app.add_subcommand("fill", "put the clients' keys and reservations");
            filling->add_option("--reservations", o.reservations);
            filling->callback([&] { action = [&o] { return fill(o); }; });
            auto *alone = app.add_subcommand("raw", "append to SQLite itself, without control");
            alone->add_option("--seconds", o.seconds);
            alone->callback([&] { action = [&o] { return raw(o); }; });
            auto *running = app.add_subcommand("run", "ask");
            running->add_option("what", o.what)
                ->check(CLI::IsMember({"book", "hot", "refuse", "menu"}));
            running->add_option("--from-days", o.from_days, "bookings from so many days ahead");
            running->add_option("--seconds", o.seconds);
            running->add_option("--rate", o.rate, "requests/s, 0: as many as can be");
            running->callback([&] { action = [&o] { return run(o); }; });
        });
}
