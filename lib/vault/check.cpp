// Vault::check: everything that is wrong, where open() stops at the first.
#include "vault/folder.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>

namespace vault {

namespace fs = std::filesystem;
using base::Fd;
using base::Result;

namespace {

bool is_document_name(const std::string &name) {
    const auto id = base::Id::parse(name.substr(0, name.find('.')));
    return id && name == id->text() + ".json";
}

bool is_key_name(const std::string &name) {
    const auto id = seal::KeyId::parse(name);
    return id && name == id->text();
}

// What may stand in the vault's own folder.
std::optional<Kind> expected_at_top(const std::string &name) {
    if (name == "keys" || name == "lock")
        return Kind::file;
    if (name == "settings" || name == "trusted" || name == "pending") // resv-request's: unlooked at
        return Kind::folder;
    return std::nullopt;
}

class Walk {
  public:
    Walk(fs::path top, uid_t owner) : m_top(std::move(top)), m_owner(owner) {}

    void run() {
        folder(m_top, [](const std::string &name) { return expected_at_top(name); });
        folder(m_top / "settings", [](const std::string &name) {
            return is_document_name(name) ? std::optional{Kind::file} : std::nullopt;
        });
        folder(m_top / "trusted", [](const std::string &name) {
            return is_key_name(name) ? std::optional{Kind::file} : std::nullopt;
        });
        // resv-request's, which names its files as it likes.
        folder(m_top / "pending", [](const std::string &) { return std::optional{Kind::file}; });
        for (const char *needed : {"keys", "settings", "trusted"})
            if (struct stat found{};
                ::lstat((m_top / needed).c_str(), &found) != 0 && errno == ENOENT)
                add(m_top / needed, "missing: run resv-store init");
    }

    void add(fs::path path, std::string problem) {
        m_found.push_back({std::move(path), std::move(problem)});
    }
    [[nodiscard]] bool objected(const fs::path &path) const {
        return std::ranges::find(m_found, path, &Violation::path) != m_found.end();
    }
    [[nodiscard]] bool empty() const { return m_found.empty(); }
    [[nodiscard]] std::vector<Violation> take() { return std::move(m_found); }

    static std::string without_path(const std::string &message, const fs::path &path) {
        const std::string prefix = path.native() + ": ";
        return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
    }

  private:
    template <typename Expected> void folder(const fs::path &path, Expected expected) {
        const Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!fd)
            return; // absent or not a folder: already said, or said as missing
        std::error_code failed;
        for (const auto &entry : fs::directory_iterator(path, failed))
            look_at(entry.path(), expected(entry.path().filename().native()));
        if (failed)
            add(path, failed.message());
    }

    void look_at(const fs::path &path, std::optional<Kind> kind) {
        struct stat found{};
        if (path.native().ends_with(base::k_temporary_suffix))
            return add(path, "left behind by a command that was killed; the next one removes it");
        if (!kind)
            return add(path, "does not belong in a vault");
        if (::lstat(path.c_str(), &found) != 0)
            return; // gone in the meantime
        if (const auto why = objection(found, *kind, m_owner, path))
            add(path, without_path(why->message, path));
    }

    fs::path m_top;
    uid_t m_owner;
    std::vector<Violation> m_found;
};

// Opens what the walk found no fault with.
void open_documents(Walk &walk, const fs::path &top) {
    const auto vault = Vault::open(top, Access::read);
    if (!vault) {
        if (walk.empty())
            walk.add(top, vault.error().message);
        return;
    }
    if (const auto keys = vault->trusted(); !keys) {
        if (walk.empty())
            walk.add(top / "trusted", keys.error().message);
        return;
    }
    std::error_code ignored;
    for (const auto &entry : fs::directory_iterator(top / "settings", ignored)) {
        const std::string name = entry.path().filename().native();
        if (!is_document_name(name) || walk.objected(entry.path()))
            continue;
        const auto id = base::Id::parse(name.substr(0, name.find('.')));
        if (const auto settings = vault->get(*id); !settings)
            walk.add(entry.path(), settings.error().message);
    }
}

} // namespace

Result<std::vector<Violation>> Vault::check(const fs::path &folder) {
    const fs::path clean = folder.lexically_normal();
    const fs::path top = clean.has_filename() ? clean : clean.parent_path();
    struct stat found{};
    if (::lstat(top.c_str(), &found) != 0)
        return base::fail_errno("look at", top.native());
    const uid_t me = ::geteuid();
    const uid_t owner = me == 0 ? found.st_uid : me;
    Walk walk{top, owner};
    if (const auto why = objection(found, Kind::folder, owner, top))
        walk.add(top, Walk::without_path(why->message, top));
    if (S_ISDIR(found.st_mode)) {
        walk.run();
        open_documents(walk, top);
    }
    std::vector<Violation> all = walk.take();
    std::ranges::sort(all, {}, &Violation::path);
    return all;
}

} // namespace vault
