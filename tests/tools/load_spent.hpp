// What processes have spent, from /proc.
#pragma once

#include "base/file.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <vector>

namespace load {

struct Spent {
    double cpu_s = 0;
    std::int64_t rss_kb = 0;
};

// Of a process, its threads' together. What stat(5) says is the same in hundredths of a second: too
// coarse for a server that needs a few of them.
inline double cpu_s(int pid) {
    double sum = 0;
    std::error_code gone;
    const std::filesystem::directory_iterator threads{fmt::format("/proc/{}/task", pid), gone};
    for (const auto &thread : threads)
        if (const auto text = base::read_file(thread.path() / "schedstat", 256))
            sum += std::strtod(text->c_str(), nullptr) / 1e9;
    return sum;
}

// Of the processes @p pids: user and system time, and what they hold.
inline Spent spent(const std::vector<int> &pids) {
    Spent out;
    for (const int pid : pids) {
        const auto status = base::read_file(fmt::format("/proc/{}/status", pid), 65536);
        if (!status)
            continue;
        out.cpu_s += cpu_s(pid);
        if (const auto at = status->find("VmRSS:"); at != std::string::npos)
            out.rss_kb += std::strtoll(status->c_str() + at + 6, nullptr, 10);
    }
    return out;
}

} // namespace load
