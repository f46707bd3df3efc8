// crash-client: clients that book, hold, commit, extend and cancel at a control that is killed
// again and again. Who hears no answer asks again with the same Idempotency-Key until there is one.
// Prints what was acknowledged last of each reservation.
#include "base/log.hpp"
#include "cli/tool.hpp"
#include "client/api.hpp"
#include "control/ledgers.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

namespace {

using base::Result;
using base::Seconds;
using wire::JsonObject;

struct Options {
    std::string config;
    std::string url;
    std::string cacert;
    std::string stop;
    unsigned clients = 8;
};

struct Totals {
    std::mutex mutex;
    std::map<std::string, wire::Reservation> acknowledged; // under the mutex, as all below
    std::vector<std::string> complaints;
    std::int64_t answers = 0;
    std::int64_t refusals = 0;
    std::int64_t asked_again = 0; // and then answered
};

class Client {
  public:
    Client(const Options &o, Totals &totals, const seal::SigningKey &key, unsigned number)
        : m_options(o), m_totals(totals),
          m_api(
              client::Api::open({.url = o.url, .cacert = o.cacert, .interface = {}}, &key).value()),
          m_random(number) {}

    void work() {
        while (!std::filesystem::exists(m_options.stop))
            day();
    }

  private:
    unsigned pick(unsigned below) {
        return std::uniform_int_distribution<unsigned>{0, below - 1}(m_random);
    }

    // One reservation, and what becomes of it.
    void day() {
        const auto now = std::chrono::ceil<std::chrono::hours>(base::SystemClock{}.now());
        wire::ReservationRequest r;
        r.start = now + std::chrono::hours{24} + Seconds{60} * pick(2000);
        r.end = r.start + Seconds{60} * (1 + pick(10));
        r.rate = {1'000'000};
        r.carriers = {"a"};
        r.hold = pick(2) == 0;
        if (pick(2) == 0)
            r.channel = fmt::format("c{}", pick(4));
        const auto booked = settle("/v1/reservations", wire::compact_json(wire::to_json(r)));
        if (!booked)
            return;
        const std::string at = fmt::format("/v1/reservations/{}/", booked->id.text());
        if (r.hold && pick(3) != 0)
            (void)settle(at + "commit", "{}");
        if (pick(3) == 0)
            (void)settle(at + "extend", wire::compact_json(JsonObject{
                                            {"end", base::format_rfc3339(r.end + Seconds{60})}}));
        if (pick(3) == 0)
            (void)settle(at + "cancel", "{}");
    }

    std::optional<wire::Reservation> settle(const std::string &path, const std::string &body) {
        const std::string key = client::new_idempotency_key();
        const auto until = std::chrono::steady_clock::now() + Seconds{60};
        for (bool again = false;; again = true) {
            const auto got = m_api.post(path, body, key);
            if (got)
                return note(*got, again);
            if (got.error().code == base::Errc::refused) {
                const std::scoped_lock lock{m_totals.mutex};
                ++m_totals.refusals;
                return std::nullopt;
            }
            const bool hopeless = got.error().code == base::Errc::not_permitted;
            if (hopeless || std::chrono::steady_clock::now() >= until) {
                const std::scoped_lock lock{m_totals.mutex};
                m_totals.complaints.push_back(got.error().message);
                return std::nullopt;
            }
            std::this_thread::sleep_for(base::Millis{20});
        }
    }

    wire::Reservation note(const client::Answer &answer, bool again) {
        auto r = wire::read_reservation(answer.json().value().at("reservation"), "answer").value();
        const std::scoped_lock lock{m_totals.mutex};
        auto &last = m_totals.acknowledged[r.id.text()];
        if (r.revision >= last.revision)
            last = r;
        ++m_totals.answers;
        if (again)
            ++m_totals.asked_again;
        return r;
    }

    const Options &m_options;
    Totals &m_totals;
    client::Api m_api;
    std::mt19937_64 m_random;
};

Result<int> run(const Options &o) {
    base::log::setup("crash-client", base::log::Level::error);
    const auto config = TRY(control::load_control(o.config));
    std::vector<seal::SigningKey> keys;
    TRY(TRY(control::open_ledger(config))->write([&](ledger::Transaction &t) -> Result<void> {
        keys.clear();
        for (unsigned i = 0; i < o.clients; ++i) {
            keys.push_back(seal::SigningKey::generate());
            TRY(t.put(ledger::Party{.name = fmt::format("k{}", i),
                                    .role = ledger::Role::distributor,
                                    .sign_key = keys.back().public_key(),
                                    .box_key = seal::BoxKey::generate().public_key(),
                                    .enrolled = base::from_unix_ms(0),
                                    .seen = {}}));
        }
        return {};
    }));
    Totals totals;
    std::vector<std::jthread> threads;
    threads.reserve(o.clients);
    for (unsigned i = 0; i < o.clients; ++i)
        threads.emplace_back([&, i] { Client{o, totals, keys[i], i}.work(); });
    threads.clear(); // joins
    for (const auto &[id, r] : totals.acknowledged)
        cli::print_line(wire::compact_json(
            JsonObject{{"id", id}, {"revision", r.revision}, {"state", resv::name(r.state)}}));
    cli::print_line(wire::compact_json(
        JsonObject{{"type", "clients"},
                   {"answers", totals.answers},
                   {"refusals", totals.refusals},
                   {"asked_again", totals.asked_again},
                   {"reservations", static_cast<std::int64_t>(totals.acknowledged.size())}}));
    for (const std::string &complaint : totals.complaints)
        base::log::error("{}", complaint);
    return totals.complaints.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"crash-client", "Book at a control that is killed"},
                         [&](CLI::App &app, cli::Action &action) {
                             app.add_option("--config", o.config)->required();
                             app.add_option("--url", o.url)->required();
                             app.add_option("--cacert", o.cacert)->required();
                             app.add_option("--stop", o.stop, "a file that ends it")->required();
                             app.add_option("--clients", o.clients);
                             app.callback([&] { action = [&o] { return run(o); }; });
                         });
}
