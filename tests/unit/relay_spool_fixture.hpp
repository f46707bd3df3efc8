// A spool, and a life of the relay that records into it.
#pragma once

#include "relay/live_event.hpp"
#include "relay/playlist.hpp"

#include "base/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>

namespace spool_test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using relay::RecordingPtr;
using relay::Spool;
using relay::Store;

inline const base::Id k_id = base::Id::make(base::from_unix_ms(1'000), {1});

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "slotcast-spool-XXXXXX").native();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    [[nodiscard]] fs::path event() const { return path / k_id.text(); }
    [[nodiscard]] std::string read(const std::string &name) const {
        return base::read_file(event() / name, std::size_t{1} << 30).value();
    }
    void write(const std::string &name, std::string_view text) const {
        std::ofstream(event() / name, std::ios::binary | std::ios::trunc) << text;
    }
    // As `cat *.ts` does.
    [[nodiscard]] std::string media() const {
        std::set<std::string> names;
        for (const auto &entry : fs::directory_iterator(event()))
            if (entry.path().extension() == ".ts")
                names.insert(entry.path().filename());
        std::string out;
        for (const auto &name : names)
            out += read(name);
        return out;
    }
    fs::path path;
};

// A life of the relay: a spool, and a store that delivers segments of two seconds into it.
struct Life {
    explicit Life(const fs::path &folder, std::string tag = "t",
                  std::int64_t max_bytes = std::int64_t{1} << 30, Spool::Options options = {})
        : spool(Spool::open(folder, options).value()), recording(spool->recording(k_id)),
          store({.segments = {.first_sequence = recording->next_sequence(),
                              .window = 3,
                              .window_ticks = 90'000'000,
                              .utc_ms =
                                  [](std::int64_t us) { return 1'700'000'000'000 + us / 1000; }},
                 .tag = std::move(tag),
                 .max_bytes = max_bytes,
                 .spool = spool.get(),
                 .recording = recording}) {}
    void begin() {
        store.begin_stream();
        position = 0;
    }
    // A segment, but for the last one, which stays open.
    void deliver(int count, std::int64_t packets = 20) {
        for (int i = 0; i < count; ++i) {
            const std::int64_t bytes = packets * relay::k_packet;
            std::string data(static_cast<std::size_t>(bytes), '\0');
            for (char &c : data)
                c = static_cast<char>(random = random * 1'103'515'245 + 12'345);
            auto extent = *relay::Extent::make(bytes);
            REQUIRE(::pwrite(extent->fd(), data.data(), data.size(), 0) == bytes);
            sent.push_back(data);
            store.append(extent, 0, bytes, now_us, {{.position = position, .pts_90k = pts}});
            position += bytes;
            pts += 180'000;
            now_us += 2'000'000;
        }
    }
    void settle() const { spool->drain(10s); }
    [[nodiscard]] std::string playlist() const {
        const auto snapshot = store.snapshot();
        return snapshot->playlist ? snapshot->playlist->text() : "";
    }
    [[nodiscard]] std::string all_sent(std::size_t but = 1) const {
        std::string out;
        for (std::size_t i = 0; i + but < sent.size(); ++i)
            out += sent[i];
        return out;
    }
    std::unique_ptr<Spool> spool;
    RecordingPtr recording;
    Store store;
    std::vector<std::string> sent;
    std::uint32_t random = 1;
    std::int64_t position = 0, pts = 0, now_us = 1'000'000;
};

inline std::string read(const std::vector<relay::Slice> &slices) {
    std::string out;
    for (const auto &s : slices) {
        std::string piece(static_cast<std::size_t>(s.end - s.begin), '\0');
        if (::pread(s.extent->fd(), piece.data(), piece.size(), s.offset) != std::ssize(piece))
            return "short";
        out += piece;
    }
    return out;
}

// The bytes behind a name, as a later viewer gets them.
inline std::string recorded(const Life &life, const std::string &name) {
    const auto found = life.recording->find(name);
    if (!found)
        return "nothing";
    return read(life.recording->media(*found, 0, found->segment.end - found->segment.begin));
}

inline unsigned mode_of(const fs::path &path) {
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777U;
}

} // namespace spool_test
