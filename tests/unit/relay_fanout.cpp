#include "relay/fanout.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <future>
#include <linux/capability.h>
#include <random>
#include <seccomp.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Nothing of it looks like another place, or another seed.
std::string noise(std::size_t bytes, unsigned seed) {
    std::mt19937 random{seed};
    std::string out(bytes, '\0');
    for (char &c : out)
        c = static_cast<char>(random());
    return out;
}

relay::ExtentPtr extent_of(const std::string &media) {
    relay::ExtentPtr out = *relay::Extent::make(std::ssize(media));
    REQUIRE(::pwrite(out->fd(), media.data(), media.size(), 0) == std::ssize(media));
    return out;
}

// A socket that takes little at a time, and what came out at its other end.
struct Viewer {
    explicit Viewer(int held = 64 * 1024) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
                0);
        here = base::Fd{ends[0]};
        there = base::Fd{ends[1]};
        ::setsockopt(here.get(), SOL_SOCKET, SO_SNDBUF, &held, sizeof held);
    }
    void read() {
        std::array<char, 65536> some; // NOLINT(*-member-init): filled by read
        for (ssize_t n = 0; (n = ::read(there.get(), some.data(), some.size())) > 0;)
            got.append(some.data(), static_cast<std::size_t>(n));
    }
    // All of it, however often the socket is full.
    void take(relay::Fanout &fanout, const relay::Extent &extent, std::size_t offset,
              std::size_t bytes) {
        for (std::size_t done = 0; done < bytes;) {
            const ssize_t n =
                fanout.send(here.get(), extent, static_cast<off_t>(offset + done), bytes - done);
            if (n < 0)
                REQUIRE(errno == EAGAIN);
            else
                REQUIRE(n > 0);
            done += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
            read();
        }
    }
    base::Fd here;
    base::Fd there;
    std::string got;
};

// In a thread of its own, for what cannot be taken back.
void apart(const std::function<void()> &what) {
    std::async(std::launch::async, what).get();
}

// This thread gets @p error_number for each of @p calls.
bool refuse(std::initializer_list<int> calls, int error_number) {
    const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    bool well = filter != nullptr;
    for (const int call : calls)
        well = well &&
               ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error_number)),
                                  call, 0) == 0;
    well = well && ::seccomp_load(filter) == 0;
    ::seccomp_release(filter);
    return well;
}

// This thread is an ordinary user's, as far as pipe(7)'s limits are concerned.
bool drop_capabilities() {
    __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    return ::syscall(SYS_capset, &head, none.data()) == 0;
}

// Pipes as large as may be, until this user may have no more of them.
std::vector<base::Fd> all_pipes() {
    int size = 1 << 20; // the kernel's, unless it was told otherwise
    std::vector<base::Fd> out;
    while (out.size() < 800) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return {};
        out.emplace_back(ends[0]);
        out.emplace_back(ends[1]);
        for (; ::fcntl(ends[1], F_SETPIPE_SZ, size) < 0; size /= 2)
            if (size <= 65'536) // a smaller one than the fan-out's may still be had
                return out;
    }
    return {};
}

// Whether each of @p viewers gets all of @p media.
bool gets_there(relay::Fanout &fanout, const std::string &media, std::vector<Viewer> &viewers) {
    const relay::ExtentPtr extent = extent_of(media);
    bool well = true;
    for (Viewer &viewer : viewers) {
        viewer.got.clear();
        viewer.take(fanout, *extent, 0, media.size());
        well = well && viewer.got == media;
    }
    return well;
}

std::vector<Viewer> four_viewers() {
    std::vector<Viewer> out;
    out.reserve(4);
    for (int i = 0; i < 4; ++i)
        out.emplace_back(1 << 20);
    return out;
}

} // namespace

TEST_CASE("relay: what many are given is what the extent holds, at whatever place and size") {
    const std::string media = noise(4 << 20, 1);
    const relay::ExtentPtr extent = extent_of(media);
    relay::Fanout fanout;
    std::mt19937 random{7};
    for (int round = 0; round < 40; ++round) {
        const std::size_t offset = random() % (media.size() - 1);
        const std::size_t most = round % 4 == 0 ? media.size() : 80'000;
        const std::size_t bytes = 1 + random() % std::min(most, media.size() - offset);
        for (const int held : {4 << 20, 4 << 20, 4 << 20, 30'000}) {
            Viewer viewer{held};
            viewer.take(fanout, *extent, offset, bytes);
            REQUIRE(viewer.got.size() == bytes);
            REQUIRE(media.compare(offset, bytes, viewer.got) == 0);
        }
    }
    CHECK(fanout.filled() >= 20);
    CHECK(fanout.given() > fanout.filled());
}

TEST_CASE("relay: a stretch is looked up once for all who want it, and not for one alone") {
    const relay::ExtentPtr extent = extent_of(noise(1 << 20, 2));
    relay::Fanout fanout;
    Viewer viewer{4 << 20};
    for (std::size_t at = 0; at < 10; ++at)
        viewer.take(fanout, *extent, at * 50'000, 50'000);
    CHECK(fanout.filled() == 0);
    for (int i = 0; i < 10; ++i)
        viewer.take(fanout, *extent, 188, 50'000);
    CHECK(fanout.filled() == 1);
    CHECK(fanout.given() == 9);
}

TEST_CASE("relay: a little media is one stretch wherever it lies, and much is not") {
    const std::string media = noise(1'600'000, 8);
    const relay::ExtentPtr extent = extent_of(media);
    struct Case {
        std::size_t offset;
        std::size_t bytes;
        std::int64_t stretches;
    };
    for (const Case &c :
         {Case{500'000, 50'000, 1}, Case{1'040'000, 70'001, 1}, Case{524'288, 524'288, 1},
          Case{4096, 524'288, 1}, Case{100'000, 524'288, 2}, Case{1, 524'287, 1},
          Case{100'000, 1'500'000, 4}}) {
        CAPTURE(c.offset);
        relay::Fanout fanout;
        for (int i = 0; i < 3; ++i) {
            Viewer viewer{4 << 20};
            viewer.take(fanout, *extent, c.offset, c.bytes);
            CHECK((viewer.got == media.substr(c.offset, c.bytes)));
        }
        CHECK(fanout.filled() == c.stretches);
    }
}

TEST_CASE("relay: one viewer whose socket is full again and again costs no pipe") {
    const std::string media = noise(3 << 20, 6);
    const relay::ExtentPtr extent = extent_of(media);
    relay::Fanout fanout;
    Viewer viewer{60'000};
    viewer.take(fanout, *extent, 1000, media.size() - 1000);
    CHECK((viewer.got == media.substr(1000)));
    CHECK(fanout.filled() == 0);
}

TEST_CASE("relay: viewers who take little at a time are in step with each other all the same") {
    const std::string media = noise(3 << 20, 8);
    const relay::ExtentPtr extent = extent_of(media);
    relay::Fanout fanout;
    for (const int held : {100'000, 300'000, 4 << 20, 200'000, 4 << 20}) {
        Viewer viewer{held};
        viewer.take(fanout, *extent, 188, media.size() - 188);
        REQUIRE((viewer.got == media.substr(188)));
    }
    CHECK(fanout.filled() <= 10); // it has seven stretches
    CHECK(fanout.given() >= 7);
}

TEST_CASE("relay: more streams at a time than there are pipes do not take them from each other") {
    const relay::ExtentPtr extent = extent_of(noise(4 << 20, 9));
    relay::Fanout fanout{4};
    Viewer viewer{4 << 20};
    for (int round = 0; round < 30; ++round)
        for (std::size_t stream = 0; stream < 12; ++stream)
            viewer.take(fanout, *extent, stream * 262'144, 48'000);
    CHECK(fanout.filled() <= 4);
    CHECK(fanout.given() >= 4 * 20);
}

TEST_CASE("relay: another extent whose file has the former one's number is another") {
    relay::Fanout fanout;
    int number = -1;
    for (unsigned seed = 0; seed < 5; ++seed) {
        const std::string media = noise(60'000, seed);
        const relay::ExtentPtr extent = extent_of(media);
        if (seed > 0)
            REQUIRE(extent->fd() == number);
        number = extent->fd();
        for (int i = 0; i < 3; ++i) {
            Viewer viewer{1 << 20};
            viewer.take(fanout, *extent, 0, media.size());
            REQUIRE((viewer.got == media)); // not printed
        }
    }
    CHECK(fanout.filled() == 5);
}

TEST_CASE("relay: a full socket, or a closed one, costs the next viewer nothing") {
    const std::string media = noise(500'000, 3);
    const relay::ExtentPtr extent = extent_of(media);
    relay::Fanout fanout;
    Viewer full{4096};
    for (int i = 0; i < 4; ++i)
        std::ignore = fanout.send(full.here.get(), *extent, 0, media.size());
    CHECK(fanout.send(full.here.get(), *extent, 0, media.size()) == -1);
    CHECK(errno == EAGAIN);
    Viewer gone;
    gone.there = {};
    std::signal(SIGPIPE, SIG_IGN); // as every tool does
    CHECK(fanout.send(gone.here.get(), *extent, 0, media.size()) == -1);
    CHECK(errno == EPIPE);
    CHECK(fanout.filled() == 1);
    Viewer next{4 << 20};
    next.take(fanout, *extent, 0, media.size());
    CHECK((next.got == media));
}

TEST_CASE("relay: pages that nobody wants any more are let go of") {
    const relay::ExtentPtr extent = extent_of(noise(100'000, 4));
    relay::Fanout fanout;
    const auto to_three = [&] {
        for (int i = 0; i < 3; ++i)
            Viewer{1 << 20}.take(fanout, *extent, 0, 100'000);
    };
    base::SteadyTime now{100s};
    fanout.sweep(now);
    to_three();
    fanout.sweep(now += 2s);
    to_three(); // in between, so it stays
    fanout.sweep(now += 2s);
    to_three();
    CHECK(fanout.filled() == 1);
    fanout.sweep(now += 2s);
    fanout.sweep(now += 2s);
    to_three();
    CHECK(fanout.filled() == 2);
}

TEST_CASE("relay: without descriptors for pipes media goes out all the same") {
    const std::string media = noise(200'000, 5);
    const relay::ExtentPtr extent = extent_of(media);
    std::vector<Viewer> viewers = four_viewers();
    for (const bool from_the_start : {true, false}) {
        rlimit before{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
        rlimit none = before;
        none.rlim_cur = 3;
        std::optional<relay::Fanout> fanout;
        if (!from_the_start)
            fanout.emplace();
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
        if (from_the_start)
            fanout.emplace();
        for (Viewer &viewer : viewers) {
            viewer.got.clear();
            viewer.take(*fanout, *extent, 0, media.size());
        }
        ::setrlimit(RLIMIT_NOFILE, &before);
        for (const Viewer &viewer : viewers)
            CHECK((viewer.got == media));
        CHECK(fanout->filled() == 0);
    }
}

TEST_CASE("relay: where a call of the fan-out is refused media goes out all the same") {
    const std::string media = noise(200'000, 6);
    for (const int call : {SCMP_SYS(tee), SCMP_SYS(splice), SCMP_SYS(pipe2)})
        for (const int error_number : {EPERM, ENOSYS})
            for (const bool from_the_start : {true, false}) {
                CAPTURE(call);
                std::vector<Viewer> viewers = four_viewers();
                apart([&] {
                    std::optional<relay::Fanout> fanout;
                    if (!from_the_start) {
                        fanout.emplace();
                        CHECK(gets_there(*fanout, media, viewers));
                        CHECK(fanout->given() == 3); // it is on
                    }
                    REQUIRE(refuse({call}, error_number));
                    if (from_the_start)
                        fanout.emplace();
                    const std::int64_t before = fanout->given();
                    CHECK(gets_there(*fanout, media, viewers));
                    CHECK(gets_there(*fanout, media, viewers));
                    if (call == SCMP_SYS(tee))
                        CHECK(fanout->given() == before);
                });
            }
}

TEST_CASE("relay: a user who has all the pipes that one may have gets media all the same") {
    const std::string media = noise(200'000, 7);
    for (const bool from_the_start : {true, false}) {
        std::vector<Viewer> viewers = four_viewers();
        apart([&] {
            REQUIRE(drop_capabilities());
            std::optional<relay::Fanout> fanout;
            if (!from_the_start)
                fanout.emplace();
            {
                const std::vector<base::Fd> all = all_pipes();
                REQUIRE_FALSE(all.empty()); // there is a limit
                if (from_the_start)
                    fanout.emplace();
                CHECK(gets_there(*fanout, media, viewers));
                CHECK(fanout->given() == 0);
            }
        });
    }
}
