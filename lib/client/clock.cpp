#include "client/api.hpp"

#include <algorithm>
#include <array>

namespace client {

using base::Result;

namespace {

constexpr std::size_t k_samples = 5;
constexpr base::Millis k_sample_timeout{5'000};

Result<ClockReading> sample(Api &api, const base::Clock &clock) {
    const base::SteadyTime asked = clock.steady();
    const Answer answer = TRY(api.get("/v1/time", k_sample_timeout));
    const base::SteadyTime answered = clock.steady();
    const base::UtcTime local = clock.now();
    const wire::Json json = TRY(answer.json());
    auto in = TRY(wire::ObjectReader::of(json, "time"));
    const auto round_trip = answered - asked;
    ClockReading reading;
    reading.round_trip = std::chrono::round<base::Millis>(round_trip);
    reading.control_time = TRY(in.time("time")) + std::chrono::round<base::Millis>(round_trip / 2);
    reading.at = answered;
    reading.offset = reading.control_time - local;
    return reading;
}

} // namespace

Result<ClockReading> measure_clock(Api &api, const base::Clock &clock) {
    std::array<ClockReading, k_samples> readings;
    for (ClockReading &reading : readings)
        reading = TRY(sample(api, clock));
    std::ranges::sort(readings, {}, &ClockReading::offset);
    return readings[k_samples / 2];
}

} // namespace client
