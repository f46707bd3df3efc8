// What one program hands over is what the next one has.
#include "relay/carry.hpp"
#include "relay/sessions.hpp"
#include "relay_live_fixture.hpp"

#include <boost/json/parse.hpp>
#include <fcntl.h>

using namespace live_test;
using relay::Carry;

namespace {

// What the kernel does when a program becomes another: the same descriptors, by number. Here they
// have to be others, for both programs are this one.
class Passage {
  public:
    explicit Passage(const Carry &from) {
        m_state = boost::json::parse(from.text());
        for (boost::json::value &extent : m_state.at("extents").as_array())
            renumber(extent.as_object()["fd"]);
    }
    [[nodiscard]] std::string text() const { return wire::compact_json(m_state); }
    boost::json::value &at(std::string_view pointer) {
        return m_state.at_pointer({pointer.data(), pointer.size()});
    }

  private:
    static void renumber(boost::json::value &fd) {
        fd = ::fcntl(static_cast<int>(fd.as_int64()), F_DUPFD_CLOEXEC, 100);
    }
    boost::json::value m_state;
};

template <typename T> std::string written(T &thing) {
    Carry c;
    c("thing", thing);
    return c.text();
}

template <typename T> void pass(T &from, T &to) {
    Carry out;
    out("thing", from);
    const Passage passage{out};
    auto in = Carry::read(passage.text(), false);
    REQUIRE(in);
    (*in)("thing", to);
    const auto done = in->finish();
    REQUIRE_MESSAGE(done, done.error().message);
}

// Without what tells where the extents are.
std::string thing_of(std::string_view text) {
    return wire::compact_json(boost::json::parse(text).at("thing"));
}

std::string refusal(std::string_view text) {
    const auto read = Carry::read(text, false);
    return read ? "" : read.error().message + " (" + read.error().hint + ")";
}

std::string all_of(const relay::Snapshot &snapshot) {
    std::string out;
    for (const relay::Slice &s : snapshot.slices) {
        std::string bytes(static_cast<std::size_t>(s.end - s.begin), '\0');
        REQUIRE(::pread(s.extent->fd(), bytes.data(), bytes.size(), s.offset) == std::ssize(bytes));
        out += bytes;
    }
    return out;
}

} // namespace

TEST_CASE("relay: a live event goes on in another program as if nothing were") {
    LiveEvent live = make_event();
    Stream a{.key = {.carrier = "A", .run = 1, .stream = 1}, .instance = "x", .mark = 'a'};
    REQUIRE(a.open(live).empty());
    for (int i = 0; i < 7; ++i)
        a.deliver(live, k_start + i * 1s, 10, i % 2 == 0);
    a.take_extent();
    a.deliver(live, k_start + 7s);
    std::ignore = live.take_news();
    CHECK(live.event()->attend(~std::uint64_t{0}, false, relay::monotonic_us()));
    live.event()->bytes_out = 1234;

    LiveEvent next = make_event();
    pass(live, next);

    CHECK(thing_of(written(next)) == thing_of(written(live)));
    const auto before = live.event()->snapshot();
    const auto after = next.event()->snapshot();
    REQUIRE(before->playlist);
    REQUIRE(after->playlist);
    CHECK(after->playlist->text() == before->playlist->text());
    CHECK(after->low_latency->text() == before->low_latency->text());
    CHECK(*after->segments == *before->segments);
    CHECK(*after->parts == *before->parts);
    CHECK(all_of(*after) == all_of(*before));
    CHECK(after->window_begin == before->window_begin);
    CHECK(next.event()->bytes_out == 1234);
    CHECK(next.event()->attending() == 1);
    CHECK(next.event()->bytes_kept == live.event()->bytes_kept);

    // And what comes then has the same effect in both.
    Stream b = a;
    a.deliver(live, k_start + 8s);
    b.deliver(next, k_start + 8s);
    a.deliver(live, k_start + 10s);
    b.deliver(next, k_start + 10s);
    CHECK(next.event()->snapshot()->playlist->text() == live.event()->snapshot()->playlist->text());
    CHECK(all_of(*next.event()->snapshot()) == all_of(*live.event()->snapshot()));
    CHECK(next.take_news().empty());
}

TEST_CASE("relay: two paths stay one stream, with what waits for a missing payload") {
    LiveEvent live = make_event();
    Stream a{.key = {.carrier = "A", .run = 1, .stream = 1}, .instance = "x", .mark = 'a'};
    Stream b{
        .key = {.carrier = "B", .run = 4, .stream = 1}, .instance = "x", .mark = 'b', .path = 1};
    std::ignore = a.open(live);
    std::ignore = b.open(live);
    a.number(live, k_start, 65530, 4, true);
    b.number(live, k_start, 65530, 2, true);
    a.number(live, k_start + 20ms, 0, 3); // 65534 and 65535 are missing: B may bring them
    std::ignore = live.take_news();
    const auto bytes = live.event()->bytes_in.load();

    LiveEvent next = make_event();
    pass(live, next);
    CHECK(thing_of(written(next)) == thing_of(written(live)));
    b.number(next, k_start + 40ms, 65532, 4);
    CHECK(next.event()->bytes_in == bytes + 5 * 7 * 188);
    CHECK(next.event()->payloads_lost == 0);
    CHECK(next.event()->gaps == live.event()->gaps);
}

TEST_CASE("relay: what an ingest process was told and told goes on, to the message that waits") {
    relay::Intake intake{[] { return relay::Extent::make(); }};
    const auto id = base::Id::make(base::from_unix_ms(1000), {});
    intake.admit(id);
    REQUIRE(intake.handle(wire::IngestOpened{.stream = 7,
                                             .reservation = id,
                                             .generation = 1,
                                             .instance = "AAAAAAAAAAE",
                                             .path = 1,
                                             .peer = "192.0.2.1:9"},
                          1'000'000'000));
    const wire::IngestPart part{.stream = 7,
                                .extent = 0,
                                .offset = 0,
                                .bytes = 1880,
                                .received_us = 1'000'000'000,
                                .cuts = {{.position = 188, .pts_90k = 5}}};
    REQUIRE(intake.handle(part, 1'000'000'000));
    REQUIRE(intake.outbox.size() == 1);

    relay::Intake next{[] { return relay::Extent::make(); }};
    pass(intake, next);
    CHECK(thing_of(written(next)) == thing_of(written(intake)));
    REQUIRE(next.outbox.size() == 1);
    CHECK(next.outbox.front().extent);
    wire::IngestPart more = part;
    more.cuts.clear();
    CHECK_FALSE(next.handle(more, 1'000'000'001)); // that has been told
    more.offset = 1880;
    CHECK(next.handle(more, 1'000'000'001));
    wire::IngestOpened again{};
    again.stream = 7; // not a fresh number
    CHECK_FALSE(next.handle(again, 1'000'000'001));
}

TEST_CASE("relay: every kind of value is read as it was written") {
    std::uint64_t large = ~std::uint64_t{0} - 5;
    std::string raw{"\0\xff\r\n", 4};
    std::optional<std::int64_t> none;
    std::optional<std::int64_t> some = -3;
    std::set<base::Id> ids{base::Id::make(base::from_unix_ms(5), {1, 2})};
    base::SteadyTime time{123456789ns};
    bool truth = true;
    const auto all = [](Carry &c, auto &...value) {
        int n = 0;
        (c(std::to_string(n++), value), ...);
    };
    Carry out;
    all(out, large, none, some, time, truth);
    out.bytes("raw", raw);
    out.set("ids", ids);
    auto in = Carry::read(out.text(), false);
    REQUIRE(in);
    std::uint64_t large_read = 0;
    std::string raw_read;
    std::optional<std::int64_t> none_read = 1;
    std::optional<std::int64_t> some_read;
    std::set<base::Id> ids_read;
    base::SteadyTime time_read{};
    bool truth_read = false;
    all(*in, large_read, none_read, some_read, time_read, truth_read);
    in->bytes("raw", raw_read);
    in->set("ids", ids_read);
    REQUIRE(in->finish());
    CHECK(large_read == large);
    CHECK(raw_read == raw);
    CHECK(none_read == none);
    CHECK(some_read == some);
    CHECK(ids_read == ids);
    CHECK(time_read == time);
    CHECK(truth_read);
}

TEST_CASE("relay: a state of another format, or one that does not hold together, is refused") {
    LiveEvent live = make_event();
    Stream a{.key = {.carrier = "A", .run = 1, .stream = 1}, .instance = "x", .mark = 'a'};
    std::ignore = a.open(live);
    for (int i = 0; i < 3; ++i)
        a.deliver(live, k_start + i * 2s);
    Carry out;
    out("thing", live);
    const auto read = [](const std::string &text) -> std::string {
        auto in = Carry::read(text, false);
        if (!in)
            return in.error().message;
        LiveEvent next = make_event();
        (*in)("thing", next);
        const auto done = in->finish();
        return done ? "" : done.error().message;
    };
    CHECK(read(Passage{out}.text()).empty());

    Passage newer{out};
    newer.at("/format") = relay::k_carry_format + 1;
    CHECK(refusal(newer.text()).contains("which knows format"));
    CHECK(refusal(newer.text()).contains("restart the relay instead"));
    CHECK(refusal("{}").contains("format"));
    CHECK(refusal("").contains("state"));

    Passage unknown{out};
    unknown.at("/thing").as_object()["colour"] = "blue";
    CHECK(read(unknown.text()).contains("colour"));
    Passage missing{out};
    missing.at("/thing/store").as_object().erase("end");
    CHECK(read(missing.text()).contains("end"));
    Passage kind{out};
    kind.at("/thing/silent") = 1;
    CHECK(read(kind.text()).contains("silent"));
    Passage outside{out};
    outside.at("/thing/store/slices/0/slice/end") = std::int64_t{1} << 40;
    CHECK(read(outside.text()).contains("not in its extent"));
    Passage absent{out};
    absent.at("/thing/store/slices/0/slice/extent") = 9;
    CHECK(read(absent.text()).contains("no such extent"));
    Passage larger{out};
    larger.at("/extents/0/bytes") = std::int64_t{1} << 40;
    CHECK(read(larger.text()).contains("not memory of"));
    Passage twice{out};
    auto &extents = twice.at("/extents").as_array();
    extents.push_back(extents.front());
    CHECK(read(twice.text()).contains("twice"));
    Passage closed{out};
    closed.at("/extents/0/fd") = 99999;
    CHECK(read(closed.text()).contains("not there"));
}

TEST_CASE("relay: a rehearsal gets no socket and no process") {
    int fd = 1;
    pid_t pid = 1;
    Carry out;
    out.descriptor("fd", fd);
    out.process("pid", pid);
    CHECK(out.descriptors() == std::vector{1});
    auto in = Carry::read(out.text(), true);
    REQUIRE(in);
    in->descriptor("fd", fd);
    in->process("pid", pid);
    CHECK(in->finish());
    CHECK(fd == -1);
    CHECK(pid == -1);
}

TEST_CASE("relay: what has to stay the same is named when it has not") {
    Carry out;
    out.same("http", "http", "192.0.2.1:80");
    auto in = Carry::read(out.text(), true);
    REQUIRE(in);
    in->same("http", "http", "192.0.2.1:81");
    const auto done = in->finish();
    REQUIRE_FALSE(done);
    CHECK(done.error().message == "http has changed: from 192.0.2.1:80 to 192.0.2.1:81");
}
