// Makes the data folder of a relay that is enrolled with play-relay's control, and plays that
// control. Times are seconds from now.
//
//   make-relay data FOLDER RELAY EVENT…     keys and the feed's state, of serial 1
//   make-relay control RELAY ADDRESS CERT KEY    serves the feed until its input ends; each line
//                                           of it is `SERIAL EVENT…`, the feed from then on;
//                                           prints the reports that come, a line each
//   make-relay id                           a fresh reservation id
//   EVENT: ID,START,END[,name=value…]       names: serial state title disclosure vid password
//                                           viewers rate retention lead_in drain channel
#include "base/clock.hpp"
#include "net/http_server.hpp"
#include "relay/feed_state.hpp"
#include "relay/keys.hpp"
#include "seal/init.hpp"
#include "seal/password.hpp"

#include <cstdio>
#include <iostream>
#include <mutex>

namespace {

using base::Result;

seal::SigningKey control_key() {
    return *seal::SigningKey::from_seed(seal::Bytes(32, 1));
}

std::vector<std::string> split(const std::string &text, char at) {
    std::vector<std::string> out{""};
    for (const char c : text)
        if (c == at)
            out.emplace_back();
        else
            out.back() += c;
    return out;
}

Result<void> set(wire::FeedEntry &e, const std::string &name, const std::string &value) {
    if (name == "serial")
        e.serial = std::stoll(value);
    else if (name == "state")
        e.state = TRY(resv::parse_state(value));
    else if (name == "title")
        e.title = value;
    else if (name == "disclosure")
        e.disclosure = TRY(resv::parse_disclosure(value));
    else if (name == "vid")
        e.vid = value;
    else if (name == "password")
        e.password_hash = TRY(seal::hash_password(value));
    else if (name == "viewers")
        e.viewers = std::stoll(value);
    else if (name == "rate")
        e.max_rate = TRY(base::parse_rate(value));
    else if (name == "retention")
        e.retention_s = std::stoll(value);
    else if (name == "lead_in")
        e.window.lead_in = base::Seconds{std::stoll(value)};
    else if (name == "drain")
        e.window.drain = base::Seconds{std::stoll(value)};
    else if (name == "channel")
        e.channel = value;
    else
        return base::fail(base::Errc::usage, "no such name: {}", name);
    return {};
}

Result<wire::FeedEntry> read_event(const std::string &text) {
    const auto parts = split(text, ',');
    if (parts.size() < 3)
        return base::fail(base::Errc::usage, "not an event: {}", text);
    const auto now = base::SystemClock{}.now();
    wire::FeedEntry e;
    e.reservation = TRY(base::Id::parse(parts[0]));
    e.serial = 1;
    e.channel = "studio1";
    e.window = {.start = now + base::Seconds{std::stoll(parts[1])},
                .end = now + base::Seconds{std::stoll(parts[2])},
                .lead_in = base::Seconds{10},
                .drain = base::Seconds{1}};
    e.state = resv::State::booked;
    e.title = "Town hall";
    e.vid = parts[0];
    e.viewers = 50;
    e.max_rate.bps = 20'000'000;
    e.retention_s = 600;
    for (std::size_t i = 3; i < parts.size(); ++i) {
        const auto equals = parts[i].find('=');
        TRY(set(e, parts[i].substr(0, equals), parts[i].substr(equals + 1)));
    }
    return e;
}

Result<void> make_data(const std::string &folder_name, const std::string &relay,
                       const std::vector<std::string> &events) {
    const auto folder = TRY(vault::Folder::create(folder_name));
    auto keys = relay::RelayKeys::generate();
    keys.control_key = control_key().public_key();
    keys.group_key = seal::Secret{seal::Bytes(32, 2)};
    TRY(relay::write_keys(folder, keys));
    relay::FeedState state{.serial = 1, .offset_ms = 0, .entries = {}};
    for (const auto &text : events) {
        auto entry = TRY(read_event(text));
        state.entries[entry.reservation] = std::move(entry);
    }
    return relay::save_feed_state(folder, relay, state);
}

class Control {
  public:
    explicit Control(std::string relay) { m_feed.relay = std::move(relay); }

    Result<void> change(const std::string &line) {
        const auto words = split(line, ' ');
        const std::lock_guard lock{m_mutex};
        m_feed.serial = std::stoll(words[0]);
        m_feed.entries.clear();
        for (auto it = words.begin() + 1; it != words.end(); ++it) {
            m_feed.entries.push_back(TRY(read_event(*it)));
            m_feed.entries.back().serial = m_feed.serial;
        }
        for (const net::Reply &reply : std::exchange(m_waiting, {}))
            reply(answer());
        return {};
    }

    void handle(const net::Request &request, const net::Reply &reply) {
        const std::lock_guard lock{m_mutex};
        if (request.method == "POST") {
            std::cout << request.body << std::endl; // NOLINT(performance-avoid-endl): for a reader
            return reply({.status = 200, .headers = {}, .body = "{}"});
        }
        std::int64_t after = 0;
        bool wait = false;
        const auto query = net::parse_query(request.query).value_or(net::Headers{});
        for (const auto &[name, value] : query) {
            after = name == "after" ? std::stoll(value) : after;
            wait = name == "wait_s" ? value != "0" : wait;
        }
        if (wait && after >= m_feed.serial)
            m_waiting.push_back(reply);
        else
            reply(answer());
    }

  private:
    net::Response answer() {
        m_feed.time = base::SystemClock{}.now();
        return {.status = 200, .headers = {}, .body = wire::sign_feed(m_feed, control_key())};
    }

    std::mutex m_mutex;
    wire::Feed m_feed{.relay = {}, .serial = 1, .time = {}, .entries = {}};
    std::vector<net::Reply> m_waiting;
};

Result<void> play_control(const std::string &relay, const std::string &address,
                          const std::string &certificate, const std::string &key) {
    Control control{relay};
    net::ServerOptions options;
    options.listen = address;
    options.certificate = certificate;
    options.key = key;
    const auto server =
        TRY(net::HttpServer::start(options, [&](const net::Request &r, const net::Reply &reply) {
            control.handle(r, reply);
        }));
    for (std::string line; std::getline(std::cin, line);)
        TRY(control.change(line));
    return {};
}

Result<void> run(const std::vector<std::string> &args) {
    if (args.size() >= 3 && args[0] == "data")
        return make_data(args[1], args[2], {args.begin() + 3, args.end()});
    if (args.size() == 5 && args[0] == "control")
        return play_control(args[1], args[2], args[3], args[4]);
    if (args.size() == 1 && args[0] == "id") {
        std::array<std::uint8_t, 10> random{};
        std::ranges::copy(seal::random_bytes(random.size()), random.begin());
        std::cout << base::Id::make(base::SystemClock{}.now(), random).text() << '\n';
        return {};
    }
    return base::fail(base::Errc::usage, "see the head of make-relay.cpp");
}

} // namespace

int main(int argc, char **argv) {
    seal::init();
    const auto done = run({argv + 1, argv + argc});
    if (!done)
        std::cerr << "make-relay: error: " << done.error().message << '\n';
    return done ? 0 : base::exit_code(done.error().code);
}
