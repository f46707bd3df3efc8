// Recordings: what a later life of the relay reads, and what damage costs.
#include "relay_spool_fixture.hpp"

using namespace spool_test;

TEST_CASE("relay: a life that is cut off is gone on with, and no number is used again") {
    const Folder folder;
    std::string before;
    std::string playlist;
    std::vector<std::string> sent;
    {
        Life life{folder.path, "a"};
        life.begin();
        life.deliver(4);
        life.settle();
        before = life.all_sent();
        sent = life.sent;
        playlist = life.playlist();
    } // nobody closes the recording: segment 3 was open
    Life life{folder.path, "b"};
    // 3 was open, and 4 may have been: both are said to be lost.
    REQUIRE(life.playlist().starts_with("#EXTM3U\n#EXT-X-VERSION:8\n")); // for the gaps
    CHECK(life.playlist().substr(26).starts_with(playlist.substr(26)));
    CHECK(
        life.playlist().substr(playlist.size()) ==
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:27.000Z\n#EXT-X-GAP\n#EXTINF:0.100,\n3-a.ts\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:27.100Z\n#EXT-X-GAP\n#EXTINF:0.100,\n4-a.ts\n");
    CHECK(recorded(life, "1-a.ts") == sent[1]);
    CHECK(life.store.snapshot()->newest_cut == -1);
    CHECK(life.store.bytes_kept() == 0);
    life.begin();
    life.deliver(3);
    life.settle();
    CHECK(life.playlist().contains("\n4-a.ts\n#EXT-X-DISCONTINUITY\n"));
    CHECK(life.playlist().ends_with("\n6-b.ts\n"));
    CHECK(folder.media() == before + life.all_sent());
    CHECK(recorded(life, "5-b.ts") == life.sent[0]);
    CHECK(recorded(life, "1-a.ts") == sent[1]);
    CHECK(recorded(life, "5-a.ts") == "nothing");
}

TEST_CASE("relay: a life that was closed leaves no gap, and an event that ended says so") {
    const Folder folder;
    {
        Life life{folder.path, "a"};
        life.begin();
        life.deliver(3);
        life.store.close();
        life.settle();
    }
    {
        Life life{folder.path, "b"};
        CHECK_FALSE(life.recording->was_ended());
        life.begin();
        life.deliver(2);
        life.settle();
        CHECK_FALSE(life.playlist().contains("GAP"));
        CHECK(life.playlist().contains("\n2-a.ts\n#EXT-X-DISCONTINUITY\n"));
        life.store.end();
        life.settle();
    }
    const Life life{folder.path, "c"};
    CHECK(life.recording->was_ended());
    CHECK(life.recording->next_sequence() == 5);
}

TEST_CASE("relay: wherever the index is torn, what stands before is read, and is gone on with") {
    const Folder folder;
    {
        Life life{folder.path, "a"};
        life.begin();
        life.deliver(4);
        life.settle();
    }
    const std::string index = folder.read("index");
    const std::string media = folder.media();
    const auto line = index.rfind('\n', index.size() - 2) + 1; // of segment 2
    for (std::size_t cut = line; cut < index.size(); cut += 7) {
        CAPTURE(cut);
        folder.write("index", index.substr(0, cut));
        folder.write("000000000000.ts", media);
        fs::remove(folder.event() / "000000000004.ts");
        Life life{folder.path, "b"};
        REQUIRE(life.recording->next_sequence() == 4);
        life.begin();
        life.deliver(2);
        life.settle();
        CHECK(recorded(life, "1-a.ts") == media.substr(3760, 3760));
        CHECK(recorded(life, "2-a.ts") == "nothing");
        // The bytes that no line tells of are gone, so that the files are one stream.
        CHECK(folder.media() == media.substr(0, 7520) + life.sent[0]);
        const auto again = relay::read_index(folder.read("index"), k_id);
        CHECK(again.damaged == 0);
        CHECK(again.segments.size() == 3);
    }
}

TEST_CASE("relay: damage costs the segments that it is in") {
    const Folder folder;
    {
        Life life{folder.path, "a"};
        life.begin();
        life.deliver(6);
        life.settle();
    }
    const std::string index = folder.read("index");
    const std::string media = folder.media();
    SUBCASE("a line of the index") {
        std::string damaged = index;
        damaged[damaged.find("\"sequence\":2") + 11] = '1';
        folder.write("index", damaged);
        const Life life{folder.path, "b"};
        CHECK(recorded(life, "2-a.ts") == "nothing");
        CHECK(recorded(life, "1-a.ts") == media.substr(3760, 3760));
        CHECK(recorded(life, "3-a.ts") == media.substr(3 * 3760, 3760));
        CHECK(life.playlist().contains("#EXT-X-GAP\n#EXTINF:2.000,\n2-a.ts\n"));
    }
    SUBCASE("media that the disk never got") {
        std::string damaged = media;
        damaged[4 * 3760 + 5] ^= 1;
        folder.write("000000000000.ts", damaged);
        const Life life{folder.path, "b"};
        CHECK(recorded(life, "4-a.ts") == "nothing");
        CHECK(recorded(life, "3-a.ts") == media.substr(3 * 3760, 3760));
        CHECK(life.recording->next_sequence() == 7);
    }
    SUBCASE("a file that is short") {
        folder.write("000000000000.ts", media.substr(0, 3760 * 2 + 188));
        const Life life{folder.path, "b"};
        CHECK(recorded(life, "2-a.ts") == "nothing");
        CHECK(recorded(life, "1-a.ts") == media.substr(3760, 3760));
    }
    SUBCASE("a file that is gone, or a FIFO") {
        fs::remove(folder.event() / "000000000000.ts");
        REQUIRE(::mkfifo((folder.event() / "000000000000.ts").c_str(), 0600) == 0);
        const Life life{folder.path, "b"};
        CHECK(recorded(life, "0-a.ts") == "nothing");
        CHECK(life.recording->next_sequence() == 7);
        CHECK(life.playlist().empty());
    }
    SUBCASE("another reservation's index") {
        const auto other = base::Id::make(base::from_unix_ms(5), {});
        const auto read = relay::read_index(relay::index_line(other, base::from_unix_ms(9)), k_id);
        CHECK(read.damaged == 1);
        CHECK_FALSE(read.keep_until.has_value());
    }
    SUBCASE("an index that is a folder") {
        fs::remove(folder.event() / "index");
        fs::create_directory(folder.event() / "index");
        const auto spool = Spool::open(folder.path).value();
        CHECK(spool->recording(k_id) == nullptr);
    }
}

TEST_CASE("relay: any damage to an index is survived") {
    const Folder folder;
    std::string index;
    {
        Life life{folder.path, "a"};
        life.begin();
        life.deliver(4);
        life.store.end();
        life.settle();
        index = folder.read("index");
    }
    REQUIRE(relay::read_index(index, k_id).segments.size() == 4);
    for (std::size_t i = 0; i < index.size(); ++i) {
        std::string damaged = index;
        damaged[i] = static_cast<char>(damaged[i] ^ (1U << (i % 8)));
        const auto read = relay::read_index(damaged, k_id);
        CHECK(read.damaged + (read.whole_bytes < std::ssize(index) ? 1 : 0) >= 1);
        CHECK(read.segments.size() >= 2);
    }
}
