#include "push/record.hpp"

#include "base/file.hpp"
#include "media/ts_scanner.hpp"
#include "push/end_warning.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <thread>

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using push::Recorder;
using Existing = Recorder::Existing;

namespace {

struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "recordXXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] std::string file(const char *name = "kept.ts") const { return path / name; }
};

std::vector<std::uint8_t> packets(std::size_t count, std::uint8_t mark) {
    std::vector<std::uint8_t> out(count * media::k_ts_packet_bytes, mark);
    for (std::size_t i = 0; i < count; ++i)
        out[i * media::k_ts_packet_bytes] = media::k_ts_sync_byte;
    return out;
}

void put(const std::string &path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const std::vector<std::uint8_t> &bytes) {
    return {bytes.begin(), bytes.end()};
}

std::string content(const std::string &path) {
    return base::read_file(path, 1U << 26U).value_or("unreadable");
}

// What becomes of @p bytes recorded to @p path.
base::Result<void> record(const std::string &path, Existing existing,
                          const std::vector<std::uint8_t> &bytes) {
    const auto recorder = TRY(Recorder::open(path, existing));
    recorder->write(bytes);
    return recorder->finish();
}

base::Errc refusal(const std::string &path, Existing existing) {
    const auto opened = Recorder::open(path, existing);
    REQUIRE_FALSE(opened.has_value());
    return opened.error().code;
}

} // namespace

TEST_CASE("push: a recording has what was sent, and nobody else's file is touched unasked") {
    const Folder folder;
    const auto first = packets(1000, 1);
    const auto second = packets(3, 2);
    REQUIRE(record(folder.file(), Existing::refuse, first));
    CHECK(content(folder.file()) == text_of(first));

    CHECK(refusal(folder.file(), Existing::refuse) == base::Errc::refused);
    CHECK(content(folder.file()) == text_of(first));
    REQUIRE(record(folder.file(), Existing::append, second));
    CHECK(content(folder.file()) == text_of(first) + text_of(second));
    REQUIRE(record(folder.file(), Existing::replace, second));
    CHECK(content(folder.file()) == text_of(second));

    put(folder.file(), text_of(first).substr(0, 188 * 5 + 100)); // its last packet is torn
    REQUIRE(record(folder.file(), Existing::append, second));
    CHECK(content(folder.file()) ==
          text_of(first).substr(0, std::size_t{188} * 5) + text_of(second));
    put(folder.file(), "a letter");
    CHECK(refusal(folder.file(), Existing::append) == base::Errc::bad_data);
    CHECK(content(folder.file()) == "a letter");
    CHECK(refusal(folder.path, Existing::replace) == base::Errc::io); // EISDIR
    CHECK(refusal(folder.file("no/folder"), Existing::refuse) == base::Errc::no_input);
    CHECK(refusal("/dev/null", Existing::replace) == base::Errc::bad_data);
}

TEST_CASE("push: two do not record into one file, and one that got nothing leaves none") {
    const Folder folder;
    {
        const auto one = Recorder::open(folder.file(), Existing::refuse);
        REQUIRE(one.has_value());
        CHECK(refusal(folder.file(), Existing::append) == base::Errc::try_again);
        CHECK(refusal(folder.file(), Existing::replace) == base::Errc::try_again);
    }
    CHECK_FALSE(fs::exists(folder.file()));
    put(folder.file(), "");
    REQUIRE(record(folder.file(), Existing::refuse, packets(2, 1)));
    CHECK(fs::file_size(folder.file()) == 376);
}

TEST_CASE(
    "push: a disk that takes no more costs whole packets of the recording, and is tried again") {
    const Folder folder;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{10'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    auto recorder = Recorder::open(folder.file(), Existing::refuse);
    REQUIRE(recorder.has_value());
    const auto begun = std::chrono::steady_clock::now();
    const auto wait_for = [&](const auto &condition) {
        while (!condition() && std::chrono::steady_clock::now() - begun < 20s)
            std::this_thread::sleep_for(5ms);
        return condition();
    };
    (*recorder)->write(packets(100, 1));
    std::optional<std::string> trouble;
    CHECK(wait_for([&] { return trouble || (trouble = (*recorder)->take_trouble()); }));
    CHECK(fs::file_size(folder.file()) == std::size_t{188} * (10'000 / 188));
    CHECK_FALSE((*recorder)->take_trouble().has_value());
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto late = packets(1, 2);
    CHECK(wait_for([&] {
        (*recorder)->write(late);
        return content(folder.file()).ends_with(text_of(late));
    }));
    const auto result = (*recorder)->finish();
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == base::Errc::io);
    CHECK(result.error().message.find("packets are not in it") != std::string::npos);
    CHECK(fs::file_size(folder.file()) % media::k_ts_packet_bytes == 0);
    std::signal(SIGXFSZ, old);
}

TEST_CASE("push: more than the disk takes in time is left out, and nobody waits for it") {
    const Folder folder;
    auto recorder = Recorder::open(folder.file(), Existing::refuse);
    REQUIRE(recorder.has_value());
    const auto piece =
        packets(22'000, 1); // half of what may wait; no thread is as fast as this one
    for (int i = 0; i < 30 && !(*recorder)->take_trouble(); ++i)
        for (int j = 0; j < 3; ++j)
            (*recorder)->write(piece);
    const auto result = (*recorder)->finish();
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().message.find("too slow") != std::string::npos);
    CHECK(fs::file_size(folder.file()) % piece.size() == 0); // all of a piece, or nothing
}

TEST_CASE("push: the end is announced once for each mark, and anew when it moves away") {
    push::EndWarning warning({5min, 1min});
    CHECK_FALSE(warning.due(10min));
    CHECK_FALSE(warning.due(5min + 1ms));
    CHECK(warning.due(5min));
    CHECK_FALSE(warning.due(4min));
    CHECK(warning.due(59s));
    CHECK_FALSE(warning.due(58s));
    CHECK_FALSE(warning.due(1h)); // extended
    CHECK(warning.due(3min));
    CHECK_FALSE(warning.due(1h));
    CHECK(warning.due(30s)); // both at once
    CHECK_FALSE(warning.due(29s));
    CHECK_FALSE(warning.due(1h));
    CHECK_FALSE(warning.due(0s)); // it is over: too late to warn
    push::EndWarning brief({5min, 1min});
    CHECK_FALSE(brief.due(4min)); // shorter than the first mark from its beginning on
    CHECK(brief.due(1min));
    CHECK_FALSE(push::EndWarning({}).due(1min));
}
