// read-document NAME: what our readers say of each line of standard input: "yes", or "no: why". The
// tests hold the JSON Schemas of lib/wire/schemas, which have the same names, against it.
#include "base/file.hpp"
#include "cli/tool.hpp"
#include "wire/feed.hpp"
#include "wire/problem.hpp"
#include "wire/series.hpp"
#include "wire/settings.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace {

using base::Result;

using Reader = std::function<Result<void>(const wire::Json &)>;

template <typename Read> Reader reader(Read read) {
    return [read](const wire::Json &json) -> Result<void> {
        TRY(read(json));
        return {};
    };
}

template <typename T> Reader reader(Result<T> (*read)(const wire::Json &, std::string)) {
    return reader([read](const wire::Json &json) { return read(json, "it"); });
}

const std::map<std::string, Reader> k_readers{{"clash", reader(wire::read_clash)},
                                              {"feed-entry", reader(wire::read_feed_entry)},
                                              {"problem", reader(wire::read_problem)},
                                              {"receipt", reader(wire::read_receipt)},
                                              {"report", reader(wire::read_report)},
                                              {"request", reader(wire::read_request)},
                                              {"reservation", reader(wire::read_reservation)},
                                              {"series-request", reader(wire::read_series_request)},
                                              {"settings", reader(wire::read_sealed)},
                                              {"settings-document", reader(wire::read_settings)},
                                              {"slot", reader(wire::read_slot)}};

Result<int> judge(const std::string &name) {
    const Reader &read = k_readers.at(name);
    const std::string text = TRY(base::read_all(STDIN_FILENO, "standard input", 1 << 28));
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const auto json = wire::parse_json(std::string_view{text}.substr(at, end - at), "it");
        const auto good = json ? read(*json) : std::unexpected(json.error());
        cli::print_line(good ? "yes" : "no: " + good.error().message);
        at = end + 1;
    }
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    std::string name;
    return cli::run_tool(argc, argv, {"read-document", "Say which lines our readers take"},
                         [&](CLI::App &app, cli::Action &action) {
                             app.add_option("NAME", name, "The schema's name")->required();
                             action = [&] { return judge(name); };
                         });
}
