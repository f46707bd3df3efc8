// Makes the data folder of a relay that is enrolled with play-relay's control, and signs feeds as
// that control does. Times are seconds from now.
//
//   make-relay data FOLDER RELAY EVENT…     keys and the feed's state
//   make-relay feed RELAY SERIAL EVENT…     a signed feed on stdout
//   make-relay id                           a fresh reservation id
//   EVENT: ID,START,END[,name=value…]       names: serial state title disclosure vid password
//                                           viewers rate retention lead_in drain channel
#include "base/clock.hpp"
#include "relay/feed_state.hpp"
#include "relay/keys.hpp"
#include "seal/init.hpp"
#include "seal/password.hpp"

#include <cstdio>
#include <iostream>

namespace {

using base::Result;

seal::SigningKey control_key() {
    return *seal::SigningKey::from_seed(seal::Bytes(32, 1));
}

std::vector<std::string> split(const std::string &text) {
    std::vector<std::string> out{""};
    for (const char c : text)
        if (c == ',')
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
    const auto parts = split(text);
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

Result<void> make_feed(const std::string &relay, const std::string &serial,
                       const std::vector<std::string> &events) {
    wire::Feed feed{.relay = relay,
                    .serial = std::stoll(serial),
                    .time = base::SystemClock{}.now(),
                    .entries = {}};
    for (const auto &text : events)
        feed.entries.push_back(TRY(read_event(text)));
    std::cout << wire::sign_feed(feed, control_key());
    return {};
}

Result<void> run(const std::vector<std::string> &args) {
    if (args.size() >= 3 && args[0] == "data")
        return make_data(args[1], args[2], {args.begin() + 3, args.end()});
    if (args.size() >= 3 && args[0] == "feed")
        return make_feed(args[1], args[2], {args.begin() + 3, args.end()});
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
