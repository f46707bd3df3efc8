// Answers that take long: made beside other works, kept with their own.
#include "ledger_fixture.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace ledger_test;
using base::Result;
using ledger::StoredAnswer;

StoredAnswer answer(const std::string &key, std::string body) {
    return {.by = "alice",
            .key = key,
            .request = {},
            .status = 201,
            .body = std::move(body),
            .created = {}};
}

template <typename Kinds, typename Test> void each_of(const Kinds &kinds, const Test &test) {
    for (const Kind kind : kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        test(f);
    }
}

std::optional<std::string> kept(ledger::Ledger &l, const std::string &key) {
    std::optional<std::string> out;
    REQUIRE(l.read([&](Transaction &t) -> Result<void> {
        if (const auto found = TRY(t.answer("alice", key)))
            out = found->body;
        return {};
    }));
    return out;
}

} // namespace

TEST_CASE("ledger: of many that come at once with one key, one is done, and all have its answer") {
    constexpr int k_clients = 8;
    each_of(k_kinds, [](Fixture &f) {
        for (int round = 0; round < 5; ++round) {
            const std::string key = std::to_string(round);
            std::atomic<int> done = 0;
            std::vector<std::string> bodies(k_clients);
            std::vector<std::thread> clients;
            for (int i = 0; i < k_clients; ++i)
                clients.emplace_back([&, i] {
                    bool mine = false;
                    std::string made;
                    const auto written = f.ledger->write([&](Transaction &t) -> Result<void> {
                        mine = false;
                        if (const auto found = TRY(t.answer("alice", key))) {
                            bodies[i] = found->body;
                            return {};
                        }
                        mine = true;
                        return t.put_answer("alice", key, [&, i] {
                            std::this_thread::sleep_for(base::Millis{2});
                            made = "of " + std::to_string(i);
                            return answer(key, made);
                        });
                    });
                    if (mine && written) {
                        ++done;
                        bodies[i] = made;
                    }
                });
            for (std::thread &client : clients)
                client.join();
            CHECK(done == 1);
            for (const std::string &body : bodies)
                CHECK(body == kept(*f.ledger, key));
        }
    });
}

TEST_CASE("ledger: the answer of a work that fails is not kept, those beside it are") {
    each_of(k_kinds, [](Fixture &f) {
        std::vector<std::thread> clients;
        for (int i = 0; i < 8; ++i)
            clients.emplace_back([&, i] {
                const std::string key = std::to_string(i);
                const auto written = f.ledger->write([&](Transaction &t) -> Result<void> {
                    TRY(t.put_answer("alice", key, [key] { return answer(key, "of " + key); }));
                    if (i % 2 == 1)
                        return base::fail(base::Errc::refused, "no");
                    return {};
                });
                CHECK(written.has_value() == (i % 2 == 0));
            });
        for (std::thread &client : clients)
            client.join();
        for (int i = 0; i < 8; ++i)
            CHECK(kept(*f.ledger, std::to_string(i)).has_value() == (i % 2 == 0));
    });
}

TEST_CASE("ledger: an answer that cannot be made is our mistake, and its work undone") {
    each_of(k_durable, [](Fixture &f) {
        const auto written = f.ledger->write([](Transaction &t) -> Result<void> {
            TRY(t.put_answer("alice", "before", [] { return answer("before", ""); }));
            return t.put_answer("alice", "bad",
                                []() -> StoredAnswer { throw std::runtime_error("on purpose"); });
        });
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().code == base::Errc::bug);
        CHECK_FALSE(kept(*f.ledger, "before"));
        CHECK_FALSE(kept(*f.ledger, "bad"));
    });
}

TEST_CASE("ledger: an answer that cannot be made keeps nobody else from theirs") {
    each_of(k_durable, [](Fixture &f) {
        std::vector<std::thread> clients;
        for (int i = 0; i < 8; ++i)
            clients.emplace_back([&, i] {
                const std::string key = std::to_string(i);
                const auto written = f.ledger->write([&](Transaction &t) -> Result<void> {
                    return t.put_answer("alice", key, [key, i] {
                        std::this_thread::sleep_for(base::Millis{2});
                        if (i == 3)
                            throw std::runtime_error("on purpose");
                        return answer(key, "");
                    });
                });
                CHECK(written.has_value() == (i != 3));
            });
        for (std::thread &client : clients)
            client.join();
        for (int i = 0; i < 8; ++i)
            CHECK(kept(*f.ledger, std::to_string(i)).has_value() == (i != 3));
    });
}
