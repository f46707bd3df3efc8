#include "postgres_server.hpp"

#include "ledger/postgres_db.hpp"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <stdexcept>

namespace postgres_test {

namespace fs = std::filesystem;

namespace {

fs::path script() {
    // build/tests/unit/unit
    return fs::read_symlink("/proc/self/exe").parent_path() / "../../../tests/lib/postgres";
}

std::string output_of(const std::string &command) {
    const std::unique_ptr<FILE, int (*)(FILE *)> pipe{::popen(command.c_str(), "r"), ::pclose};
    if (!pipe)
        throw std::runtime_error("popen");
    std::string out;
    std::array<char, 512> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr)
        out += buffer.data();
    while (out.ends_with('\n'))
        out.pop_back();
    return out;
}

// The one that tests/run has for all, or one for this process alone.
const Server &server() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
    static const char *const shared = std::getenv("SLOTCAST_TEST_POSTGRES");
    static const auto one =
        shared != nullptr ? std::make_unique<Server>(shared) : std::make_unique<Server>();
    return *one;
}

} // namespace

Server::Server() {
    std::string name = (fs::temp_directory_path() / "postgres.XXXXXX").native();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    fs::permissions(name, fs::perms::others_exec | fs::perms::group_exec,
                    fs::perm_options::add); // its user has to get there
    m_own = name;
    m_folder = m_own / "server";
}

Server::~Server() {
    if (m_own.empty())
        return;
    try {
        (void)run("stop");
    } catch (const std::exception &e) {
        std::fputs(fmt::format("postgres: not stopped: {}\n", e.what()).c_str(), stderr);
    }
    std::error_code ignored;
    fs::remove_all(m_own, ignored);
}

std::string Server::run(std::string_view verb) const {
    return output_of(fmt::format("'{}' '{}' {}", script().native(), m_folder.native(), verb));
}

std::string Server::database() const {
    std::string uri = run("database");
    REQUIRE(uri.starts_with("postgresql://"));
    return uri;
}

void Server::restart(bool crash) const {
    (void)run(crash ? "crash" : "stop");
    (void)run("start");
}

std::string empty_database() {
    static const std::string uri = server().database();
    const auto connection = ledger::PostgresConnection::open(uri);
    REQUIRE_MESSAGE(connection, connection.error().message);
    REQUIRE((*connection)->execute("DROP SCHEMA IF EXISTS slotcast CASCADE"));
    return uri;
}

} // namespace postgres_test
