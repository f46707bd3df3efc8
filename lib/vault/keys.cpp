#include "vault/keys.hpp"

#include <array>

namespace vault {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::string_view k_keys_magic = "slotcast-keys-v1";
constexpr std::size_t k_max_keys = 256;

// Three lines: the magic, the Ed25519 seed and the X25519 secret key, both base64url.
std::string keys_text(const Keys &keys) {
    return fmt::format("{}\n{}\n{}\n", k_keys_magic, seal::to_base64url(keys.sign.seed().view()),
                       seal::to_base64url(keys.box.secret().view()));
}

Result<Keys> parse_keys(std::string_view text, const fs::path &shown) {
    const auto bad = [&] {
        return fail_hint(Errc::bad_data,
                         "put the file back from a backup, or move the vault away, make a new one "
                         "with resv-store init and enrol it",
                         "{}: not a terminal's keys", shown.native());
    };
    std::array<std::string_view, 3> lines;
    for (std::string_view &line : lines) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos)
            return bad();
        line = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    auto seed = seal::from_base64url(lines[1]);
    auto secret = seal::from_base64url(lines[2]);
    if (lines[0] != k_keys_magic || !text.empty() || !seed || !secret)
        return bad();
    const seal::Secret wiped_seed{*std::move(seed)};
    const seal::Secret wiped_secret{*std::move(secret)};
    auto sign = seal::SigningKey::from_seed(wiped_seed.view());
    auto box = seal::BoxKey::from_secret(wiped_secret.view());
    if (!sign || !box)
        return bad();
    return Keys{*std::move(sign), *std::move(box)};
}

} // namespace

Result<Keys> read_keys(const Folder &folder) {
    auto text = folder.read("keys", k_max_keys);
    if (!text) {
        Error e = std::move(text).error();
        if (e.code == Errc::no_input)
            e.hint = "make the vault with resv-store init, or name it with --vault";
        return std::unexpected(std::move(e));
    }
    auto keys = parse_keys(*text, folder.shown("keys"));
    seal::wipe(*text);
    return keys;
}

Result<void> make_keys(const Folder &folder) {
    const auto keys = read_keys(folder);
    if (keys)
        return {};
    if (keys.error().code != Errc::no_input)
        return std::unexpected(keys.error());
    std::string text = keys_text({seal::SigningKey::generate(), seal::BoxKey::generate()});
    auto written = folder.write("keys", text);
    seal::wipe(text);
    return written;
}

} // namespace vault
