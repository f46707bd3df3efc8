// The vault on a real disk; what other users and full disks do to it:
// tests/cli/resv-store-vault.bats.
#include "wire_samples.hpp"

#include "base/file.hpp"
#include "vault/vault.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <sys/stat.h>

namespace fs = std::filesystem;
using base::Errc;
using vault::Access;
using vault::Added;
using vault::Vault;

namespace {

// A vault that trusts one control, in a folder that goes away with it.
struct Fixture {
    fs::path folder;
    seal::SigningKey control = seal::SigningKey::generate();
    base::UtcTime now = samples::some_request().start - std::chrono::hours{1};

    Fixture() {
        std::string name = (fs::temp_directory_path() / "slotcast-vault-XXXXXX").native();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder = fs::path(name) / "vault";
    }
    Fixture(const Fixture &) = delete;
    Fixture &operator=(const Fixture &) = delete;
    ~Fixture() {
        std::error_code ignored;
        fs::remove_all(folder.parent_path(), ignored);
    }

    [[nodiscard]] Vault make() const {
        auto vault = Vault::create(folder);
        REQUIRE(vault.has_value());
        REQUIRE(vault->trust(control.public_key()).has_value());
        return *std::move(vault);
    }
    [[nodiscard]] wire::SealedSettings sealed(const Vault &vault, std::int64_t serial,
                                              std::uint8_t nth = 1) const {
        wire::Settings s = samples::some_settings(control.id(), vault.id());
        s.serial = serial;
        s.reservation = samples::some_id(nth);
        return wire::seal_settings(s, control, vault.box_key().public_key());
    }
};

} // namespace

TEST_CASE("vault: keys and documents survive the process") {
    const Fixture f;
    const auto id = samples::some_id();
    seal::KeyId terminal;
    {
        Vault vault = f.make();
        terminal = vault.id();
        CHECK(vault.add(f.sealed(vault, 3), f.now) == Added::stored);
    }
    const auto vault = Vault::open(f.folder, Access::read);
    REQUIRE(vault.has_value());
    CHECK(vault->id() == terminal);
    CHECK(*vault->get(id) == samples::some_settings(f.control.id(), terminal));
    CHECK(vault->get_sealed(id)->reservation == id);
    CHECK(vault->trusted()->size() == 1);
    CHECK(vault->list()->documents.size() == 1);
    CHECK(vault->list()->documents[0].carriers == std::vector<std::string>{"line-a", "line-b"});
    CHECK(Vault::check(f.folder)->empty());
    CHECK(Vault::create(f.folder)->id() == terminal);
}

TEST_CASE("vault: serials only rise, expired settings stay out, prune takes them out") {
    const Fixture f;
    Vault vault = f.make();
    CHECK(vault.examine(f.sealed(vault, 3), f.now) == Added::stored);
    CHECK(vault.list()->documents.empty());
    CHECK(vault.add(f.sealed(vault, 3), f.now) == Added::stored);
    CHECK(vault.add(f.sealed(vault, 3), f.now) == Added::unchanged);
    CHECK(vault.add(f.sealed(vault, 4), f.now) == Added::replaced);
    CHECK(vault.add(f.sealed(vault, 3), f.now).error().code == Errc::refused);
    const auto expiry = vault.get(samples::some_id())->not_after;
    CHECK(vault.add(f.sealed(vault, 1, 5), expiry).error().code == Errc::refused);
    CHECK(vault.add(f.sealed(vault, 1, 5), expiry - base::Millis{1}) == Added::stored);
    CHECK(vault.prune(expiry - base::Millis{1})->empty());
    CHECK(vault.expired(expiry)->size() == 2);
    CHECK(vault.prune(expiry)->size() == 2);
    CHECK(vault.get(samples::some_id()).error().code == Errc::refused);
    CHECK(vault.remove(samples::some_id()) == false);
}

TEST_CASE("vault: list is in order of start and passes over what is damaged") {
    const Fixture f;
    Vault vault = f.make();
    for (std::uint8_t nth = 1; nth <= 3; ++nth) {
        wire::Settings s = samples::some_settings(f.control.id(), vault.id());
        s.reservation = samples::some_id(nth);
        s.window.start -= std::chrono::minutes{nth};
        REQUIRE(vault.add(wire::seal_settings(s, f.control, vault.box_key().public_key()), f.now)
                    .has_value());
    }
    const auto middle = f.folder / "settings" / (samples::some_id(2).text() + ".json");
    REQUIRE(base::write_file_atomic(middle, "{}", 0600).has_value());
    const auto listing = vault.list();
    REQUIRE(listing->documents.size() == 2);
    CHECK(listing->documents[0].reservation == samples::some_id(3));
    CHECK(listing->documents[1].reservation == samples::some_id(1));
    CHECK(listing->damaged.size() == 1);
    CHECK(Vault::check(f.folder)->size() == 1);
    CHECK(vault.remove(samples::some_id(2)) == true);
    CHECK(Vault::check(f.folder)->empty());
}

TEST_CASE("vault: a flipped bit anywhere in the keys or in a trusted key is found") {
    const Fixture f;
    const Vault vault = f.make();
    const auto use = [&]() -> base::Result<void> {
        const Vault opened = TRY(Vault::open(f.folder, Access::read));
        TRY(opened.trusted());
        return {};
    };
    for (const fs::path &file : {f.folder / "keys", f.folder / "trusted" / f.control.id().text()}) {
        CAPTURE(file);
        const std::string whole = base::read_file(file, 4096).value();
        for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
            CAPTURE(bit);
            std::string flipped = whole;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            REQUIRE(static_cast<bool>(std::ofstream{file} << flipped << std::flush));
            const auto used = use();
            REQUIRE_FALSE(used.has_value());
            CHECK(used.error().code == Errc::bad_data);
            CHECK(used.error().message.find(file.native()) != std::string::npos);
            CHECK_FALSE(used.error().hint.empty());
        }
        REQUIRE(static_cast<bool>(std::ofstream{file} << whole << std::flush));
        CHECK(use().has_value());
    }
}

TEST_CASE("vault: no vault, and an open one, are told apart") {
    const Fixture f;
    CHECK(Vault::open(f.folder, Access::read).error().code == Errc::no_input);
    const Vault vault = f.make();
    REQUIRE(::chmod(f.folder.c_str(), 0750) == 0);
    CHECK(Vault::open(f.folder, Access::read).error().code == Errc::not_permitted);
    CHECK(Vault::create(f.folder).error().code == Errc::not_permitted);
    CHECK(Vault::check(f.folder)->size() == 1);
}
