#include "vault/records.hpp"

#include "base/file.hpp"

namespace vault {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using wire::Json;
using wire::JsonArray;
using wire::JsonObject;

namespace {

constexpr std::size_t k_max_input = 16'000'000;
constexpr std::size_t k_max_key = 64;

// Nothing for a record of another type.
std::optional<Result<wire::SealedSettings>> read_line(std::string_view line) {
    const auto json = wire::parse_json(line, "record");
    if (!json)
        return std::unexpected(json.error());
    auto in = wire::ObjectReader::of(*json, "record");
    if (!in)
        return std::unexpected(in.error());
    const auto type = in->string("type", 64);
    if (!type)
        return std::unexpected(type.error());
    if (*type != "settings")
        return std::nullopt;
    return wire::read_sealed(*json, "record");
}

} // namespace

Result<std::vector<InputLine>> read_records(const std::string &file) {
    const bool standard = file == "-";
    const std::string name = standard ? "standard input" : file;
    const std::string text = TRY(standard ? base::read_all(STDIN_FILENO, name, k_max_input)
                                          : base::read_file(file, k_max_input));
    std::vector<InputLine> out;
    std::size_t number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos)
            continue;
        if (auto settings = read_line(line))
            out.push_back({fmt::format("{}, line {}", name, number), *std::move(settings)});
    }
    if (out.empty())
        return fail_hint(Errc::no_input,
                         text.empty()
                             ? "did the command before it fail?"
                             : "a hold gives none: resv-request commit ID | resv-store add",
                         "{}: {}", name, text.empty() ? "empty" : "no settings in it");
    return out;
}

Result<seal::PublicKey> read_key(const std::string &text) {
    const std::string given =
        text == "-" ? TRY(base::read_all(STDIN_FILENO, "standard input", k_max_key)) : text;
    auto key = seal::public_key_from_text(given.substr(0, given.find_last_not_of(" \r\n") + 1));
    if (!key)
        return fail(Errc::usage, "KEY: {}", key.error().message);
    return key;
}

Result<Json> terminal_record(const Vault &vault) {
    JsonArray trusted;
    for (const seal::PublicKey &key : TRY(vault.trusted()))
        trusted.emplace_back(seal::key_id(key).text());
    return JsonObject{{"type", "terminal"},
                      {"v", 1},
                      {"key_id", vault.id().text()},
                      {"sign_key", seal::public_key_text(vault.signing_key().public_key())},
                      {"box_key", seal::public_key_text(vault.box_key().public_key())},
                      {"trusted", std::move(trusted)},
                      {"vault", vault.folder().native()}};
}

Json stored_record(const base::Id &id, Added added) {
    return JsonObject{
        {"type", "stored"}, {"v", 1}, {"reservation", id.text()}, {"result", name(added)}};
}

Json removed_record(const base::Id &id) {
    return JsonObject{{"type", "removed"}, {"v", 1}, {"reservation", id.text()}};
}

Json violation_record(const Violation &v) {
    return JsonObject{
        {"type", "violation"}, {"v", 1}, {"path", v.path.native()}, {"problem", v.problem}};
}

} // namespace vault
