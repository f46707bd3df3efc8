// What a relay reads of strangers: transport streams of publishers, requests of viewers.
#include "targets.hpp"

#include "media/ts_align.hpp"
#include "relay/http_reader.hpp"
#include "relay/http_rules.hpp"
#include "relay/pull_table.hpp"
#include "seal/encoding.hpp"

#include <algorithm>

namespace fuzz {

namespace {

using Bytes = std::span<const std::uint8_t>;

void hold(bool promise, const char *what) {
    if (!promise)
        throw Broken(what);
}

Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

/// All that a scanner told, as numbers.
class Told final : public media::TsListener {
  public:
    std::vector<std::uint64_t> numbers;

  private:
    void on_program(const media::TsProgram &p) override {
        hold(p.pmt_pid <= media::k_ts_null_pid && p.video_pid <= media::k_ts_null_pid,
             "a PID of more than 13 bits");
        add({1, p.number, p.pmt_pid, p.pcr_pid, p.video_pid, p.audio_pid});
    }
    void on_packet(const media::TsPacket &p) override {
        hold(numbers.empty() || p.position >= m_position, "a packet before the one before");
        m_position = p.position;
        if (p.pcr)
            hold(*p.pcr < media::k_pcr_wrap, "a clock beyond its wrap");
    }
    void on_cut(const media::TsCut &cut) override {
        hold(cut.position <= cut.access_position && cut.access_position <= m_position,
             "a cut that is not there yet");
        hold(!cut.pts_90k || *cut.pts_90k < media::k_pts_wrap, "a time of more than 33 bits");
        add({2, cut.position, cut.access_position, cut.pts_90k.value_or(7)});
    }
    void on_unit(const media::TsUnit &unit) override {
        hold(unit.position <= m_position && unit.dts_90k < media::k_pts_wrap,
             "a picture that is not there yet");
        add({3, unit.position, unit.dts_90k});
    }
    void add(std::initializer_list<std::uint64_t> all) { numbers.insert(numbers.end(), all); }
    std::uint64_t m_position = 0;
};

// Pieces of sizes that the input itself gives.
template <typename Feed> void in_pieces(Bytes input, Feed feed) {
    for (std::size_t at = 0; at < input.size();) {
        const std::size_t size =
            std::min<std::size_t>(input.size() - at, 1 + input[at] % 251U + input[at / 2] % 13U);
        feed(input.subspan(at, size));
        at += size;
    }
}

void align(Bytes input) {
    media::TsAligner aligner;
    std::uint64_t given = 0;
    in_pieces(input, [&](Bytes piece) {
        aligner.feed(piece, [&](Bytes packets) {
            hold(!packets.empty() && packets.size() % media::k_ts_packet_bytes == 0,
                 "a packet that is not whole");
            for (std::size_t at = 0; at < packets.size(); at += media::k_ts_packet_bytes)
                hold(packets[at] == media::k_ts_sync_byte, "a packet without its sync byte");
            given += packets.size();
        });
    });
    hold(given + aligner.garbage_bytes() <= input.size() &&
             given + aligner.garbage_bytes() + 2 * media::k_ts_packet_bytes > input.size(),
         "bytes are lost");
}

// The requests in @p input, given at once or byte by byte: how it ends, then each as text.
std::vector<std::string> requests_in(std::string_view input, std::size_t step) {
    using Status = relay::HttpReader::Status;
    relay::HttpReader reader;
    std::string buffer;
    std::vector<std::string> out{"more"};
    for (std::size_t at = 0; at < input.size(); at += step) {
        buffer += input.substr(at, step);
        Status status = Status::done;
        while (!buffer.empty() && (status = reader.feed(buffer)) == Status::done) {
            const relay::HttpRequest r = reader.take();
            hold(r.body.size() <= relay::HttpReader::k_max_body, "a body beyond its limit");
            hold(r.path.size() + r.query.size() <= relay::HttpReader::k_max_head,
                 "a head beyond its limit");
            hold(r.path.find('?') == std::string::npos, "a path with a query");
            out.push_back(r.method + ' ' + r.path + ' ' + r.query + ' ' + r.range + ' ' + r.body);
        }
        hold(buffer.size() <= input.size(), "bytes that nobody sent");
        if (status != Status::more && status != Status::done) {
            out.front() = "refused";
            return out;
        }
    }
    return out;
}

void check_rules(std::string_view text) {
    if (const auto parts = relay::split_path(text))
        for (const std::string_view part : *parts)
            hold(part != ".." && part != "." && part.find('/') == std::string_view::npos &&
                     part.find('%') == std::string_view::npos,
                 "a path that leads elsewhere");
    for (const std::int64_t size : {0, 1, 1000})
        if (const auto range = relay::parse_range(text, size))
            hold(range->first >= 0 && range->first <= range->second && range->second <= size,
                 "a range outside");
    if (const auto d = relay::parse_directives(text))
        hold(d->sequence >= -1 && d->part >= -1 && (d->part < 0 || d->sequence >= 0),
             "a part of no segment");
    std::ignore = relay::names_etag(text, "\"x\"");
    std::ignore = relay::accepts_gzip(text);
}

} // namespace

void transport_stream(std::string_view input) {
    const Bytes bytes = bytes_of(input);
    Told whole;
    media::TsScanner at_once{&whole};
    at_once.feed(bytes);
    Told split;
    media::TsScanner by_pieces{&split};
    in_pieces(bytes, [&](Bytes piece) { by_pieces.feed(piece); });
    hold(whole.numbers == split.numbers, "pieces make a difference");
    const media::TsCounters &c = at_once.counters();
    hold(c.bytes == bytes.size() && c.garbage_bytes <= c.bytes &&
             c.packets * media::k_ts_packet_bytes <= c.bytes,
         "counts that cannot be");
    align(bytes);
}

// A viewer's stream id over SRT: nobody gets what is locked or closed, whatever he writes.
void pull(std::string_view input) {
    static const relay::PullTable table{
        {"open", {.event = 1, .vid = "open", .token_key = {}, .refuse = {}}},
        {"locked",
         {.event = 2,
          .vid = "locked",
          .token_key = seal::to_base64url(seal::Bytes(32, 7)),
          .refuse = {}}},
        {"full", {.event = 3, .vid = "full", .token_key = {}, .refuse = "full"}}};
    const auto request = relay::parse_pull_request(input);
    if (request)
        for (const std::string_view word : {request->vid, request->token})
            hold(word.size() <= 64 &&
                     (word.empty() || (word.data() >= input.data() &&
                                       word.data() + word.size() <= input.data() + input.size())),
                 "a word that is not of the stream id");
    const auto verdict = relay::decide_pull(input, table);
    hold(!verdict || (request && *verdict == 1 && request->vid == "open"),
         "what is not open was given");
    if (request && request->vid == "open" && request->token.empty())
        hold(verdict.has_value(), "what is open was refused");
}

void http(std::string_view input) {
    const auto whole = requests_in(input, std::max<std::size_t>(input.size(), 1));
    const auto split = requests_in(input, 1);
    // A refusal may come earlier or later; what was read before it is the same.
    for (std::size_t i = 1; i < std::min(whole.size(), split.size()); ++i)
        hold(whole[i] == split[i], "pieces make another request");
    check_rules(input);
}

} // namespace fuzz
