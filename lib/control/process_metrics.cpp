#include "control/metrics.hpp"

#include "base/file.hpp"

#include <filesystem>
#include <sstream>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

namespace control {

namespace {

namespace fs = std::filesystem;

// The number at @p index (from 1, as proc(5) counts) of /proc/self/stat.
std::optional<double> stat_field(int index) {
    const auto text = base::read_file("/proc/self/stat", 4096);
    if (!text)
        return std::nullopt;
    std::istringstream in{text->substr(std::min(text->rfind(')') + 2, text->size()))};
    std::string word;
    for (int i = 3; i <= index; ++i)
        in >> word;
    return in ? std::optional(std::stod(word)) : std::nullopt;
}

double ticks() {
    return static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::optional<double> cpu_seconds() {
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) != 0)
        return std::nullopt;
    const auto seconds = [](const timeval &t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::optional<double> resident_bytes() {
    const auto pages = stat_field(24);
    return pages ? std::optional(*pages * static_cast<double>(::sysconf(_SC_PAGESIZE)))
                 : std::nullopt;
}

std::optional<double> open_descriptors() {
    std::error_code ec;
    fs::directory_iterator it{"/proc/self/fd", ec};
    double count = -1; // the listing's own
    for (; !ec && it != fs::directory_iterator{}; it.increment(ec))
        ++count;
    return ec ? std::nullopt : std::optional(count);
}

std::optional<double> most_descriptors() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0
               ? std::optional(static_cast<double>(limit.rlim_cur))
               : std::nullopt;
}

// Since 1970: when the machine started, and how long after it the process did.
std::optional<double> start_time() {
    const auto after = stat_field(22);
    timespec boot{};
    timespec wall{};
    if (!after || ::clock_gettime(CLOCK_BOOTTIME, &boot) != 0 ||
        ::clock_gettime(CLOCK_REALTIME, &wall) != 0)
        return std::nullopt;
    return static_cast<double>(wall.tv_sec - boot.tv_sec) + *after / ticks();
}

} // namespace

void watch_process(Metrics &metrics) {
    metrics.add("counter", "process_cpu_seconds_total", "Processor time", cpu_seconds);
    metrics.add("gauge", "process_resident_memory_bytes", "Memory in use", resident_bytes);
    metrics.add("gauge", "process_virtual_memory_bytes", "Addresses in use",
                [] { return stat_field(23); });
    metrics.add("gauge", "process_open_fds", "Open descriptors", open_descriptors);
    metrics.add("gauge", "process_max_fds", "Most descriptors that may be open", most_descriptors);
    metrics.add("gauge", "process_start_time_seconds", "Start, since 1970", start_time);
}

} // namespace control
