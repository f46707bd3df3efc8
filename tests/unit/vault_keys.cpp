#include "vault/keys.hpp"

#include <doctest/doctest.h>
#include <filesystem>

using vault::Vault;

namespace {

struct TempFolder {
    std::filesystem::path path;
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "vault.XXXXXX").native();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    TempFolder(const TempFolder &) = delete;
    TempFolder &operator=(const TempFolder &) = delete;
    ~TempFolder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("vault: the next keys are the same until they are used, by whoever asks") {
    const TempFolder folder;
    auto vault = Vault::create(folder.path / "v").value();
    auto beside = Vault::open(folder.path / "v", vault::Access::write).value();
    const auto before = vault.id();
    const auto next = vault.next_keys().value()->sign.id();
    CHECK(beside.next_keys().value()->sign.id() == next);
    CHECK(vault.id() == before);
    CHECK(Vault::create(folder.path / "v").value().id() == before); // init changes nothing
    REQUIRE(vault.use_next_keys(next));
    CHECK(vault.id() == next);
    REQUIRE(beside.use_next_keys(next)); // it was done
    CHECK(beside.id() == next);
    CHECK(beside.next_keys().value()->sign.id() != next);
    REQUIRE(vault.use_next_keys(before)); // not the next ones: nothing changes
    CHECK(vault.id() == next);
}

TEST_CASE("vault: the former keys of eight replacements are kept, and damage is found") {
    const TempFolder folder;
    auto vault = Vault::create(folder.path / "v").value();
    std::vector<seal::KeyId> ids{vault.id()};
    for (int i = 0; i < 9; ++i) {
        ids.push_back(vault.next_keys().value()->sign.id());
        REQUIRE(vault.use_next_keys(ids.back()));
    }
    REQUIRE(vault.next_keys());
    const auto opened = vault::Folder::open(folder.path / "v", vault::Access::write).value();
    const auto keys = vault::read_keys(opened).value();
    CHECK_FALSE(keys.find(ids[0])); // forgotten
    for (std::size_t i = 1; i < ids.size(); ++i) {
        const auto *pairs = keys.find(ids[i]);
        REQUIRE(pairs != nullptr);
        CHECK(pairs->sign.id() == ids[i]);
    }
    CHECK(keys.former.size() == vault::k_max_former);
    REQUIRE(keys.next);
    const std::string whole = opened.read("keys", 4096).value();
    const auto good = [&](std::string text) {
        REQUIRE(opened.write("keys", text));
        return vault::read_keys(opened).has_value();
    };
    for (std::size_t at = 0; at < whole.size(); at += 7) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        CHECK_FALSE(good(flipped));
        CHECK_FALSE(good(whole.substr(0, at)));
    }
    CHECK_FALSE(good(whole + "\n"));
    CHECK(good(whole));
}
