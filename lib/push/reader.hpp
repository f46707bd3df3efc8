// The reader: what push-stream does, beside the sender that carrier-connect started.
#pragma once

#include "base/control_clock.hpp"
#include "base/message_socket.hpp"
#include "push/end_warning.hpp"
#include "push/preflight.hpp"
#include "push/progress.hpp"
#include "push/pump.hpp"
#include "push/rate_control.hpp"
#include "push/source.hpp"
#include "wire/sender.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace push {

struct ReaderOptions {
    base::Id reservation;
    InputName input;
    bool loop = false;
    bool progress = false;                   ///< stderr is a terminal that wants a line
    std::optional<base::Millis> preflight{}; ///< try the line for so long, before the window
    std::string encoder = "auto";
    bool no_stats = false;
    Recorder *recorder = nullptr;            ///< borrowed
    std::vector<base::Millis> warn_before{}; ///< of the end
    std::string paths{};                     ///< wire::SenderSource::use
};

/// Where a wish to stop comes from: a descriptor to poll, and the number of the signal that came.
struct StopSource {
    int fd = -1;
    std::function<std::optional<int>()> take;
};

/// How a run without an error ended: the signal that stopped it, if one did; what a preflight came
/// to.
struct Outcome {
    struct Preflight {
        PreflightTerms terms;
        PreflightReport report;
    };
    std::optional<int> signal;
    std::optional<Preflight> preflight;
};

/// The socket to the sender, from the environment (wire::k_sender_fd_variable). not_permitted, with
/// the command that helps, when there is none.
[[nodiscard]] base::Result<base::MessageSocket> sender_from_environment();

/// One run: waits for the reservation's start by control's clock, sends the programme, ends at its
/// end, at the end of the input, or at a signal (the first asks, the second insists). Or a
/// preflight, if that is wanted: at once, for as long as it is to last.
/// Errors: refused, the relay or the reservation says no; unavailable, the sender is gone; and
/// those of the input.
class Reader {
  public:
    Reader(ReaderOptions options, base::MessageSocket sender, StatsWriter &stats, StopSource stop,
           const base::Clock &clock);
    [[nodiscard]] base::Result<Outcome> run();

  private:
    [[nodiscard]] base::Result<Outcome> try_line(); // this and what follows: reader_preflight.cpp
    [[nodiscard]] base::Result<void> check_preflight() const;
    [[nodiscard]] std::string preflight_hint() const;
    [[nodiscard]] base::Result<void> await_live();
    [[nodiscard]] PreflightTerms terms() const;

    [[nodiscard]] base::Result<void> await_hello();
    [[nodiscard]] base::Result<void> open();
    [[nodiscard]] base::Result<void> await_start();
    [[nodiscard]] base::Result<void> offer_pipe();
    [[nodiscard]] base::Result<void> begin();
    [[nodiscard]] base::Result<void> stream();
    [[nodiscard]] base::Result<void> finish();
    [[nodiscard]] base::Result<void> await_end();

    /// Waits for an event or @p until; handles the sender's messages.
    [[nodiscard]] base::Result<void> wait(const Pump::Wait &what, base::SteadyTime until);
    [[nodiscard]] base::Result<void> take_messages();
    [[nodiscard]] base::Result<void> on_hello(const wire::SenderHello &hello);
    [[nodiscard]] base::Result<void> on_status(const wire::SenderStatus &status);
    // What follows: reader_input.cpp.
    [[nodiscard]] base::Result<std::unique_ptr<media::TsInput>> open_again();
    [[nodiscard]] base::Result<void> judge_file();
    [[nodiscard]] base::Result<std::unique_ptr<media::TsInput>>
    encode(std::unique_ptr<media::TsInput> rest, std::vector<std::uint8_t> head, base::Millis skip,
           const std::string &why);
    void adapt(const wire::SenderStatus &status);
    [[nodiscard]] base::Error gone() const;
    /// What helps against a refusal, by the relay's reason (relay-serve(8)).
    [[nodiscard]] std::string refusal_hint(std::string_view detail) const;
    [[nodiscard]] bool over() const { return m_signals > 0 || m_ended; }
    void show();
    void warn();
    void warn_of_excess();
    void warn_of_end();

    ReaderOptions m_options;
    base::MessageSocket m_sender;
    StatsWriter &m_stats;
    StopSource m_stop;
    base::ControlClock m_clock;
    ProgressLine m_line;
    std::optional<wire::SenderHello> m_hello;
    wire::SenderStatus m_status;
    media::StreamTerms m_terms;
    std::unique_ptr<media::TsInput> m_input; // until the pump has it
    std::optional<std::string> m_misfit; // why the input may not pass as it is, once that is known
    bool m_encoding = false;             // and that it was said
    base::Fd m_pipe;                     // our end, until the pump has it
    std::unique_ptr<Pump> m_pump;
    std::optional<RateControl> m_control; // once something is encoded
    std::string m_adapted_to;             // the carrier it was for
    bool m_interrupted = false;           // the connection, since
    std::optional<int> m_signal;          // the first one
    int m_signals = 0;
    bool m_ended = false; // the sender says that all is out
    bool m_finishing = false;
    bool m_streamed = false;     // the programme had begun when it ended
    std::uint64_t m_written = 0; // into the pipe, of media
    std::string m_last_trouble;  // the newest detail of a status
    std::int64_t m_rtt_max_us = 0;
    base::SteadyTime m_told_at{}; // of the newest statistics
    std::optional<base::SteadyTime> m_warned;
    EndWarning m_end_warning;
};

} // namespace push
