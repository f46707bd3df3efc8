#include "vault/keys.hpp"

#include "seal/hash.hpp"

#include <algorithm>
#include <span>

namespace vault {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::string_view k_keys_magic = "slotcast-keys-v1";
constexpr std::string_view k_next = "next ";
constexpr std::string_view k_former = "former ";
constexpr std::size_t k_max_keys = 2048;

// Lines: the magic, the Ed25519 seed, the X25519 secret key (both base64url), one "next SEED KEY"
// or "former SEED KEY" for each other pair, and a check value over all before it: a flipped bit
// would else give keys that are well-formed, and wrong.
std::string keys_text(const Keys &keys) {
    std::string text;
    text.reserve(k_max_keys); // no copy of it is left behind
    const auto add = [&text](std::string_view before, const KeyPairs &pairs, char between) {
        std::string seed = seal::to_base64url(pairs.sign.seed().view());
        std::string secret = seal::to_base64url(pairs.box.secret().view());
        fmt::format_to(std::back_inserter(text), "{}{}{}{}\n", before, seed, between, secret);
        seal::wipe(seed);
        seal::wipe(secret);
    };
    text += fmt::format("{}\n", k_keys_magic);
    add("", keys.now, '\n');
    if (keys.next)
        add(k_next, *keys.next, ' ');
    for (const KeyPairs &pairs : keys.former)
        add(k_former, pairs, ' ');
    text += seal::check_value(text) + "\n";
    return text;
}

// The lines; nothing when the last does not vouch for the others.
std::optional<std::vector<std::string_view>> checked_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    std::string_view rest = text;
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos;) {
        lines.push_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    if (!rest.empty() || lines.size() < 4)
        return std::nullopt;
    const std::string_view covered = text.substr(0, text.size() - lines.back().size() - 1);
    if (lines.back() != seal::check_value(covered))
        return std::nullopt;
    lines.pop_back();
    return lines;
}

std::optional<KeyPairs> parse_pairs(std::string_view seed_text, std::string_view secret_text) {
    auto seed = seal::from_base64url(seed_text);
    auto secret = seal::from_base64url(secret_text);
    if (!seed || !secret)
        return std::nullopt;
    const seal::Secret wiped_seed{*std::move(seed)};
    const seal::Secret wiped_secret{*std::move(secret)};
    auto sign = seal::SigningKey::from_seed(wiped_seed.view());
    auto box = seal::BoxKey::from_secret(wiped_secret.view());
    if (!sign || !box)
        return std::nullopt;
    return KeyPairs{*std::move(sign), *std::move(box)};
}

std::optional<Keys> parse_lines(const std::vector<std::string_view> &lines) {
    auto now = parse_pairs(lines[1], lines[2]);
    if (lines[0] != k_keys_magic || !now)
        return std::nullopt;
    Keys keys{.now = *std::move(now), .next = {}, .former = {}};
    for (std::string_view line : std::span(lines).subspan(3)) {
        const bool is_next = line.starts_with(k_next);
        if (is_next ? keys.next.has_value() : !line.starts_with(k_former))
            return std::nullopt;
        line.remove_prefix(is_next ? k_next.size() : k_former.size());
        const std::size_t space = std::min(line.find(' '), line.size());
        auto pairs =
            parse_pairs(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
        if (!pairs)
            return std::nullopt;
        if (is_next)
            keys.next = *std::move(pairs);
        else
            keys.former.push_back(*std::move(pairs));
    }
    return keys;
}

Result<Keys> parse_keys(std::string_view text, const fs::path &shown) {
    const auto lines = checked_lines(text);
    auto keys = lines ? parse_lines(*lines) : std::nullopt;
    if (keys)
        return *std::move(keys);
    return fail_hint(Errc::bad_data,
                     "put the file back from a backup, or move the vault away, make a new one "
                     "with resv-store init and enrol it",
                     "{}: not a terminal's keys, or damaged", shown.native());
}

} // namespace

KeyPairs KeyPairs::generate() {
    return {seal::SigningKey::generate(), seal::BoxKey::generate()};
}

const KeyPairs *Keys::find(const seal::KeyId &id) const {
    if (now.sign.id() == id)
        return &now;
    if (next && next->sign.id() == id)
        return &*next;
    const auto found =
        std::ranges::find(former, id, [](const KeyPairs &pairs) { return pairs.sign.id(); });
    return found == former.end() ? nullptr : &*found;
}

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
    return write_keys(folder, {.now = KeyPairs::generate(), .next = {}, .former = {}});
}

Result<void> write_keys(const Folder &folder, const Keys &keys) {
    std::string text = keys_text(keys);
    auto written = folder.write("keys", text);
    seal::wipe(text);
    return written;
}

} // namespace vault
