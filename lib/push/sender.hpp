// The sender: the only process that sends media, over the carriers that its plan names and no
// other network. See push-stream(1).
#pragma once

#include "base/control_clock.hpp"
#include "base/message_socket.hpp"
#include "media/ts_align.hpp"
#include "push/sender_paths.hpp"
#include "push/sender_queue.hpp"
#include "push/sender_rules.hpp"

#include <poll.h>

namespace push {

/// An event loop in one thread over the plan's socket, the reader's, its pipe and SRT.
class Sender {
  public:
    /// @p clock outlives the sender.
    Sender(base::MessageSocket plan, base::MessageSocket reader, const base::Clock &clock)
        : m_plan_socket(std::move(plan)), m_reader(std::move(reader)), m_clock(clock),
          m_control(clock), m_paths(clock) {}

    /// Runs until the reservation is over or what the reader finished is out (success), or
    /// @p stop_fd is readable (success). unavailable when the plan's socket closes: nobody upholds
    /// the carrier any more. protocol when a plan is none.
    [[nodiscard]] base::Result<void> run(int stop_fd);

  private:
    /// What asks for attention.
    struct Heard {
        bool stop = false;
        bool master = false;
        bool reader = false;
    };
    /// Of a status.
    struct Told {
        std::int64_t plan = -1;
        bool over = false;
        std::int64_t changes = -1;
        std::string detail;
        std::string use;
    };

    [[nodiscard]] base::Result<Heard> wait(int stop_fd);
    [[nodiscard]] base::Millis patience() const;
    base::Result<void> hear_plan();
    base::Result<void> take_plan(wire::SenderPlan plan);
    void hear_reader();
    void take_source(const wire::SenderSource &source, std::vector<base::Fd> &fds);
    [[nodiscard]] bool turn();
    void read_pipe(base::BitRate rate);
    void send_queue();
    void pad();
    void steer(const wire::SenderPlan &plan);
    [[nodiscard]] PathUse use(const wire::SenderPlan &plan) const;
    [[nodiscard]] bool reads_pipe() const;
    base::Result<void> tell(bool over);
    void tell_reader(bool over, const std::string &status);
    void tell_of_delay(base::SteadyTime now);
    [[nodiscard]] std::int64_t queue_ms(const media::SrtStats &s) const;
    [[nodiscard]] wire::SenderStatus status(bool over);

    base::MessageSocket m_plan_socket;
    base::MessageSocket m_reader; // empty once the reader is gone
    const base::Clock &m_clock;
    base::ControlClock m_control;
    SenderPaths m_paths;

    std::optional<wire::SenderPlan> m_plan;
    SenderPhase m_phase = SenderPhase::waiting;
    SenderGate m_gate{base::BitRate{1}}; // the plan sets it
    base::Fd m_pipe;
    media::TsAligner m_aligner;
    SenderQueue m_queue;
    base::SteadyTime m_queued_at{}; // when the last bytes came
    bool m_blocked = false;         // something is due and could not leave
    bool m_has_reader = false;      // a reader has given its pipe once
    bool m_finish = false;          // nothing follows what is in the pipe
    bool m_preflight = false;       // the reader tries the line
    std::optional<PathUse> m_use;   // as the reader wants it; nothing: as the plan has lines

    std::int64_t m_bytes = 0;
    std::int64_t m_dropped = 0; // TS packets, for want of a connection
    bool m_hello_due = false;
    base::SteadyTime m_told_at{};
    base::SteadyTime m_reader_told_at{};
    Told m_told; // the last one
};

} // namespace push
