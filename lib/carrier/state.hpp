// What carrier-connect remembers between its runs: one file per carrier in use, written before the
// kernel is touched. It holds no secrets.
#pragma once

#include "base/file.hpp"
#include "base/id.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace carrier {

/// One reservation's use of a carrier.
struct Use {
    /// Rises with every `up`: the use with the highest is the active one, of its reservation and,
    /// for table 4000, of all. 0: never active, since the relay has not answered through it yet.
    std::int64_t turn = 0;
    std::set<std::string> ingest; ///< the ingest addresses of its relays, through any carrier
    /// `down` took it back while an exec runs the reservation: not active any more, but routes and
    /// guard stay until the exec's sender has let go of it.
    bool leaving = false;
    bool operator==(const Use &) const = default;
};

/// A program that runs for a line. Its start tells it from a later process of the same number.
struct LineProcess {
    std::int64_t pid = 0;
    std::int64_t started = 0; ///< clock ticks after boot, see proc(5), /proc/PID/stat
    bool operator==(const LineProcess &) const = default;
};

/// What a carrier's driver has made, written down before it exists.
struct Owned {
    std::string driver = "link"; ///< see find_driver()
    std::int64_t since_ms = 0;   ///< CLOCK_BOOTTIME of its last start; 0: never
    std::int64_t tries = 0;      ///< starts since it was last there
    std::vector<LineProcess> processes;
    std::string handle; ///< what else the driver must find again
    bool operator==(const Owned &) const = default;
};

/// Of a tunnel over another carrier: which, and where its outer packets go.
struct Below {
    std::string carrier;
    std::string host; ///< an IP literal
    std::uint16_t port = 0;
    bool operator==(const Below &) const = default;
};

/// A carrier in use. Addresses are IP literals.
struct CarrierState {
    std::string name;
    unsigned number = 0; ///< of its table and rules, see route::Carrier
    std::string interface;
    std::string gateway4; ///< or empty
    std::string gateway6;
    std::uint32_t media_uid = 0;
    Owned owned;
    std::optional<Below> below;
    std::set<std::string> sources; ///< the interface's addresses when it was connected
    std::map<base::Id, Use> uses;  ///< never empty in a stored state
    bool operator==(const CarrierState &) const = default;
};

/// By name.
using Carriers = std::map<std::string, CarrierState>;

/// The carrier that is active for @p reservation, or null. Uses that are leaving do not count.
[[nodiscard]] const CarrierState *active_for(const Carriers &carriers, const base::Id &reservation);
/// The carrier of the highest turn of all, or null.
[[nodiscard]] const CarrierState *most_recent(const Carriers &carriers);
[[nodiscard]] std::int64_t highest_turn(const Carriers &carriers);
/// The use that @p reservation has of carrier @p name, or null.
[[nodiscard]] const Use *use_of(const Carriers &carriers, const std::string &name,
                                const base::Id &reservation);
/// Whether @p name is in use by @p reservation for nothing but a tunnel that goes over it.
[[nodiscard]] bool only_below(const Carriers &carriers, const std::string &name,
                              const base::Id &reservation);
/// Whether a use of @p reservation is leaving.
[[nodiscard]] bool leaving(const Carriers &carriers, const base::Id &reservation);

/// How long a verb waits for another that is at work.
inline constexpr int k_lock_wait_ms = 10'000;

/// The folder: `FOLDER/lock` and `FOLDER/carriers/NAME.json`.
class StateFolder {
  public:
    /// @p make: creates it (0755) when absent. not_permitted when it is another user's or others
    /// may write to it: what it says is done to the machine's routing.
    [[nodiscard]] static base::Result<StateFolder> open(std::filesystem::path path, bool make);

    /// Everybody who changes state or kernel holds this. Removes what writers that were killed left
    /// half written.
    [[nodiscard]] base::Result<base::FileLock> lock(int wait_ms) const;
    /// Held by the exec of @p reservation; try_again when another one is running.
    [[nodiscard]] base::Result<base::FileLock> lock_exec(const base::Id &reservation) const;
    /// Held by the watch of @p reservation; try_again when another one is running.
    [[nodiscard]] base::Result<base::FileLock> lock_watch(const base::Id &reservation) const;
    /// Whether somebody holds the exec's lock now.
    [[nodiscard]] bool exec_runs(const base::Id &reservation) const;
    /// Removes the file of that lock; for its holder, at its end.
    void forget_exec(const base::Id &reservation) const;
    void forget_watch(const base::Id &reservation) const;

    /// What is stored; nothing when there is no folder. Reading needs no lock.
    [[nodiscard]] base::Result<Carriers> load() const;
    /// Stores one carrier durably.
    [[nodiscard]] base::Result<void> store(const CarrierState &carrier) const;
    /// Forgets one durably; absent is success.
    [[nodiscard]] base::Result<void> remove(const std::string &name) const;

    [[nodiscard]] const std::filesystem::path &path() const { return m_path; }
    /// Where the carriers' files are, to watch.
    [[nodiscard]] std::filesystem::path carriers() const { return m_path / "carriers"; }

  private:
    explicit StateFolder(std::filesystem::path path) : m_path(std::move(path)) {}
    [[nodiscard]] std::filesystem::path file_of(const std::string &name) const {
        return carriers() / (name + ".json");
    }
    std::filesystem::path m_path;
};

/// One file's contents.
[[nodiscard]] std::string to_text(const CarrierState &carrier);
[[nodiscard]] base::Result<CarrierState> read_state(std::string_view text, std::string_view name);

} // namespace carrier
