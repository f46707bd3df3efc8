#include "client/enrol.hpp"

#include "base/file.hpp"
#include "client/reservations.hpp"

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

} // namespace client
