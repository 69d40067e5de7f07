// The host's database, as the speech service reads and writes it: six methods for a host in C++. Header only, on sqlite3.
//
//     KokoroDatabase database("host.db");        // throws std::runtime_error if it cannot be opened
//     database.set_kokoro_voice("af_heart");     // from the next text on
//     database.set_kokoro_service_enabled(true); // within a second
//
// `./start-kokoro.sh --init-db --db host.db` makes the table. Any thread may call; a locked database is waited for, up to
// a second. A setter returns false if nothing was written. A getter returns what the service takes for granted if the key
// is missing or cannot be read.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

class KokoroDatabase {
  public:
    explicit KokoroDatabase(const std::string& path) {
        sqlite3* opened = nullptr;
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX;
        const int result = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
        connection_.reset(opened);  // also one that failed has to be closed
        if (result != SQLITE_OK) throw std::runtime_error(path + ": " + sqlite3_errstr(result));
        sqlite3_busy_timeout(opened, 1000);
    }

    // Whether Kokoro is to speak; if not, Piper does.
    bool get_kokoro_service_enabled() const { return get("kokoro_service_enabled", "true") == "true"; }
    bool set_kokoro_service_enabled(bool enabled) { return set("kokoro_service_enabled", enabled ? "true" : "false"); }

    // The voice of the next text; empty for that of the service's own --voice. An unknown one changes nothing.
    std::string get_kokoro_voice() const { return get("kokoro_voice", ""); }
    bool set_kokoro_voice(const std::string& voice) { return set("kokoro_voice", voice); }

    // starting, running, stopped or error. The service writes it; a host that sees the service die may set it to stopped.
    std::string get_kokoro_service_status() const { return get("kokoro_service_status", "stopped"); }
    bool set_kokoro_service_status(const std::string& status) { return set("kokoro_service_status", status); }

  private:
    struct Close {
        void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Close>;

    // Null if the statement does not fit the database, which has no such table then; binding and stepping fail on it.
    Statement prepare(const char* sql, const std::string& key) const {
        sqlite3_stmt* statement = nullptr;
        sqlite3_prepare_v2(connection_.get(), sql, -1, &statement, nullptr);
        sqlite3_bind_text(statement, 1, key.c_str(), -1, SQLITE_TRANSIENT);
        return Statement(statement);
    }

    std::string get(const std::string& key, const std::string& otherwise) const {
        const Statement statement = prepare("SELECT value FROM system_config WHERE key = ?", key);
        if (sqlite3_step(statement.get()) != SQLITE_ROW) return otherwise;
        const unsigned char* text = sqlite3_column_text(statement.get(), 0);
        return text ? reinterpret_cast<const char*>(text) : otherwise;
    }

    bool set(const std::string& key, const std::string& value) {
        const Statement statement = prepare(
            "INSERT INTO system_config (key, value, updated_at) VALUES (?, ?, CURRENT_TIMESTAMP) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            key);
        sqlite3_bind_text(statement.get(), 2, value.c_str(), -1, SQLITE_TRANSIENT);
        return sqlite3_step(statement.get()) == SQLITE_DONE;
    }

    std::unique_ptr<sqlite3, Close> connection_;
};
