// Brings carriers up and down: state first, then the kernel, all under the state folder's lock.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

/// What a verb found to do, in order. With `--dry-run` nothing of it was done.
struct Outcome {
    route::Plan plan;
    std::vector<LineStep> line; ///< what drivers do
    std::size_t line_at = 0;    ///< after so many steps of the plan
    Carriers carriers;          ///< in use afterwards
};

/// How `up` is to be done.
struct UpHow {
    bool dry_run = false;
    bool probe = true; ///< ask the relay's echo, when the settings tell it, before going on
    int stop_fd = -1;  ///< readable: give up asking; -1: nothing does
    /// Connected and not asked through, but not made the active one; refused when there is none.
    bool spare = false;
    bool below = false; ///< a spare for a tunnel that is brought up over it: there need be no other
    /// Asked while a line is being connected: true gives up, as stop_fd does.
    std::function<bool()> stopped = {};
};

/// A carrier in use, as `status` shows it.
struct Status {
    CarrierState state;
    std::optional<route::Link> link; ///< nothing: no such interface
    bool active = false;             ///< table 4000 points at it
    std::optional<bool> intact;      ///< the kernel is as it should be; nothing: may not look
};

/// Not thread-safe.
class Connector {
  public:
    /// @p change: the verb will change state, so the folder is made when it is absent.
    [[nodiscard]] static base::Result<Connector> open(const std::filesystem::path &state,
                                                      bool change);

    /// Connects @p choice for the reservation and, once the relay answers through it, makes it the
    /// active one. Repeating it changes nothing. no_input: no such interface; unavailable: it is
    /// down, has no fitting address, its line does not come up, or the relay does not answer;
    /// try_again: stopped; refused: taken down meanwhile. On failure the reservation has what it
    /// had before. While a line comes up, other verbs may work. A dry run of a line that is yet to
    /// be connected ends with connecting it: what follows depends on what the access side gives.
    [[nodiscard]] base::Result<Outcome> up(const wire::Settings &settings, const Choice &choice,
                                           std::uint32_t media_uid, const UpHow &how);

    /// Takes the reservation off every carrier at once; for whoever knows that its sender is gone.
    /// Also mends what a crash left.
    [[nodiscard]] base::Result<Outcome> down(const base::Id &reservation, bool dry_run);

    /// The same at any time: when an exec runs the reservation, its sender lets go first. Waits for
    /// that a few seconds, then fails with try_again; routes and guard stay, and go with the exec.
    [[nodiscard]] base::Result<void> release(const base::Id &reservation);
    /// Takes off what is leaving in @p seen and has not changed since; for the exec, when its
    /// sender has let go of that. try_again: another verb is at work.
    [[nodiscard]] base::Result<void> finish_leaving(const base::Id &reservation,
                                                    const Carriers &seen);

    /// Begins to connect the line of @p choice when it is absent and was not begun a second ago, or
    /// up to ten after attempts in vain: again for a carrier in use, or as a spare. Waits for
    /// nothing; try_again: another verb is at work.
    [[nodiscard]] base::Result<void> tend(const wire::Settings &settings, const Choice &choice,
                                          std::uint32_t media_uid);

    /// Takes the reservation off those carriers that were never active for it.
    [[nodiscard]] base::Result<void> drop_spares(const base::Id &reservation);

    /// Puts the kernel into the state that the files ask for. try_again: another verb is at work.
    [[nodiscard]] base::Result<Outcome> mend();

    // For the leak test, which holds the folder's lock.
    /// Takes the carriers' routes out of our tables and nothing else, as the kernel does when their
    /// interfaces go.
    [[nodiscard]] base::Result<void> take_routes_away();
    /// What @p reservation uses as in @p before, and the kernel as all files ask for.
    [[nodiscard]] base::Result<void> restore(const Carriers &before, const base::Id &reservation);
    /// All that the test does to the kernel when @p up leads to it and @p before follows it.
    [[nodiscard]] base::Result<Outcome> plan_trial(const Outcome &up, const Carriers &before);

    [[nodiscard]] base::Result<std::vector<Status>> status();
    /// What the kernel should have if nobody but @p reservation used @p carriers.
    [[nodiscard]] base::Result<route::Policy> policy_of(const Carriers &carriers,
                                                        const base::Id &reservation);

    [[nodiscard]] base::Result<Carriers> carriers() const { return m_folder.load(); }
    [[nodiscard]] base::Result<std::optional<route::Link>> link(const std::string &interface) {
        return m_kernel.link(interface);
    }
    /// A foreign rule that stands before ours, if any.
    [[nodiscard]] base::Result<std::optional<std::string>> foreign_rule() {
        return m_kernel.rule_before_ours();
    }
    [[nodiscard]] const StateFolder &folder() const { return m_folder; }

  private:
    Connector(StateFolder folder, route::Kernel kernel)
        : m_folder(std::move(folder)), m_kernel(std::move(kernel)) {}

    /// What the file of @p choice will say: before its line is there, and when it is.
    [[nodiscard]] base::Result<CarrierState> closed_state(const Carriers &carriers,
                                                          const wire::Settings &settings,
                                                          const Choice &choice,
                                                          std::uint32_t media_uid);
    [[nodiscard]] base::Result<CarrierState> next_state(const Carriers &carriers,
                                                        const wire::Settings &settings,
                                                        const Choice &choice,
                                                        std::uint32_t media_uid);
    /// An `up` on its way.
    struct Attempt {
        base::Id reservation;
        std::optional<base::FileLock> lock; ///< not held while a line comes up, nor by a dry run
        Outcome out{};
    };
    [[nodiscard]] base::Result<void> bring_line(Attempt &attempt, const CarrierState &closed,
                                                const Choice &choice, const UpHow &how);
    [[nodiscard]] base::Result<void> start_line(CarrierState &state, const Choice &choice);
    [[nodiscard]] base::Result<void> watch_line(const CarrierState &state, const Choice &choice,
                                                const UpHow &how);
    [[nodiscard]] base::Result<void> wait_line(Attempt &attempt, const Choice &choice,
                                               const UpHow &how);
    [[nodiscard]] base::Result<bool> tend_below(const wire::Settings &settings, const Choice &below,
                                                std::uint32_t media_uid);
    [[nodiscard]] base::Result<void> end_line(const CarrierState &state);
    [[nodiscard]] base::Result<void> forget(const CarrierState &state);
    [[nodiscard]] base::Result<void> connect(Attempt &attempt, const wire::Settings &settings,
                                             const Choice &choice, std::uint32_t media_uid,
                                             const UpHow &how);
    [[nodiscard]] base::Result<void> go_up(Outcome &out, const CarrierState &next,
                                           const base::Id &reservation, const Choice &choice,
                                           const UpHow &how);
    [[nodiscard]] base::Result<void> advance(Outcome &out, const CarrierState &state,
                                             route::State &kernel, bool dry_run);
    [[nodiscard]] base::Result<void> ask_relay(const Choice &choice, int stop_fd);
    void go_back(const Carriers &before, const Attempt &attempt);
    /// Under the lock: state first, then the kernel.
    [[nodiscard]] base::Result<Outcome> drop(const base::Id &reservation, const Carriers *seen);
    [[nodiscard]] base::Result<bool> mark_leaving(const base::Id &reservation);
    [[nodiscard]] base::Result<route::Link> usable_link(const Choice &choice,
                                                        const Carriers &carriers);
    [[nodiscard]] base::Result<route::Policy> policy(const Carriers &carriers);
    [[nodiscard]] base::Result<route::Plan> plan(const Carriers &carriers, bool guard_unknown);
    /// Logs the steps in detail, and takes them.
    [[nodiscard]] base::Result<void> apply(const route::Plan &plan);

    StateFolder m_folder;
    route::Kernel m_kernel;
};

} // namespace carrier
