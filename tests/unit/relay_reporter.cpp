// Reports that are still waiting at the end of relay-serve: sent, within a bound.
#include "client_server.hpp"
#include "relay/feed_client.hpp"

#include <future>

using namespace std::chrono_literals;
using base::Millis;

namespace {

wire::Report report(int n) {
    wire::Report out;
    out.event = "ended";
    out.reservation = base::Id::make(base::from_unix_ms(n), {});
    out.at = base::from_unix_ms(n);
    return out;
}

relay::RelayConfig config_of(const test::Control &control) {
    relay::RelayConfig out;
    out.id = "r1";
    out.control = control.target().url;
    out.cacert = control.target().cacert;
    return out;
}

relay::RelayKeys keys_of(const test::Control &control) {
    auto out = relay::RelayKeys::generate();
    out.sign = *seal::SigningKey::from_seed(control.key.seed().view());
    return out;
}

std::size_t reports_in(const std::vector<test::Seen> &seen) {
    std::size_t count = 0;
    for (const auto &one : seen)
        count += wire::parse_json(one.request.body, "reports")->at("reports").as_array().size();
    return count;
}

Millis since(base::SteadyTime start) {
    return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start);
}

} // namespace

TEST_CASE("relay: what was reported just before the end still reaches control") {
    std::atomic<int> asked = 0;
    test::Control control([&](const net::Request &) {
        ++asked;
        return test::json(200, "{}");
    });
    const auto keys = keys_of(control);
    relay::Metrics metrics;
    {
        relay::Reporter reporter{config_of(control), keys, metrics};
        reporter.add(report(0));
        while (asked == 0) // then it waits for more
            std::this_thread::sleep_for(1ms);
        for (int i = 1; i <= 250; ++i) // more than two requests take
            reporter.add(report(i));
    }
    CHECK(reports_in(control.seen) == 251);
}

TEST_CASE("relay: a control that has just come back gets the last reports") {
    std::atomic<int> asked = 0;
    test::Control control([&](const net::Request &) {
        return ++asked == 1 ? test::json(503, "{}") : test::json(200, "{}");
    });
    const auto keys = keys_of(control);
    relay::Metrics metrics;
    {
        relay::Reporter reporter{config_of(control), keys, metrics};
        reporter.add(report(1));
        while (asked == 0)
            std::this_thread::sleep_for(1ms);
    }
    CHECK(asked == 2); // once more, without the pause
}

TEST_CASE("relay: a control that does not answer holds up the end for the patience given") {
    std::promise<void> over;
    std::shared_future<void> until = over.get_future().share();
    test::Control control([until](const net::Request &) {
        until.wait_for(30s);
        return test::json(200, "{}");
    });
    const auto keys = keys_of(control);
    relay::Metrics metrics;
    base::SteadyTime start;
    {
        relay::Reporter reporter{config_of(control), keys, metrics, {}, 300ms};
        reporter.add(report(1));
        start = std::chrono::steady_clock::now();
    }
    const auto took = since(start);
    over.set_value();
    CHECK(took >= 300ms);
    CHECK(took < 10s); // of the 15 that a request may take
}

TEST_CASE("relay: with nothing to report, or with control gone, the end comes at once") {
    test::Control control([](const net::Request &) { return test::json(200, "{}"); });
    const auto keys = keys_of(control);
    relay::Metrics metrics;
    const auto idle = std::chrono::steady_clock::now();
    {
        const relay::Reporter reporter{config_of(control), keys, metrics, {}, 30s};
    }
    CHECK(since(idle) < 15s);
    control.stop();
    const auto gone = std::chrono::steady_clock::now();
    {
        relay::Reporter reporter{config_of(control), keys, metrics, {}, 30s};
        reporter.add(report(1));
    }
    CHECK(since(gone) < 15s);
}

namespace {

wire::SignedReceipt receipt(int n, const relay::RelayKeys &keys) {
    wire::Receipt out;
    out.reservation = base::Id::make(base::from_unix_ms(n), {});
    out.relay = "r1";
    out.admitted = base::from_unix_ms(n);
    out.ended = base::from_unix_ms(n + 1000);
    return wire::sign(out, keys.sign);
}

// Whose receipt a request brings; empty: nobody's.
std::string receipt_in(const net::Request &request) {
    const auto json = wire::parse_json(request.body, "reports").value();
    const auto *list = json.as_object().if_contains("receipts");
    return list == nullptr ? "" : std::string(list->at(0).at("reservation").as_string());
}

} // namespace

TEST_CASE("relay: receipts go one by one; one that is refused keeps out no other") {
    const auto first = base::Id::make(base::from_unix_ms(1), {}).text();
    test::Control control([&](const net::Request &request) {
        return receipt_in(request) == first
                   ? test::json(422, R"({"status":422,"code":"bad_receipt"})")
                   : test::json(200, "{}");
    });
    const auto keys = keys_of(control);
    relay::Metrics metrics;
    std::vector<std::string> done;
    {
        relay::Reporter reporter{config_of(control), keys, metrics, [&](const wire::Receipt &r) {
                                     done.push_back(r.reservation.text());
                                 }};
        for (int i = 1; i <= 3; ++i)
            reporter.add(receipt(i, keys));
        reporter.add(report(7));
    }
    CHECK(done.size() == 3);
    CHECK(control.seen.size() == 4);
    CHECK(metrics.reports_waiting == 0);
}

TEST_CASE("relay: a receipt that control did not take, or not now, is not done") {
    for (const int status : {503, 401, 500}) {
        test::Control control(
            [&](const net::Request &) { return test::json(status, R"({"code":"x"})"); });
        const auto keys = keys_of(control);
        relay::Metrics metrics;
        int done = 0;
        {
            relay::Reporter reporter{config_of(control), keys, metrics,
                                     [&](const wire::Receipt &) { ++done; }, 200ms};
            reporter.add(receipt(1, keys));
        }
        INFO(status);
        CHECK(done == 0);
        CHECK_FALSE(control.seen.empty());
    }
}
