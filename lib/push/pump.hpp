// Moves a transport stream from its input to the sender's pipe, whole packets only, when due.
#pragma once

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "media/ts_input.hpp"
#include "media/ts_judge.hpp"
#include "media/ts_restamp.hpp"
#include "media/ts_scanner.hpp"
#include "push/pace.hpp"
#include "push/preflight.hpp"
#include "push/record.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace push {

/// One thread's; never waits: step() moves what can be moved and says what to wait for.
class Pump final : private media::TsListener {
  public:
    using Reopen = std::function<base::Result<std::unique_ptr<media::TsInput>>()>;

    /// @p pipe: the writing end, non-blocking. @p reopen, when given, loops the input.
    Pump(std::unique_ptr<media::TsInput> input, base::Fd pipe, base::BitRate max_rate,
         Reopen reopen);

    /// Encodes what is left of an input, from @p head on, which was read of it before, without the
    /// first @p skip; @p why it may not pass as it is.
    using Convert = std::function<base::Result<std::unique_ptr<media::TsInput>>(
        std::unique_ptr<media::TsInput> rest, std::vector<std::uint8_t> head, base::Millis skip,
        const std::string &why)>;
    /// An input that breaks @p terms goes on through @p convert.
    void keep_to(media::StreamTerms terms, Convert convert);
    /// See TsInput.
    void hold_to(base::BitRate rate) {
        m_limit = rate;
        m_input->hold_to(rate);
    }
    [[nodiscard]] bool encodes() const { return m_input->encodes(); }

    /// Keeps what is written from now on. Borrowed.
    void record_to(Recorder *recorder) { m_recorder = recorder; }

    struct Wait {
        int input = -1;                        ///< until readable
        int pipe = -1;                         ///< until writable
        std::optional<base::SteadyTime> until; ///< at the latest
    };
    /// Errors: what the input says; bad_data, no clock in it; unavailable, nobody reads the pipe.
    [[nodiscard]] base::Result<Wait> step(base::SteadyTime now);
    /// Everything was written.
    [[nodiscard]] bool finished() const { return m_input_ended && m_next == m_out.size(); }
    /// Nobody reads the pipe any more: that is why step() failed.
    [[nodiscard]] bool pipe_is_closed() const { return m_pipe_closed; }
    [[nodiscard]] std::uint64_t bytes_written() const { return m_written; }
    /// The longest time between two key frames so far.
    [[nodiscard]] std::optional<base::Millis> key_frames() const { return m_key_frames.longest(); }
    [[nodiscard]] std::optional<base::BitRate> take_excess() { return m_pacer.take_excess(); }

  private:
    enum class Written { all, pipe_full, not_due, unknown };

    void on_packet(const media::TsPacket &packet) override;
    void on_pcr(const media::TsPacket &packet, std::uint64_t pcr_27m) override;
    void on_cut(const media::TsCut &cut) override;
    void on_program(const media::TsProgram &program) override;
    [[nodiscard]] base::Result<media::TsInput::State> fill();
    [[nodiscard]] base::Result<void> end_of_input();
    struct Due {
        std::size_t bytes = 0;
        Written state = Written::all;
        std::optional<base::SteadyTime> next{};
    };
    [[nodiscard]] base::Result<Written> drain(base::SteadyTime now, Wait &wait);
    [[nodiscard]] Due due_now(base::SteadyTime now);
    void wrote(std::size_t bytes);
    [[nodiscard]] std::size_t unsent() const { return m_out.size() - m_next; }
    void shed();
    void begin_again(std::unique_ptr<media::TsInput> input);
    void begin_stream();
    [[nodiscard]] base::Result<void> convert(const std::string &why);
    [[nodiscard]] bool judges() const { return m_judge && !m_input->encodes(); }
    void remember(const media::TsPacket &packet);
    void take_back(std::size_t bytes);

    std::unique_ptr<media::TsInput> m_input;
    base::Fd m_pipe;
    base::BitRate m_max_rate;
    Reopen m_reopen;
    Recorder *m_recorder = nullptr;
    bool m_pipe_closed = false;
    bool m_input_ended = false;
    media::TsScanner m_scanner;
    media::TsRestamper m_restamper;
    Pacer m_pacer;
    KeyFrames m_key_frames;
    std::vector<std::uint8_t> m_raw;  // fed to the scanner, not all of it recognised yet
    std::uint64_t m_raw_position = 0; // of m_raw's first byte in the scanner's count
    std::vector<std::uint8_t> m_out;  // whole packets
    std::size_t m_next = 0;           // first byte of m_out that was not written
    std::uint64_t m_written = 0;
    std::uint64_t m_packets_of_pass = 0;
    std::uint64_t m_shed = 0; // bytes dropped because nobody took them

    std::optional<base::BitRate> m_limit; // of what is encoded
    std::optional<media::StreamTerms> m_terms;
    Convert m_convert;
    std::optional<media::TsJudge> m_judge; // of this pass
    // Since the last cut, from its tables on: what a decoder needs to go on from here.
    std::vector<std::uint8_t> m_since_cut;
    std::vector<std::uint64_t> m_since_at; // the position of each of its packets
    std::size_t m_last_picture = 0;        // where the last of its pictures begins
};

} // namespace push
