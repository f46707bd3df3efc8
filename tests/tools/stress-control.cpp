// stress-control: many clients with random histories of all verbs at one ledger, through the API,
// as fast as they can. Prints what control acknowledged; audit-ledger compares that with the
// ledger.
#include "base/log.hpp"
#include "cli/tool.hpp"
#include "net/http_server.hpp"
#include "stress_world.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

namespace {

using base::Millis;
using base::Result;
using base::Seconds;
using stress::Actor;
using stress::Got;
using wire::Json;
using wire::JsonObject;

struct Options {
    std::string config;
    std::int64_t operations = 10'000;
    unsigned clients = 32;
    unsigned processes = 1;
    std::uint64_t seed = 1;
};

// What all clients share.
struct Run {
    const control::Config &config;
    stress::Clock &clock;
    std::vector<std::unique_ptr<stress::Control>> controls;
    std::vector<Actor> actors;
    std::atomic<std::int64_t> left;
    std::mutex mutex;
    std::map<std::string, std::int64_t> outcomes; // under the mutex, as all below
    std::map<std::string, wire::Reservation> acknowledged;
    std::vector<std::string> complaints;

    void complain(std::string text) {
        const std::scoped_lock lock{mutex};
        complaints.push_back(std::move(text));
        left = 0;
    }
};

class Client {
  public:
    Client(Run &run, const Actor &who, std::uint64_t seed)
        : m_run(run), m_who(who), m_random(seed) {}

    void work() {
        while (m_run.left-- > 0) {
            m_run.clock.advance(Millis{pick(250)});
            one();
        }
    }

  private:
    std::int64_t pick(std::int64_t below) {
        return std::uniform_int_distribution<std::int64_t>{0, below - 1}(m_random);
    }
    stress::Control &somewhere() {
        return *m_run.controls[static_cast<std::size_t>(
            pick(static_cast<std::int64_t>(m_run.controls.size())))];
    }

    void one() {
        const auto what = pick(100);
        if (m_mine.empty() || what < 45)
            return book();
        const std::string id =
            m_mine[static_cast<std::size_t>(pick(static_cast<std::int64_t>(m_mine.size())))];
        if (what < 55)
            return act(id, "commit", JsonObject{});
        if (what < 68)
            return act(id, "extend",
                       JsonObject{{"end", base::format_rfc3339(m_ends[id] + half_minutes(4))}});
        if (what < 80)
            return act(id, "cancel", JsonObject{});
        if (what < 85)
            return act(id, "end", JsonObject{});
        if (what < 88)
            return act(id, "settings", JsonObject{{"new_generation", pick(2) == 0}});
        if (what < 91)
            return act(id, "settings", JsonObject{{"preflight", true}});
        if (what < 95)
            return report(id);
        look(id);
    }

    Millis half_minutes(std::int64_t most) { return Seconds{30} * (1 + pick(most)); }

    // Mostly some time today, sometimes now: on whole half minutes, so that some adjoin.
    void book() {
        const auto now = std::chrono::ceil<std::chrono::minutes>(m_run.clock.now());
        wire::ReservationRequest r;
        r.start = now + Seconds{30} * pick(pick(4) == 0 ? 20 : 2400);
        r.end = r.start + Seconds{60} + half_minutes(8);
        r.rate = {1'000'000 * (1 + pick(6))};
        r.hold = pick(3) == 0;
        if (pick(4) != 0)
            r.channel = fmt::format("c{}", pick(4));
        for (const char *line : {"a", "b", "d"})
            if (pick(2) == 0)
                r.carriers.emplace_back(line);
        if (r.carriers.empty())
            r.carriers = {"a"};
        post("/v1/reservations", wire::to_json(r), "book");
    }

    void act(const std::string &id, const std::string &verb, const Json &body) {
        post(fmt::format("/v1/reservations/{}/{}", id, verb), body, verb);
    }

    void report(const std::string &id) {
        const Actor &relay = m_run.actors.front();
        const auto report = wire::to_json(wire::Report{.event = "first_media",
                                                       .reservation = base::Id::parse(id).value(),
                                                       .at = m_run.clock.now(),
                                                       .bytes = 1});
        const auto got = stress::send(
            somewhere(), relay, m_run.clock, "POST",
            fmt::format("/v1/relays/{}/reports", relay.name),
            wire::compact_json(JsonObject{{"reports", wire::JsonArray{report}}}), new_key());
        note("report", got);
    }

    void look(const std::string &id) {
        const auto got =
            stress::send(somewhere(), m_who, m_run.clock, "GET", "/v1/reservations/" + id, "", "");
        note("show", got);
        if (got.status != 200)
            m_run.complain(fmt::format("show {}: {} {}", id, got.status, got.text));
    }

  public:
    // What begins where the other is over fits, a millisecond earlier it does not.
    void adjoin() {
        const auto start =
            std::chrono::ceil<std::chrono::hours>(m_run.clock.now()) + Seconds{86'400};
        const auto &policy = m_run.config.policy;
        wire::ReservationRequest r;
        r.rate = {1'000'000};
        r.channel = "c0";
        r.carriers = {"a"};
        for (const auto &[begin, expected] :
             {std::pair{Millis{0}, 201},
              std::pair{Millis{Seconds{60} + policy.lead_in + policy.drain} - Millis{1}, 409},
              std::pair{Millis{Seconds{60} + policy.lead_in + policy.drain}, 201}}) {
            r.start = start + begin;
            r.end = r.start + Seconds{60};
            const auto got =
                stress::send(somewhere(), m_who, m_run.clock, "POST", "/v1/reservations",
                             wire::compact_json(wire::to_json(r)), new_key());
            if (got.status != expected)
                m_run.complain(fmt::format("adjoining: {} instead of {}", got.status, expected));
        }
    }

  private:
    std::string new_key() { return fmt::format("{}-{}", m_who.name, m_next_key++); }

    void post(const std::string &path, const Json &body, const std::string &verb) {
        const std::string key = new_key();
        const std::string text = wire::compact_json(body);
        const auto got = stress::send(somewhere(), m_who, m_run.clock, "POST", path, text, key);
        note(verb, got);
        if (got.status >= 300)
            return;
        const auto r = got.reservation();
        remember(r);
        if (verb == "book")
            m_mine.push_back(r.id.text());
        m_ends[r.id.text()] = r.window.end;
        if (pick(20) != 0)
            return;
        // A client that did not hear the answer asks again, and gets the same.
        const auto again = stress::send(somewhere(), m_who, m_run.clock, "POST", path, text, key);
        if (again.status != got.status || again.text != got.text)
            m_run.complain(fmt::format("{} again: {} {}", verb, again.status, again.text));
    }

    void note(const std::string &verb, const Got &got) {
        static const std::set<int> expected{200, 201, 409, 410, 422};
        std::string code;
        if (got.status >= 300)
            if (const auto json = wire::parse_json(got.text, "answer"); json)
                code = std::string(json->at("code").as_string());
        const std::scoped_lock lock{m_run.mutex};
        ++m_run.outcomes[fmt::format("{} {} {}", verb, got.status, code)];
        if (expected.contains(got.status))
            return;
        m_run.complaints.push_back(fmt::format("{}: {} {}", verb, got.status, got.text));
        m_run.left = 0;
    }

    void remember(const wire::Reservation &r) {
        const std::scoped_lock lock{m_run.mutex};
        auto &last = m_run.acknowledged[r.id.text()];
        if (r.revision >= last.revision)
            last = r;
    }

    Run &m_run;
    const Actor &m_who;
    std::mt19937_64 m_random;
    std::vector<std::string> m_mine;
    std::map<std::string, base::UtcTime> m_ends;
    std::int64_t m_next_key = 0;
};

Result<void> enrol(ledger::Ledger &ledger, const std::vector<Actor> &actors, base::UtcTime now) {
    return ledger.write([&](ledger::Transaction &t) -> Result<void> {
        for (const Actor &a : actors)
            TRY(t.put(ledger::Party{.name = a.name,
                                    .role = a.role,
                                    .sign_key = a.key.public_key(),
                                    .box_key = a.box.public_key(),
                                    .enrolled = now,
                                    .seen = {}}));
        return {};
    });
}

void print(const Run &run, std::int64_t took_ms, const Options &o) {
    for (const auto &[id, r] : run.acknowledged)
        cli::print_line(
            wire::compact_json(JsonObject{{"id", id},
                                          {"revision", r.revision},
                                          {"state", resv::name(r.state)},
                                          {"end", base::format_rfc3339(r.window.end)}}));
    for (const auto &[what, count] : run.outcomes)
        fmt::print(stderr, "{:7} {}\n", count, what);
    cli::print_line(wire::compact_json(
        JsonObject{{"type", "stress"},
                   {"now", base::format_rfc3339(run.clock.now())},
                   {"operations", o.operations},
                   {"seed", o.seed},
                   {"took_ms", took_ms},
                   {"acknowledged", static_cast<std::int64_t>(run.acknowledged.size())}}));
}

Result<int> stress_it(const Options &o) {
    base::log::setup("stress-control", base::log::Level::error); // what is refused is no news here
    const auto config = TRY(control::load_control(o.config));
    TRY(control::init_data(config));
    const auto keys = TRY(control::load_keys(config));
    stress::Clock clock{base::SystemClock{}.now()};
    Run run{.config = config,
            .clock = clock,
            .controls = {},
            .actors = {},
            .left = o.operations,
            .mutex = {},
            .outcomes = {},
            .acknowledged = {},
            .complaints = {}};
    run.actors.push_back({.name = "r1", .role = ledger::Role::relay});
    for (unsigned i = 0; i < o.clients; ++i)
        run.actors.push_back({.name = fmt::format("k{}", i), .role = ledger::Role::distributor});
    run.actors.push_back({.name = "adjoining", .role = ledger::Role::distributor});
    for (unsigned i = 0; i < o.processes; ++i)
        run.controls.push_back(std::make_unique<stress::Control>(
            config, keys, clock, TRY(control::open_ledger(config))));
    TRY(enrol(*run.controls.front()->ledger, run.actors, clock.now()));

    Client{run, run.actors.back(), o.seed}.adjoin();

    const auto begun = std::chrono::steady_clock::now();
    std::vector<std::jthread> threads;
    threads.reserve(run.controls.size());
    for (auto &c : run.controls)
        threads.emplace_back([&run, &c, &config](const std::stop_token &stop) {
            const control::Desk desk{config};
            while (!stop.stop_requested()) {
                if (!control::sweep(*c->ledger, desk, c->feeds, config, run.clock.now()))
                    run.complain("sweep failed");
                std::this_thread::sleep_for(Millis{20});
            }
        });
    std::vector<std::jthread> clients;
    clients.reserve(o.clients);
    for (unsigned i = 0; i < o.clients; ++i)
        clients.emplace_back(
            [&run, &o, i] { Client{run, run.actors[i + 1], o.seed * 1000 + i}.work(); });
    clients.clear(); // joins
    threads.clear();
    const auto took = std::chrono::steady_clock::now() - begun;
    print(run, std::chrono::duration_cast<Millis>(took).count(), o);
    for (const std::string &complaint : run.complaints)
        base::log::error("{}", complaint);
    return run.complaints.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"stress-control", "Load a ledger through the API"},
                         [&](CLI::App &app, cli::Action &action) {
                             app.add_option("--config", o.config)->required();
                             app.add_option("--operations", o.operations);
                             app.add_option("--clients", o.clients);
                             app.add_option("--processes", o.processes);
                             app.add_option("--seed", o.seed);
                             app.callback([&] { action = [&o] { return stress_it(o); }; });
                         });
}
