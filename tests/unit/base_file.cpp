#include "base/file.hpp"

#include <algorithm>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

namespace fs = std::filesystem;
using base::Errc;

namespace {

// A folder of its own, removed with everything in it.
class TempFolder {
  public:
    TempFolder() {
        std::string name = (fs::temp_directory_path() / "slotcast-unit-XXXXXX").native();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    TempFolder(const TempFolder &) = delete;
    TempFolder &operator=(const TempFolder &) = delete;
    ~TempFolder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    [[nodiscard]] fs::path operator/(const char *name) const { return m_path / name; }
    [[nodiscard]] std::ptrdiff_t count() const {
        return std::distance(fs::directory_iterator(m_path), fs::directory_iterator{});
    }

  private:
    fs::path m_path;
};

// While it lives no file may grow over `bytes`: write(2) then fails as on a full disk.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        m_former_handler = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &m_former);
        const rlimit limit{bytes, m_former.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit &) = delete;
    FileSizeLimit &operator=(const FileSizeLimit &) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &m_former);
        std::signal(SIGXFSZ, m_former_handler);
    }

  private:
    rlimit m_former{};
    void (*m_former_handler)(int) = SIG_DFL;
};

} // namespace

TEST_CASE("base: a file is replaced whole, with its mode, and nothing is left beside it") {
    const TempFolder folder;
    const fs::path file = folder / "data";
    REQUIRE(base::write_file_atomic(file, "one", 0600).has_value());
    REQUIRE(base::write_file_atomic(file, "two", 0640).has_value());
    CHECK(base::read_file(file, 3) == "two");
    struct stat found{};
    REQUIRE(::stat(file.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777U) == 0640);
    CHECK(folder.count() == 1);
}

TEST_CASE("base: a write that fails leaves the old file and no other") {
    const TempFolder folder;
    const fs::path file = folder / "data";
    REQUIRE(base::write_file_atomic(file, "old", 0600).has_value());
    {
        const FileSizeLimit limit{1000};
        const auto written = base::write_file_atomic(file, std::string(5000, 'x'), 0600);
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().code == Errc::io);
    }
    CHECK(base::read_file(file, 100) == "old");
    CHECK(folder.count() == 1);
    CHECK_FALSE(base::write_file_atomic(folder / "no/such/folder", "x", 0600).has_value());
}

TEST_CASE("base: a full device is an error that says so") {
    const base::Fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    const auto written = base::write_all(full.get(), "x", "/dev/full");
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == Errc::io);
    CHECK_FALSE(written.error().hint.empty());
}

TEST_CASE("base: reading is bounded, and tells what is missing") {
    const TempFolder folder;
    const fs::path file = folder / "data";
    REQUIRE(base::write_file_atomic(file, std::string(100'000, 'x'), 0600).has_value());
    CHECK(base::read_file(file, 100'000)->size() == 100'000);
    CHECK(base::read_file(file, 99'999).error().code == Errc::bad_data);
    CHECK(base::read_file("/dev/zero", 1000).error().code == Errc::bad_data);
    CHECK(base::read_file(folder / "absent", 10).error().code == Errc::no_input);
}

TEST_CASE("base: removing a file that is not there succeeds") {
    const TempFolder folder;
    const fs::path file = folder / "data";
    REQUIRE(base::write_file_atomic(file, "x", 0600).has_value());
    CHECK(base::remove_file(file).has_value());
    CHECK(base::remove_file(file).has_value());
    CHECK(base::remove_file(folder / "no/such").has_value());
    CHECK(folder.count() == 0);
}

TEST_CASE("base: folders are made with their parents, but not over a file") {
    const TempFolder folder;
    CHECK(base::make_folders(folder / "a/b/c", 0700).has_value());
    CHECK(base::make_folders(folder / "a/b/c", 0700).has_value());
    CHECK(fs::is_directory(folder / "a/b/c"));
    REQUIRE(base::write_file_atomic(folder / "file", "x", 0600).has_value());
    CHECK_FALSE(base::make_folders(folder / "file", 0700).has_value());
    CHECK_FALSE(base::make_folders(folder / "file/b", 0700).has_value());
}

TEST_CASE("base: a lock has one holder") {
    const TempFolder folder;
    const fs::path file = folder / "lock";
    auto first = base::FileLock::acquire(file, 0);
    REQUIRE(first.has_value());
    CHECK(base::FileLock::acquire(file, 0).error().code == Errc::try_again);
    std::thread releases{[lock = std::move(first)]() mutable {
        std::this_thread::sleep_for(std::chrono::milliseconds{30});
        lock = base::fail(Errc::bug, "released");
    }};
    CHECK(base::FileLock::acquire(file, 5000).has_value());
    releases.join();
}

TEST_CASE("base: a lock whose file its holder removes still has one holder") {
    const TempFolder folder;
    const fs::path file = folder / "lock";
    auto first = base::FileLock::acquire(file, 0);
    REQUIRE(first.has_value());
    std::thread removes{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{30});
        fs::remove(file);
        first = base::fail(Errc::bug, "released");
    }};
    const auto waited = base::FileLock::acquire(file, 5000);
    removes.join();
    CHECK(waited.has_value());
    CHECK(fs::exists(file));
    CHECK(base::FileLock::acquire(file, 0).error().code == Errc::try_again);
}

TEST_CASE("base: a lock does not follow a symbolic link") {
    const TempFolder folder;
    fs::create_symlink("/dev/null", folder / "lock");
    CHECK_FALSE(base::FileLock::acquire(folder / "lock", 0).has_value());
}
