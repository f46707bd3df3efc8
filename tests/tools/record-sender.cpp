// record-sender: stands in for push-sender where a test wants to know what carrier-connect starts
// and tells it. Run under that name, it writes both to $0.log beside itself: who it is, then each
// message. It says at once that it follows a plan.
#include "base/message_socket.hpp"
#include "cli/tool.hpp"
#include "wire/sender.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <set>
#include <unistd.h>

namespace {

using base::Result;

// As it was started, before anything here opened a descriptor.
std::string open_descriptors() {
    std::set<int> numbers;
    for (int fd = 0; fd < 64; ++fd)
        if (::dup2(fd, fd) == fd)
            numbers.insert(fd);
    return fmt::format("fds {}", fmt::join(numbers, " "));
}

std::string environment_names() {
    std::string out = "env";
    for (char **entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        out += fmt::format(" {}", text.substr(0, text.find('=')));
    }
    return out;
}

struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
};

void copy_status() {
    const std::unique_ptr<std::FILE, Close> status{std::fopen("/proc/self/status", "r")};
    std::array<char, 256> line{};
    while (status && std::fgets(line.data(), line.size(), status.get()) != nullptr) {
        const std::string_view text = line.data();
        for (const char *field : {"Uid:", "Gid:", "Groups:", "CapEff:", "CapBnd:", "NoNewPrivs:"})
            if (text.starts_with(field))
                std::fputs(line.data(), stderr);
    }
}

Result<int> record(int plan_fd, const std::string &descriptors) {
    fmt::print(stderr, "{}\n{}\n", environment_names(), descriptors);
    copy_status();
    base::MessageSocket plans{base::Fd{plan_fd}};
    for (;;) {
        const auto message = plans.receive(-1);
        if (!message)
            return 0; // carrier-connect closed it
        if (!*message)
            continue;
        fmt::print(stderr, "{}\n", (*message)->text);
        const auto read = wire::read_message((*message)->text);
        const auto *plan = read ? std::get_if<wire::SenderPlan>(&*read) : nullptr;
        wire::SenderStatus status;
        status.plan = plan != nullptr ? plan->number : 0;
        status.state = "waiting";
        (void)plans.send(wire::write_message(status));
    }
}

} // namespace

int main(int argc, char **argv) {
    const std::string descriptors = open_descriptors();
    int plan_fd = -1;
    int reader_fd = -1;
    return cli::run_tool(argc, argv, {"record-sender", "Write down what carrier-connect tells"},
                         [&](CLI::App &app, cli::Action &action) {
                             app.add_option("--plan-fd", plan_fd, "To carrier-connect")->required();
                             app.add_option("--reader-fd", reader_fd, "To the reader")->required();
                             app.callback(
                                 [&] { action = [&] { return record(plan_fd, descriptors); }; });
                         });
}
