#include "client/enrol.hpp"

#include "base/file.hpp"
#include "client/reservations.hpp"
#include "wire/key_change.hpp"

#include <unistd.h>

namespace client {

using base::Errc;
using base::Error;
using base::fail_hint;
using base::Result;

namespace {
constexpr std::size_t k_max_secret_file = 4096;
}

Result<std::string> read_secret_line(const std::string &file, std::string_view what) {
    std::string text =
        TRY(file == "-" ? base::read_all(STDIN_FILENO, "standard input", k_max_secret_file)
                        : base::read_file(file, k_max_secret_file));
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.empty())
        return fail_hint(Errc::no_input, fmt::format("write the {} on the first line", what),
                         "read the {}: {} is empty", what, file == "-" ? "standard input" : file);
    return text;
}

Result<wire::EnrolAnswer> enrol_terminal(Api &api, vault::Vault &vault, std::string_view token,
                                         const base::Clock &clock) {
    const std::string path = "/v1/keys/enrol";
    const std::string body = wire::compact_json(wire::to_json(
        wire::EnrolRequest{.token = std::string(token),
                           .sign_key = seal::public_key_text(vault.signing_key().public_key()),
                           .box_key = seal::public_key_text(vault.box_key().public_key())}));
    auto store = TRY(PendingStore::open(vault));
    const Pending pending = TRY(store.begin(
        {.origin = api.target().url, .path = path, .same = body, .body = body, .fits = {}},
        clock.now()));
    const Answer answer = TRY(send_pending(api, store, path, pending));
    const wire::Json json = TRY(answer.json());
    auto enrolled = wire::read_enrol_answer(json, "control's answer");
    auto key = enrolled ? seal::public_key_from_text(enrolled->control_key)
                        : std::unexpected(enrolled.error());
    if (!key)
        return std::unexpected(Error{Errc::protocol, std::move(key).error().message});
    TRY(vault.trust(*key));
    TRY(store.done(pending));
    return std::move(*enrolled);
}

namespace {

// Control's answer may have been lost. Then it knows the next keys, and perhaps the former no more.
bool knows(const Api &api, const vault::KeyPairs &next) {
    auto asking = Api::open(api.target(), &next.sign);
    return asking && asking->get("/v1/channels");
}

} // namespace

Result<Rotation> rotate_keys(Api &api, vault::Vault &vault, base::Seconds overlap,
                             const base::Clock &clock) {
    const std::string path = "/v1/keys/rotate";
    const seal::KeyId former = vault.id();
    const vault::KeyPairs *next = TRY(vault.next_keys());
    const seal::PublicKey &box = next->box.public_key();
    const std::string body = wire::compact_json(wire::to_json(
        wire::RotateRequest{.sign_key = seal::public_key_text(next->sign.public_key()),
                            .box_key = seal::public_key_text(box),
                            .proof = wire::rotation_proof(next->sign, box, former),
                            .overlap = overlap}));
    Rotation out{.key = next->sign.id(), .former_key = former, .former_until = {}};
    auto store = TRY(PendingStore::open(vault));
    const Pending pending = TRY(store.begin(
        {.origin = api.target().url, .path = path, .same = body, .body = body, .fits = {}},
        clock.now()));
    const auto answer = send_pending(api, store, path, pending);
    if (answer) {
        const auto read = wire::read_rotate_answer(TRY(answer->json()), "control's answer");
        if (!read || read->key != out.key)
            return base::fail(Errc::protocol, "control answered for other keys");
        out.former_until = read->former_until;
    } else if (answer.error().code != Errc::not_permitted || !knows(api, *next)) {
        return std::unexpected(answer.error());
    }
    TRY(vault.use_next_keys(out.key));
    TRY(store.done(pending));
    return out;
}

} // namespace client
