#include "vault/vault.hpp"

#include "base/log.hpp"
#include "vault/folder.hpp"
#include "vault/keys.hpp"

#include <algorithm>
#include <array>

namespace vault {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::size_t k_max_trusted = 64;
// The envelope around the sealed part is small; read_sealed() bounds the sealed part itself.
constexpr std::size_t k_max_record = wire::k_max_settings_bytes + 1024;
constexpr std::string_view k_record_suffix = ".json";

std::string file_name(const base::Id &id) {
    return id.text() + std::string(k_record_suffix);
}

Summary summary_of(const wire::Settings &s) {
    Summary out{.reservation = s.reservation,
                .doc_id = s.doc_id,
                .serial = s.serial,
                .window = s.window,
                .not_after = s.not_after,
                .title = s.request.title,
                .channel = s.stream.channel,
                .carriers = {},
                .rate = s.request.rate,
                .viewer_url = s.viewer_url};
    out.carriers.reserve(s.carriers.size());
    for (const wire::CarrierInfo &c : s.carriers)
        out.carriers.push_back(c.name);
    return out;
}

Error absent(const base::Id &id) {
    return {Errc::refused, fmt::format("there are no settings of {} in the vault", id.text()),
            fmt::format("resv-request settings {} | resv-store add", id.text())};
}

} // namespace

struct Vault::Impl {
    Folder folder;
    Folder settings;
    Folder trusted;
    Keys keys;

    [[nodiscard]] Result<wire::Settings> open(const wire::SealedSettings &sealed) const;
    [[nodiscard]] Result<wire::Settings> open_by(const wire::SealedSettings &sealed,
                                                 const seal::PublicKey &issuer) const;
    [[nodiscard]] Result<std::vector<base::Id>> ids() const;
    [[nodiscard]] Result<std::vector<seal::PublicKey>> trusted_keys() const;
    [[nodiscard]] Result<wire::SealedSettings> read(const base::Id &id) const;
};

std::string_view name(Added added) {
    static constexpr std::array<std::string_view, 3> k_names{"stored", "replaced", "unchanged"};
    return k_names.at(static_cast<std::size_t>(added));
}

Vault::Vault(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Vault::Vault(Vault &&) noexcept = default;
Vault &Vault::operator=(Vault &&) noexcept = default;
Vault::~Vault() = default;

Result<Vault> Vault::create(const fs::path &path) {
    const Folder folder = TRY(Folder::create(path));
    {
        const auto lock = TRY(folder.lock());
        TRY(folder.remove_leftovers());
        TRY(folder.make_subfolder("settings"));
        TRY(folder.make_subfolder("trusted"));
        TRY(make_keys(folder));
    }
    return open(path, Access::write);
}

Result<Vault> Vault::open(const fs::path &path, Access access) {
    Folder folder = TRY(Folder::open(path, access));
    Keys keys = TRY(read_keys(folder));
    Folder settings = TRY(folder.subfolder("settings"));
    Folder trusted = TRY(folder.subfolder("trusted"));
    return Vault{std::make_unique<Impl>(
        Impl{std::move(folder), std::move(settings), std::move(trusted), std::move(keys)})};
}

const fs::path &Vault::folder() const {
    return m_impl->folder.path();
}
const seal::SigningKey &Vault::signing_key() const {
    return m_impl->keys.now.sign;
}
const seal::BoxKey &Vault::box_key() const {
    return m_impl->keys.now.box;
}
seal::KeyId Vault::id() const {
    return m_impl->keys.now.sign.id();
}

Result<const KeyPairs *> Vault::next_keys() {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->folder.remove_leftovers());
    m_impl->keys = TRY(read_keys(m_impl->folder)); // another process may have replaced them
    if (!m_impl->keys.next) {
        m_impl->keys.next = KeyPairs::generate();
        TRY(write_keys(m_impl->folder, m_impl->keys));
    }
    return &*m_impl->keys.next;
}

Result<void> Vault::use_next_keys(const seal::KeyId &id) {
    const auto lock = TRY(m_impl->folder.lock());
    Keys keys = TRY(read_keys(m_impl->folder));
    if (keys.next && keys.next->sign.id() == id) {
        if (keys.former.size() == k_max_former)
            keys.former.erase(keys.former.begin());
        keys.former.push_back(std::move(keys.now));
        keys.now = *std::move(keys.next);
        keys.next.reset();
        TRY(write_keys(m_impl->folder, keys));
    }
    m_impl->keys = std::move(keys);
    return {};
}

Result<wire::Settings> Vault::open_sealed(const wire::SealedSettings &sealed,
                                          const seal::PublicKey &issuer) const {
    return m_impl->open_by(sealed, issuer);
}

// What is for nobody here fails as it always did: with the keys in use.
Result<wire::Settings> Vault::Impl::open_by(const wire::SealedSettings &sealed,
                                            const seal::PublicKey &issuer) const {
    const KeyPairs *found = keys.find(sealed.recipient);
    const KeyPairs &pairs = found != nullptr ? *found : keys.now;
    return wire::open_settings(sealed, pairs.box, pairs.sign.id(), issuer);
}

Result<void> Vault::trust(const seal::PublicKey &control) {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->trusted.remove_leftovers());
    const std::string name = seal::key_id(control).text();
    const std::string text = seal::public_key_text(control) + "\n";
    if (const auto stored = m_impl->trusted.read(name, k_max_trusted); stored && *stored == text)
        return {};
    return m_impl->trusted.write(name, text);
}

Result<std::vector<seal::PublicKey>> Vault::trusted() const {
    return m_impl->trusted_keys();
}

Result<std::vector<seal::PublicKey>> Vault::Impl::trusted_keys() const {
    std::vector<seal::PublicKey> out;
    for (const std::string &name : TRY(trusted.names())) {
        if (name.ends_with(base::k_temporary_suffix))
            continue;
        std::string text = TRY(trusted.read(name, k_max_trusted));
        if (text.ends_with('\n'))
            text.pop_back();
        const auto key = seal::public_key_from_text(text);
        if (!key || seal::key_id(*key).text() != name)
            return fail_hint(Errc::bad_data, "remove it and trust the control again",
                             "{}: not the key that its name says", trusted.shown(name).native());
        out.push_back(*key);
    }
    return out;
}

Result<wire::Settings> Vault::Impl::open(const wire::SealedSettings &sealed) const {
    const auto controls = TRY(trusted_keys());
    if (controls.empty())
        return fail_hint(Errc::not_permitted,
                         "resv-request enrol makes this terminal known to a control and trusts it; "
                         "or resv-store trust KEY",
                         "settings of {}: this vault trusts no control yet",
                         sealed.reservation.text());
    Result<wire::Settings> opened = fail(Errc::bug, "no key was tried");
    for (const seal::PublicKey &control : controls) {
        opened = open_by(sealed, control);
        if (!opened && opened.error().code == Errc::not_permitted)
            continue; // signed by somebody else: perhaps by the next
        if (opened && opened->issuer != seal::key_id(control))
            return fail(Errc::bad_data, "settings of {}: name another issuer than signed them",
                        sealed.reservation.text());
        break;
    }
    return opened;
}

Result<wire::SealedSettings> Vault::Impl::read(const base::Id &id) const {
    const std::string name = file_name(id);
    auto text = settings.read(name, k_max_record);
    if (!text && text.error().code == Errc::no_input)
        return std::unexpected(absent(id));
    if (!text)
        return std::unexpected(std::move(text).error());
    const std::string shown = settings.shown(name).native();
    const auto damaged = [&](std::string_view why) {
        return fail_hint(Errc::bad_data,
                         fmt::format("resv-request settings {} | resv-store add", id.text()),
                         "{}: damaged: {}", shown, why);
    };
    const auto json = wire::parse_json(*text, "record");
    if (!json)
        return damaged(json.error().message);
    auto sealed = wire::read_sealed(*json, "record");
    if (!sealed)
        return damaged(sealed.error().message);
    if (sealed->reservation != id)
        return damaged("it holds the settings of another reservation");
    return sealed;
}

Result<std::vector<base::Id>> Vault::Impl::ids() const {
    std::vector<base::Id> out;
    for (const std::string &name : TRY(settings.names())) {
        if (!name.ends_with(k_record_suffix))
            continue;
        const auto id = base::Id::parse(name.substr(0, name.size() - k_record_suffix.size()));
        if (id && file_name(*id) == name)
            out.push_back(*id);
    }
    return out;
}

Result<Added> Vault::examine(const wire::SealedSettings &sealed, base::UtcTime now) const {
    const wire::Settings fresh = TRY(m_impl->open(sealed));
    const std::string id = fresh.reservation.text();
    if (fresh.not_after <= now)
        return fail(Errc::refused, "settings of {}: expired at {}", id,
                    base::format_rfc3339(fresh.not_after));
    const auto stored = get(fresh.reservation);
    if (!stored) {
        if (stored.error().code == Errc::refused)
            return Added::stored;
        base::log::warning("replacing what cannot be used: {}", stored.error().message);
        return Added::replaced;
    }
    if (stored->issuer != fresh.issuer)
        return fail_hint(Errc::refused, fmt::format("resv-store rm {} first, if that is right", id),
                         "settings of {}: the stored ones are from another control", id);
    if (fresh.serial < stored->serial)
        return fail_hint(Errc::refused, fmt::format("resv-request settings {} gets the newest", id),
                         "settings of {}: serial {} is older than the stored {}", id, fresh.serial,
                         stored->serial);
    return fresh.serial == stored->serial ? Added::unchanged : Added::replaced;
}

Result<Added> Vault::add(const wire::SealedSettings &sealed, base::UtcTime now) {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->settings.remove_leftovers());
    const Added added = TRY(examine(sealed, now));
    if (added != Added::unchanged)
        TRY(m_impl->settings.write(file_name(sealed.reservation),
                                   wire::compact_json(wire::to_json(sealed)) + "\n"));
    return added;
}

Result<Listing> Vault::list() const {
    Listing out;
    for (const base::Id &id : TRY(m_impl->ids())) {
        auto settings = get(id);
        if (settings)
            out.documents.push_back(summary_of(*settings));
        else if (settings.error().code != Errc::refused) // refused: removed since we listed
            out.damaged.push_back(std::move(settings).error());
    }
    std::ranges::stable_sort(out.documents, {}, [](const Summary &s) { return s.window.start; });
    return out;
}

Result<wire::SealedSettings> Vault::get_sealed(const base::Id &reservation) const {
    return m_impl->read(reservation);
}

Result<wire::Settings> Vault::get(const base::Id &reservation) const {
    return m_impl->open(TRY(m_impl->read(reservation)));
}

Result<bool> Vault::remove(const base::Id &reservation) {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->settings.remove_leftovers());
    const auto there = TRY(m_impl->ids());
    if (std::ranges::find(there, reservation) == there.end())
        return false;
    TRY(m_impl->settings.remove(file_name(reservation)));
    return true;
}

Result<std::vector<base::Id>> Vault::expired(base::UtcTime now) const {
    std::vector<base::Id> out;
    for (const Summary &s : TRY(list()).documents)
        if (s.not_after <= now)
            out.push_back(s.reservation);
    return out;
}

Result<std::vector<base::Id>> Vault::prune(base::UtcTime now) {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->settings.remove_leftovers());
    auto old = TRY(expired(now));
    for (const base::Id &id : old)
        TRY(m_impl->settings.remove(file_name(id)));
    return old;
}

} // namespace vault
