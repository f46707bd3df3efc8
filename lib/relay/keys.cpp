#include "relay/keys.hpp"

#include "client/api.hpp"
#include "seal/hash.hpp"
#include "wire/reservation.hpp"

#include <algorithm>

namespace relay {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

constexpr const char *k_file = "keys.json";
constexpr const char *k_check = "check";
constexpr std::size_t k_max_file = 4096;
constexpr const char *k_enrol_hint = "run: resv-control enrol NAME --role relay | relay-serve "
                                     "enrol --control URL --token-file -";

Result<seal::Secret> read_secret(wire::ObjectReader &in, std::string_view key) {
    std::string text = TRY(in.string(key, 128));
    auto bytes = seal::from_base64url(text);
    seal::wipe(text);
    if (!bytes || bytes->size() != 32)
        return fail(Errc::bad_data, "{}: not a key", in.where(key));
    return seal::Secret{std::move(*bytes)};
}

Result<seal::Secret> take_group_key(const wire::EnrolAnswer &answer, const RelayKeys &keys,
                                    const RelayConfig &config) {
    if (answer.role != "relay" || answer.name != config.id)
        return fail_hint(Errc::config,
                         "make the token with: resv-control enrol " + config.id + " --role relay",
                         "the token enrols {} '{}', but {} says relay '{}'", answer.role,
                         answer.name, config.file.native(), config.id);
    const auto sealed = seal::from_base64(answer.group_key_sealed);
    if (!sealed)
        return fail(Errc::protocol, "control's answer has no group key");
    seal::Secret group = TRY(keys.box.open(*sealed));
    if (group.view().size() != 32)
        return fail(Errc::protocol, "control's group key has {} bytes", group.view().size());
    return group;
}

// The last member is a check value over the text of all others: a flipped bit would else give keys
// that are well-formed, and wrong.
std::string checked_text(wire::JsonObject keys) {
    std::string covered = wire::compact_json(keys);
    keys[k_check] = seal::check_value(covered);
    seal::wipe(covered);
    return wire::compact_json(keys) + "\n";
}

// Whole is only what checked_text() wrote, to the byte.
bool is_whole(const wire::Json &json, std::string_view text) {
    const auto *object = json.if_object();
    if (object == nullptr || !object->contains(k_check))
        return false;
    wire::JsonObject keys = *object;
    keys.erase(k_check);
    std::string expected = checked_text(std::move(keys));
    const bool whole = expected == text;
    seal::wipe(expected);
    return whole;
}

Result<RelayKeys> parse_keys(std::string_view text) {
    const wire::Json json = TRY(wire::parse_json(text, k_file));
    if (!is_whole(json, text))
        return fail_hint(Errc::bad_data,
                         "restore it from a backup, or move it away and enrol the relay anew",
                         "{}: damaged", k_file);
    auto in = TRY(wire::ObjectReader::of(json, k_file));
    TRY(in.string(k_check, 64));
    TRY(in.integer("v", 1, 1));
    const auto sign = TRY(read_secret(in, "sign"));
    const auto box = TRY(read_secret(in, "box"));
    auto viewer = TRY(read_secret(in, "viewer"));
    auto sign_key = TRY(seal::SigningKey::from_seed(sign.view()));
    auto box_key = TRY(seal::BoxKey::from_secret(box.view()));
    RelayKeys keys{.sign = std::move(sign_key),
                   .box = std::move(box_key),
                   .viewer_key = std::move(viewer),
                   .control_key = {},
                   .group_key = {}};
    if (in.has("control")) {
        keys.control_key = TRY(seal::public_key_from_text(TRY(in.string("control", 64))));
        keys.group_key = TRY(read_secret(in, "group"));
    }
    TRY(in.finish());
    return keys;
}

} // namespace

RelayKeys RelayKeys::generate() {
    return {.sign = seal::SigningKey::generate(),
            .box = seal::BoxKey::generate(),
            .viewer_key = seal::Secret{seal::random_bytes(32)},
            .control_key = {},
            .group_key = {}};
}

Result<RelayKeys> read_keys(const vault::Folder &folder) {
    std::string text = TRY(folder.read(k_file, k_max_file));
    auto keys = parse_keys(text);
    seal::wipe(text);
    return keys;
}

Result<void> write_keys(const vault::Folder &folder, const RelayKeys &keys) {
    const auto text = [](const seal::Secret &s) { return seal::to_base64url(s.view()); };
    wire::JsonObject out{{"v", 1},
                         {"sign", text(keys.sign.seed())},
                         {"box", text(keys.box.secret())},
                         {"viewer", text(keys.viewer_key)}};
    if (keys.enrolled()) {
        out["control"] = seal::public_key_text(*keys.control_key);
        out["group"] = text(keys.group_key);
    }
    std::string file = checked_text(std::move(out));
    auto written = folder.write(k_file, file);
    seal::wipe(file);
    return written;
}

Result<RelayKeys> load_keys(const RelayConfig &config) {
    auto folder = vault::Folder::open(config.data, vault::Access::write);
    if (!folder) {
        if (folder.error().code == Errc::no_input)
            return fail_hint(Errc::no_input, k_enrol_hint, "this relay has no keys in {}",
                             config.data.native());
        return std::unexpected(folder.error());
    }
    auto keys = read_keys(*folder);
    if ((!keys && keys.error().code == Errc::no_input) || (keys && !keys->enrolled()))
        return fail_hint(Errc::no_input, k_enrol_hint, "this relay is not enrolled: no keys in {}",
                         config.data.native());
    if (!keys)
        return std::unexpected(std::move(keys).error().in(config.data.native()));
    return keys;
}

Result<void> enrol(const RelayConfig &config, std::string token) {
    const auto folder = TRY(vault::Folder::create(config.data));
    const auto lock = TRY(folder.lock());
    auto found = read_keys(folder);
    if (!found && found.error().code != Errc::no_input)
        return std::unexpected(found.error());
    if (found && found->enrolled())
        return fail_hint(Errc::refused, "to enrol anew, move its keys.json away first",
                         "this relay is enrolled already: {}", config.data.native());
    RelayKeys keys = found ? std::move(*found) : RelayKeys::generate();
    // Written before control hears of them: a token that was used for lost keys is lost too.
    TRY(write_keys(folder, keys));
    auto api = TRY(client::Api::open(
        {.url = config.control, .cacert = config.cacert, .interface = {}}, &keys.sign));
    std::string body = wire::compact_json(
        wire::to_json(wire::EnrolRequest{.token = token,
                                         .sign_key = seal::public_key_text(keys.sign.public_key()),
                                         .box_key = seal::public_key_text(keys.box.public_key())}));
    seal::wipe(token);
    auto answer = api.post("/v1/keys/enrol", body, client::new_idempotency_key());
    seal::wipe(body);
    if (!answer)
        return std::unexpected(std::move(answer).error().in("enrol"));
    const auto read = TRY(wire::read_enrol_answer(TRY(answer->json()), "answer"));
    keys.group_key = TRY(take_group_key(read, keys, config));
    keys.control_key = TRY(seal::public_key_from_text(read.control_key));
    return write_keys(folder, keys);
}

} // namespace relay
