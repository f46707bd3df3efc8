#include "carrier/line_process.hpp"
#include "carrier/ppp.hpp"

#include <algorithm>
#include <csignal>
#include <doctest/doctest.h>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace carrier;
using namespace std::chrono_literals;

namespace {

Choice dsl() {
    wire::PppInfo ppp;
    ppp.service = "tv";
    ppp.user = "studio@carrier";
    ppp.password = "s3cret";
    Choice out;
    out.name = "dsl";
    out.driver = "ppp";
    out.interface = "ppp-dsl";
    out.connection = ppp;
    out.local.device = "eth1.7";
    return out;
}

/// What stands behind @p word.
std::string after(const std::vector<std::string> &words, std::string_view word) {
    const auto at = std::ranges::find(words, word);
    return at == words.end() || at + 1 == words.end() ? "" : *(at + 1);
}

bool has(const std::vector<std::string> &words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

/// Starts @p argv and tells what was kept of it.
std::pair<base::Result<void>, Owned> start(std::vector<std::string> argv) {
    Owned kept;
    const Keep keep = [&](const Owned &owned) -> base::Result<void> {
        kept = owned;
        return {};
    };
    auto done = start_line_process({.argv = std::move(argv), .fds = {}}, Owned{}, keep);
    return {std::move(done), kept};
}

} // namespace

TEST_CASE("carrier: pppd is called for one line and nothing else, without the password") {
    const auto argv = pppd_arguments(dsl(), "/run/slotcast");
    CHECK(after(argv, "rp-pppoe.so") == "nic-eth1.7");
    CHECK(after(argv, "rp_pppoe_service") == "tv");
    CHECK_FALSE(has(argv, "rp_pppoe_ac"));
    CHECK(after(argv, "user") == "studio@carrier");
    CHECK(after(argv, "ifname") == "ppp-dsl");
    CHECK(after(argv, "mtu") == "1492");
    for (const char *word : {"nodefaultroute", "noipdefault", "noauth", "nodetach", "nopersist"})
        CHECK(has(argv, word));
    for (const std::string &word : argv)
        CHECK(word.find("s3cret") == std::string::npos);
}

TEST_CASE("carrier: a modem is told the number by a script that no shell can misread") {
    Choice choice = dsl();
    auto &ppp = std::get<wire::PppInfo>(choice.connection);
    ppp.mode = wire::PppMode::serial;
    ppp.number = "*99#";
    ppp.init = {"AT+CGDCONT=1,\"IP\",\"a.b\""};
    choice.local.device = "/dev/ttyUSB0";
    const auto argv = pppd_arguments(choice, "/run/it's here");
    CHECK(argv[1] == "/dev/ttyUSB0");
    CHECK(argv[2] == "115200");
    CHECK(after(argv, "connect") == "/usr/sbin/chat -f '/run/it'\\''s here/line-dsl.chat'");
    CHECK_FALSE(has(argv, "rp-pppoe.so"));
    const std::string script = chat_script(ppp);
    CHECK(script.find("OK 'AT+CGDCONT=1,\"IP\",\"a.b\"'\nOK 'ATD*99#'\n") != std::string::npos);
    CHECK(script.find("s3cret") == std::string::npos);
}

TEST_CASE("carrier: a refusal of user and password is told, though the other end hung up first") {
    const std::string refused = carrier::why_ended(19, "");
    CHECK(refused == "the other end does not take user and password");
    for (const char *log :
         {"CHAP authentication failed: no\nModem hangup\n", "PAP authentication failed\n",
          "LCP terminated by peer (Authentication failed)\nModem hangup\n"})
        CHECK(carrier::why_ended(16, log) == refused);
    CHECK(carrier::why_ended(std::nullopt, "PAP authentication failed") == refused);
    CHECK(carrier::why_ended(16, "CHAP authentication succeeded\nModem hangup\n") ==
          "the other end hung up");
    CHECK(carrier::why_ended(1, "Modem hangup").empty());
    CHECK(carrier::why_ended(std::nullopt, "").empty());
}

TEST_CASE("carrier: a program of a line is written down before it begins, and found again") {
    auto [done, kept] = start({"/bin/sleep", "60"});
    REQUIRE(done.has_value());
    REQUIRE(kept.processes.size() == 1);
    const LineProcess process = kept.processes[0];
    CHECK(runs(process));
    Owned others = kept; // the same number, another start
    ++others.processes[0].started;
    CHECK_FALSE(runs(others.processes[0]));
    CHECK(plan_end(others).empty());
    CHECK(end_line_processes(others, 1s).has_value());
    CHECK(runs(process));
    CHECK(plan_end(kept) ==
          std::vector<LineStep>{{"disconnect line", fmt::format("kill {}", process.pid)}});
    CHECK(end_line_processes(kept, 5s).has_value());
    CHECK_FALSE(runs(process));
    CHECK(end_line_processes(kept, 5s).has_value());
}

TEST_CASE("carrier: a program of a line that cannot be written down never begins") {
    const std::string mark = fmt::format("/tmp/slotcast-line-{}", ::getpid());
    const Keep refuse = [](const Owned &) -> base::Result<void> {
        return base::fail(base::Errc::io, "the disk is full");
    };
    const auto done =
        start_line_process({.argv = {"/bin/touch", mark}, .fds = {}}, Owned{}, refuse);
    CHECK(done.error().message == "the disk is full");
    CHECK(::access(mark.c_str(), F_OK) != 0);
    CHECK(start({"/usr/sbin/no-such-program"}).first.error().code == base::Errc::unavailable);
}

TEST_CASE("carrier: what a line's program ended with is told once") {
    auto [done, kept] = start({"/bin/sh", "-c", "exit 19"});
    REQUIRE(done.has_value());
    std::optional<int> code;
    for (int i = 0; i < 500 && runs(kept.processes[0], &code); ++i)
        std::this_thread::sleep_for(10ms);
    CHECK(code == 19);
}
