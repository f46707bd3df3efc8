#include "push/pump.hpp"

#include "base/log.hpp"
#include "push/sender_rules.hpp"

#include <algorithm>
#include <unistd.h>

namespace push {

namespace {

using base::Errc;
using base::Result;

constexpr std::size_t k_chunk = 7 * media::k_ts_packet_bytes; // one SRT payload
constexpr std::size_t k_enough = 128 * k_chunk;               // read ahead of what is due
constexpr std::size_t k_most_without_clock = 8U << 20U;
constexpr std::size_t k_most_at_once = 96 * k_chunk;
constexpr int k_most_reads = 64; // of up to 64 KB in one step
constexpr std::size_t k_scanner_holds = 2 * media::k_ts_packet_bytes;

Pacer::Follow follow(const media::TsInput &input) {
    return input.live() ? Pacer::Follow::input : Pacer::Follow::pcr;
}

} // namespace

Pump::Pump(std::unique_ptr<media::TsInput> input, base::Fd pipe, base::BitRate max_rate,
           Reopen reopen)
    : m_input(std::move(input)), m_pipe(std::move(pipe)), m_max_rate(max_rate),
      m_reopen(std::move(reopen)), m_scanner(this), m_pacer(max_rate, follow(*m_input)) {}

Result<Pump::Wait> Pump::step(base::SteadyTime now) {
    Wait wait;
    for (int reads = 0; reads < k_most_reads; ++reads) {
        const Written done = TRY(drain(now, wait));
        if (done == Written::pipe_full && m_input->live())
            shed();
        // Read on when there is little left, when only a later PCR tells what is due, and always
        // from what is live, which would lose it.
        const bool wants =
            !m_input_ended && (unsent() < k_enough || done == Written::unknown || m_input->live());
        if (!wants)
            return wait;
        if (done == Written::unknown && unsent() > k_most_without_clock)
            return base::fail(Errc::bad_data, "the input has no clock (PCR) for {} bytes",
                              unsent());
        if (TRY(fill()) == media::TsInput::State::nothing_yet) {
            wait.input = m_input->fd();
            return wait;
        }
    }
    wait.until = now; // there is more to do, after a look at the other events
    return wait;
}

Result<media::TsInput::State> Pump::fill() {
    const std::size_t before = m_raw.size();
    const auto state = TRY(m_input->read(m_raw));
    if (m_input->restarted()) {
        m_raw.erase(m_raw.begin(), m_raw.begin() + static_cast<std::ptrdiff_t>(before));
        begin_stream();
        m_restamper.next_stream();
        return state;
    }
    m_scanner.feed(std::span{m_raw}.subspan(before));
    // What the scanner may still be holding stays; the rest was copied to m_out.
    if (m_raw.size() > k_scanner_holds) {
        const std::size_t done = m_raw.size() - k_scanner_holds;
        m_raw.erase(m_raw.begin(), m_raw.begin() + static_cast<std::ptrdiff_t>(done));
        m_raw_position += done;
    }
    if (state == media::TsInput::State::end)
        TRY(end_of_input());
    else if (judges() && m_judge->fault())
        TRY(convert(*m_judge->fault()));
    return state;
}

Result<void> Pump::end_of_input() {
    if (m_packets_of_pass == 0)
        return base::fail(Errc::bad_data, "the input has no media in it");
    if (m_scanner.counters().garbage_bytes > 0)
        base::log::warning("{} bytes of the input were no transport stream and were left out",
                           m_scanner.counters().garbage_bytes);
    if (const auto tail = m_scanner.counters().bytes % media::k_ts_packet_bytes;
        tail != 0 && m_scanner.counters().garbage_bytes == 0)
        base::log::warning("the input ends within a packet; its last {} bytes were left out", tail);
    if (!m_reopen) {
        m_input_ended = true;
        m_pacer.end();
        return {};
    }
    auto next = TRY(m_reopen());
    TRY(next->prepare());
    TRY(next->start());
    begin_again(std::move(next));
    m_restamper.next_pass();
    return {};
}

// Another pass, or another input in the place of the first.
void Pump::begin_again(std::unique_ptr<media::TsInput> input) {
    m_input = std::move(input);
    if (m_limit)
        m_input->hold_to(*m_limit);
    begin_stream();
}

void Pump::begin_stream() {
    m_scanner = media::TsScanner(this);
    m_raw.clear();
    m_raw_position = 0;
    m_packets_of_pass = 0;
    m_since_cut.clear();
    m_since_at.clear();
    m_last_picture = 0;
    if (m_terms)
        m_judge.emplace(*m_terms);
}

void Pump::keep_to(media::StreamTerms terms, Convert convert) {
    m_terms = std::move(terms);
    m_judge.emplace(*m_terms);
    m_convert = std::move(convert);
}

Result<void> Pump::convert(const std::string &why) {
    auto skip = std::chrono::duration_cast<base::Millis>(m_judge->since_cut());
    if (m_since_cut.size() <= unsent()) { // it goes on from where the last cut was
        take_back(m_since_cut.size());
        skip = {};
    } else if (const auto part = m_since_cut.size() - m_last_picture; part <= unsent()) {
        take_back(part); // a picture that is not whole
    }
    // What the scanner holds is a part of a packet, at most.
    const std::uint64_t known =
        m_since_at.empty() ? m_raw_position : m_since_at.back() + media::k_ts_packet_bytes;
    const auto rest = std::min<std::uint64_t>(known - m_raw_position, m_raw.size());
    m_since_cut.insert(m_since_cut.end(), m_raw.begin() + static_cast<std::ptrdiff_t>(rest),
                       m_raw.end());
    auto next = m_convert(std::move(m_input), std::move(m_since_cut), skip, why);
    begin_again(TRY(std::move(next)));
    m_restamper.next_stream();
    return {};
}

void Pump::take_back(std::size_t bytes) {
    m_restamper.take_back(std::span{m_out}.last(bytes));
    m_out.resize(m_out.size() - bytes);
    m_pacer.take_back(m_written + m_shed + unsent());
}

void Pump::remember(const media::TsPacket &packet) {
    if (packet.payload_start && packet.pid == m_scanner.program().video_pid)
        m_last_picture = m_since_cut.size();
    m_since_cut.insert(m_since_cut.end(), m_out.end() - media::k_ts_packet_bytes, m_out.end());
    m_since_at.push_back(packet.position);
}

void Pump::on_packet(const media::TsPacket &packet) {
    const auto at = static_cast<std::ptrdiff_t>(packet.position - m_raw_position);
    m_out.insert(m_out.end(), m_raw.begin() + at, m_raw.begin() + at + media::k_ts_packet_bytes);
    if (judges())
        remember(packet); // as it came
    m_restamper.packet(std::span{m_out}.last<media::k_ts_packet_bytes>(), packet);
    ++m_packets_of_pass;
}

void Pump::on_pcr(const media::TsPacket &packet, std::uint64_t pcr_27m) {
    const std::uint64_t position = m_written + m_shed + unsent() - media::k_ts_packet_bytes;
    m_pacer.clock(position, m_restamper.clock(pcr_27m), packet.discontinuity);
    if (judges())
        m_judge->clock(packet.position, pcr_27m, packet.discontinuity);
}

void Pump::on_program(const media::TsProgram &program) {
    if (judges())
        m_judge->program(program);
}

void Pump::on_cut(const media::TsCut &cut) {
    m_key_frames.add(cut);
    if (!judges())
        return;
    m_judge->cut(cut);
    const auto from = std::ranges::lower_bound(m_since_at, cut.position) - m_since_at.begin();
    m_since_cut.erase(m_since_cut.begin(),
                      m_since_cut.begin() +
                          from * static_cast<std::ptrdiff_t>(media::k_ts_packet_bytes));
    m_since_at.erase(m_since_at.begin(), m_since_at.begin() + from);
    m_last_picture -=
        std::min(m_last_picture, static_cast<std::size_t>(from) * media::k_ts_packet_bytes);
}

// One write for all that is due: a system call and a wakeup of the sender each cost more than the
// bytes do.
Result<Pump::Written> Pump::drain(base::SteadyTime now, Wait &wait) {
    wait = {};
    for (;;) {
        const Due due = due_now(now);
        if (due.bytes == 0) {
            wait.until = due.next;
            return due.state;
        }
        const ssize_t sent = ::write(m_pipe.get(), m_out.data() + m_next, due.bytes);
        const auto gone = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        m_pacer.kept_back(due.bytes - gone);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            wait.pipe = m_pipe.get();
            return Written::pipe_full;
        }
        m_pipe_closed = sent < 0 && errno == EPIPE;
        if (m_pipe_closed)
            return base::fail(Errc::unavailable, "the sender takes no more media");
        if (sent < 0)
            return base::fail_errno("write", "the sender's pipe");
        wrote(gone);
    }
}

// Whole payloads that may leave; none: why, and when the next one may.
Pump::Due Pump::due_now(base::SteadyTime now) {
    Due out;
    while (out.bytes < k_most_at_once) {
        const std::size_t left = unsent() - out.bytes;
        if (left == 0 || (left < k_chunk && !m_input_ended))
            return out;
        const std::size_t n =
            std::min(k_chunk - (m_written + out.bytes) % media::k_ts_packet_bytes, left);
        const auto due = m_pacer.due(m_written + m_shed + out.bytes + n, now);
        if (!due || *due > now + k_at_once) {
            out.state = due ? Written::not_due : Written::unknown;
            out.next = due;
            return out;
        }
        m_pacer.sent(n, now);
        out.bytes += n;
    }
    return out;
}

void Pump::wrote(std::size_t bytes) {
    const auto begun = static_cast<std::size_t>(m_written % media::k_ts_packet_bytes);
    m_next += bytes;
    m_written += bytes;
    const std::size_t whole = (begun + bytes) / media::k_ts_packet_bytes * media::k_ts_packet_bytes;
    if (m_recorder != nullptr && whole > 0)
        m_recorder->write(std::span{m_out}.subspan(m_next - bytes - begun, whole));
    if (m_next == m_out.size() || m_next > k_enough) {
        const std::size_t part =
            m_written % media::k_ts_packet_bytes; // the recorder's, when it is whole
        m_out.erase(m_out.begin(), m_out.begin() + static_cast<std::ptrdiff_t>(m_next - part));
        m_next = part;
    }
}

// Live media that nobody takes grows old: more than a second of it is dropped.
void Pump::shed() {
    const auto second = static_cast<std::size_t>(m_max_rate.bps / 8);
    if (unsent() <= std::max(second, 2 * k_chunk))
        return;
    if (m_shed == 0)
        base::log::warning("the sender is behind: live media is being dropped");
    // The rest of a packet that is half in the pipe has to follow.
    const std::size_t part = m_written % media::k_ts_packet_bytes;
    const std::size_t rest = part == 0 ? 0 : media::k_ts_packet_bytes - part;
    const std::size_t n = (unsent() - rest - k_chunk) / k_chunk * k_chunk;
    const auto from = m_out.begin() + static_cast<std::ptrdiff_t>(m_next + rest);
    m_out.erase(from, from + static_cast<std::ptrdiff_t>(n));
    m_shed += n;
}

} // namespace push
