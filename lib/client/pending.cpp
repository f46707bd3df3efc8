#include "client/pending.hpp"

#include "base/log.hpp"
#include "client/api.hpp"
#include "seal/hash.hpp"
#include "vault/folder.hpp"

namespace client {

using base::Errc;
using base::Result;

namespace {

constexpr std::chrono::hours k_lifetime{47}; // control keeps a key and its answer for 48 h
constexpr std::size_t k_max_bytes = 65'536;
constexpr std::size_t k_name_bytes = 16;

std::string name_of(const Wanted &wanted) {
    const std::string all = fmt::format("{}\n{}\n{}", wanted.origin, wanted.path, wanted.same);
    const seal::Hash256 hash = seal::hash256(seal::bytes_of(all));
    return seal::to_hex(seal::ByteView{hash}.first(k_name_bytes));
}

std::string text_of(const Pending &pending, const std::string &path) {
    return wire::compact_json(wire::JsonObject{{"v", 1},
                                               {"created", base::format_rfc3339(pending.created)},
                                               {"key", pending.key},
                                               {"path", path},
                                               {"body", pending.body}}) +
           "\n";
}

Result<Pending> read_pending(const std::string &name, const std::string &text) {
    const wire::Json json = TRY(wire::parse_json(text, "pending request " + name));
    auto in = TRY(wire::ObjectReader::of(json, "pending request " + name));
    TRY(in.integer("v", 1, 1));
    Pending out;
    out.name = name;
    out.created = TRY(in.time("created"));
    out.key = TRY(in.string("key", 64));
    TRY(in.string("path", 256));
    out.body = TRY(in.string("body", k_max_bytes));
    TRY(in.finish());
    out.resumed = true;
    return out;
}

} // namespace

struct PendingStore::Impl {
    vault::Folder folder;

    [[nodiscard]] Result<void> prune(base::UtcTime now) const;
    [[nodiscard]] Result<std::optional<Pending>> find(const std::string &name) const;
};

// What is too old to be sent again is of no use; this also bounds the folder.
Result<void> PendingStore::Impl::prune(base::UtcTime now) const {
    TRY(folder.remove_leftovers());
    for (const std::string &name : TRY(folder.names())) {
        if (name == "lock")
            continue;
        const auto found = find(name);
        if (!found) // damaged: the command that it belongs to says so
            continue;
        const std::optional<Pending> &pending = *found;
        if (!pending || std::chrono::abs(now - pending->created) <= k_lifetime)
            continue;
        base::log::warning("forgets the unfinished request {}: it is too old to be sent again; "
                           "resv-request list shows what was booked",
                           folder.shown(name).native());
        TRY(folder.remove(name));
    }
    return {};
}

Result<std::optional<Pending>> PendingStore::Impl::find(const std::string &name) const {
    const auto text = folder.read(name, k_max_bytes);
    if (!text && text.error().code == Errc::no_input)
        return std::optional<Pending>{};
    auto read = text ? read_pending(name, *text) : std::unexpected(text.error());
    if (read)
        return std::optional{std::move(*read)};
    base::Error e = std::move(read).error();
    e.hint = fmt::format("see with resv-request list what was booked, then remove {}",
                         folder.shown(name).native());
    return std::unexpected(std::move(e));
}

PendingStore::PendingStore(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
PendingStore::PendingStore(PendingStore &&) noexcept = default;
PendingStore &PendingStore::operator=(PendingStore &&) noexcept = default;
PendingStore::~PendingStore() = default;

Result<PendingStore> PendingStore::open(const vault::Vault &vault) {
    const auto top = TRY(vault::Folder::open(vault.folder(), vault::Access::write));
    return PendingStore{std::make_unique<Impl>(Impl{TRY(top.make_subfolder("pending"))})};
}

Result<Pending> PendingStore::begin(const Wanted &wanted, base::UtcTime now) {
    const auto lock = TRY(m_impl->folder.lock());
    TRY(m_impl->prune(now));
    const std::string name = name_of(wanted);
    auto found = TRY(m_impl->find(name));
    if (found && (!wanted.fits || wanted.fits(found->body)))
        return std::move(*found);
    Pending fresh{.name = name,
                  .body = wanted.body,
                  .key = new_idempotency_key(),
                  .created = now,
                  .resumed = false};
    const std::string text = text_of(fresh, wanted.path);
    if (text.size() > k_max_bytes || !read_pending(name, text))
        return base::fail(Errc::usage, "the request is longer than can be kept, or no JSON");
    TRY(m_impl->folder.write(name, text));
    return fresh;
}

Result<void> PendingStore::done(const Pending &pending) {
    const auto lock = TRY(m_impl->folder.lock());
    // Another process may have finished the same request and begun it anew, with another key.
    const auto found = TRY(m_impl->find(pending.name));
    if (!found || found->key != pending.key)
        return {};
    return m_impl->folder.remove(pending.name);
}

} // namespace client
