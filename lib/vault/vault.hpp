// The vault: the terminal's predetermined storage area for its keys and its sealed settings.
// Layout and checks: slotcast-settings(5). Everything in it is refused unless it is a regular file
// (or a folder) of the vault's owner, closed to everybody else, with one name, of a sane size.
#pragma once

#include "base/fd.hpp"
#include "seal/keys.hpp"
#include "wire/settings.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace vault {

/// `read`: the owner, or root. `write`: the owner only, root included, so that no file of a user's
/// vault ends up owned by root.
enum class Access { read, write };

/// A signing key and a box key, which are made, enrolled and replaced together.
struct KeyPairs {
    seal::SigningKey sign; ///< Ed25519: signs requests; its id is the terminal's
    seal::BoxKey box;      ///< X25519: opens settings
    [[nodiscard]] static KeyPairs generate();
};

/// What add() did.
enum class Added { stored, replaced, unchanged };
[[nodiscard]] std::string_view name(Added added);

/// One stored document in brief; no secrets.
struct Summary {
    base::Id reservation;
    std::string doc_id;
    std::int64_t serial = 0;
    resv::Window window;
    base::UtcTime not_after;
    std::string title;
    std::string channel;
    std::vector<std::string> carriers; ///< by preference
    base::BitRate rate;
    std::string viewer_url;
};

/// What list() found. One bad document does not hide the others.
struct Listing {
    std::vector<Summary> documents;   ///< the earliest start first
    std::vector<base::Error> damaged; ///< one for each document that cannot be used
};

/// One thing that check() found wrong.
struct Violation {
    std::filesystem::path path;
    std::string problem;
};

/// An open vault: its folder is held by descriptor, its keys are in memory. Not thread-safe, but
/// any number of processes may use one vault: whoever changes it holds its lock for the moment.
class Vault {
  public:
    /// Makes the folder (0700, with its parents) and the keys; what is there already is kept.
    [[nodiscard]] static base::Result<Vault> create(const std::filesystem::path &folder);

    /// Opens and checks folder and keys. no_input: there is none (see create); not_permitted:
    /// another owner, or open to others; bad_data: symbolic link, hard link, damaged keys.
    [[nodiscard]] static base::Result<Vault> open(const std::filesystem::path &folder,
                                                  Access access);

    Vault(Vault &&) noexcept;
    Vault &operator=(Vault &&) noexcept;
    ~Vault();

    [[nodiscard]] const std::filesystem::path &folder() const;
    [[nodiscard]] const seal::SigningKey &signing_key() const;
    [[nodiscard]] const seal::BoxKey &box_key() const;
    /// The terminal's key id: that of its signing key.
    [[nodiscard]] seal::KeyId id() const;

    /// Makes the next keys, or gives those that an unfinished replacement made. They open settings
    /// from now on, and sign nothing yet. Durable.
    [[nodiscard]] base::Result<const KeyPairs *> next_keys();
    /// Control has the next keys @p id: they are this terminal's from now on, and the former ones
    /// open what was sealed to them (of the last eight replacements). Durable; repeating it is
    /// harmless.
    [[nodiscard]] base::Result<void> use_next_keys(const seal::KeyId &id);

    /// Opens @p sealed, which was made for any keys of this vault. Errors: see wire::open_settings.
    [[nodiscard]] base::Result<wire::Settings> open_sealed(const wire::SealedSettings &sealed,
                                                           const seal::PublicKey &issuer) const;

    /// Accepts settings signed by @p control from now on. Durable; repeating it is harmless.
    [[nodiscard]] base::Result<void> trust(const seal::PublicKey &control);
    /// The keys trusted so far, by key id.
    [[nodiscard]] base::Result<std::vector<seal::PublicKey>> trusted() const;

    /// Opens and verifies @p sealed, then stores it, still sealed. bad_data: damaged or for another
    /// terminal; not_permitted: signed by no trusted control; refused: expired at @p now, or older
    /// than what is stored. The same serial again changes nothing.
    [[nodiscard]] base::Result<Added> add(const wire::SealedSettings &sealed, base::UtcTime now);
    /// What add() would answer, without storing anything.
    [[nodiscard]] base::Result<Added> examine(const wire::SealedSettings &sealed,
                                              base::UtcTime now) const;

    /// All documents, opened and verified.
    [[nodiscard]] base::Result<Listing> list() const;
    /// One document, opened and verified. refused: not there.
    [[nodiscard]] base::Result<wire::Settings> get(const base::Id &reservation) const;
    /// One document as it came. refused: not there.
    [[nodiscard]] base::Result<wire::SealedSettings> get_sealed(const base::Id &reservation) const;

    /// Removes a document durably; false when there was none. Damaged ones are removed too.
    [[nodiscard]] base::Result<bool> remove(const base::Id &reservation);
    /// The documents that expired: whose not_after is @p now or earlier.
    [[nodiscard]] base::Result<std::vector<base::Id>> expired(base::UtcTime now) const;
    /// Removes those; returns their ids.
    [[nodiscard]] base::Result<std::vector<base::Id>> prune(base::UtcTime now);

    /// Looks at every name in the vault at @p folder and opens every document. Works where open()
    /// refuses; fails only when there is no folder or it cannot be read.
    [[nodiscard]] static base::Result<std::vector<Violation>>
    check(const std::filesystem::path &folder);

  private:
    struct Impl;
    explicit Vault(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl; // never null but after a move
};

} // namespace vault
