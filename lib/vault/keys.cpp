#include "vault/keys.hpp"

#include "seal/hash.hpp"

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

// Four lines: the magic, the Ed25519 seed and the X25519 secret key (both base64url), and a check
// value over the three: a flipped bit would else give keys that are well-formed, and wrong.
std::string keys_text(const Keys &keys) {
    std::string text =
        fmt::format("{}\n{}\n{}\n", k_keys_magic, seal::to_base64url(keys.sign.seed().view()),
                    seal::to_base64url(keys.box.secret().view()));
    const std::string check = seal::check_value(text);
    text.reserve(k_max_keys);
    text += check + "\n";
    return text;
}

// The three lines; nothing when the fourth does not vouch for them.
std::optional<std::array<std::string_view, 3>> checked_lines(std::string_view text) {
    std::array<std::string_view, 3> lines;
    std::string_view rest = text;
    for (std::string_view &line : lines) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos)
            return std::nullopt;
        line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
    const std::string_view covered = text.substr(0, text.size() - rest.size());
    if (rest != seal::check_value(covered) + "\n")
        return std::nullopt;
    return lines;
}

Result<Keys> parse_keys(std::string_view text, const fs::path &shown) {
    const auto bad = [&] {
        return fail_hint(Errc::bad_data,
                         "put the file back from a backup, or move the vault away, make a new one "
                         "with resv-store init and enrol it",
                         "{}: not a terminal's keys, or damaged", shown.native());
    };
    const auto lines = checked_lines(text);
    if (!lines || lines->at(0) != k_keys_magic)
        return bad();
    auto seed = seal::from_base64url(lines->at(1));
    auto secret = seal::from_base64url(lines->at(2));
    if (!seed || !secret)
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
