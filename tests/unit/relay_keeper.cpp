// Files that are written beside the hub, and receipts that wait in them.
#include "relay/keeper.hpp"
#include "relay/receipt_files.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

namespace {

struct Data {
    std::filesystem::path path;
    Data() {
        std::string at = (std::filesystem::temp_directory_path() / "keeper.XXXXXX").native();
        REQUIRE(::mkdtemp(at.data()) != nullptr);
        path = at;
    }
    Data(const Data &) = delete;
    Data &operator=(const Data &) = delete;
    ~Data() { std::filesystem::remove_all(path); }
    [[nodiscard]] vault::Folder folder() const {
        return vault::Folder::open(path, vault::Access::write).value();
    }
};

wire::SignedReceipt receipt(int n) {
    wire::Receipt out;
    out.reservation = base::Id::make(base::from_unix_ms(n), {});
    out.relay = "r1";
    out.admitted = base::from_unix_ms(n);
    out.ended = base::from_unix_ms(n + 1000);
    return wire::sign(out, seal::SigningKey::generate());
}

} // namespace

TEST_CASE("relay: a keeper has written everything when it ends, the newest of each file") {
    const Data data;
    {
        relay::Keeper keeper{data.folder()};
        for (int i = 0; i < 200; ++i)
            keeper.write("a", std::to_string(i));
        keeper.write("b", "1");
        keeper.write("c", "1");
        keeper.remove("b");
        keeper.remove("never there");
    }
    const auto folder = data.folder();
    CHECK(folder.read("a", 100).value() == "199");
    CHECK(folder.read("c", 100).value() == "1");
    CHECK(folder.read("b", 100).error().code == base::Errc::no_input);
}

TEST_CASE("relay: a keeper that cannot write ends all the same") {
    const Data data;
    std::filesystem::create_directory(data.path / "a"); // in the place of a file
    {
        relay::Keeper keeper{data.folder()};
        keeper.write("a", "1");
        keeper.write("b", "1");
    }
    CHECK(data.folder().read("b", 100).value() == "1");
}

TEST_CASE("relay: receipts that wait are found again, damaged ones are left aside") {
    const Data data;
    const auto one = receipt(1);
    const auto two = receipt(2);
    const auto folder = data.folder();
    for (const auto &r : {one, two})
        REQUIRE(folder.write(relay::file_name(r.receipt), wire::compact_json(wire::to_json(r))));
    REQUIRE(folder.write("receipt-x-1.json", "{"));
    REQUIRE(folder.write("other.json", wire::compact_json(wire::to_json(one))));
    const auto found = relay::load_receipts(folder);
    REQUIRE(found.size() == 2);
    CHECK(found[0] == one);
    CHECK(found[1] == two);
}
