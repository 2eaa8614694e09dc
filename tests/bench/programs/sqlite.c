/* SQLite with a database in memory: rows in, joins, groups, an index, text
 * search, updates and deletions; prints what the queries answer. */
#include "sqlite3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const statements[] = {
    "CREATE TABLE item(id INTEGER PRIMARY KEY, kind INT, name TEXT, size REAL)",
    "CREATE TABLE kind(id INTEGER PRIMARY KEY, title TEXT)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 12000) INSERT INTO item SELECT i, i * 7919 % 97,"
    " 'item-' || (i * 104729 % 12007), i % 1009 / 8.0 FROM n",
    "INSERT INTO kind SELECT DISTINCT kind, printf('kind %03d', kind)"
    " FROM item",
    "SELECT count(*), sum(size), min(name), max(name) FROM item",
    "SELECT k.title, count(*), round(avg(i.size), 3) FROM item i"
    " JOIN kind k ON k.id = i.kind GROUP BY k.id"
    " HAVING count(*) > 123 ORDER BY 3 DESC LIMIT 5",
    "SELECT count(*) FROM item WHERE name LIKE '%77%'",
    "CREATE INDEX by_name ON item(name)",
    "SELECT count(*) FROM item a JOIN item b ON b.name ="
    " 'item-' || (a.id + 1)",
    "UPDATE item SET size = size * 2 + length(name) WHERE kind % 3 = 0",
    "DELETE FROM item WHERE id % 10 = 7",
    "SELECT kind, group_concat(id) FROM (SELECT * FROM item WHERE id < 400"
    " ORDER BY name) GROUP BY kind HAVING kind < 4",
    "SELECT hex(max(name)), total(size), count(DISTINCT kind) FROM item",
};

static int print_row(void *unused, int n, char **values, char **names)
{
    for (int i = 0; i < n; i++)
        printf("%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
    putchar('\n');
    return 0;
}

/* ---- a file system without files ----------------------------------------- */

static int no_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
                   int flags, int *out)
{
    return SQLITE_CANTOPEN;
}

static int no_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    *out = 0;
    return SQLITE_OK;
}

static int full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    return snprintf(out, (size_t)n, "%s", name) < n ? SQLITE_OK
                                                    : SQLITE_CANTOPEN;
}

static int randomness(sqlite3_vfs *vfs, int n, char *out)
{
    memset(out, 42, (size_t)n);
    return n;
}

static int now(sqlite3_vfs *vfs, double *out)
{
    *out = 2460000.5;
    return SQLITE_OK;
}

int sqlite3_os_init(void)
{
    static sqlite3_vfs vfs = {.iVersion = 1,
                              .szOsFile = sizeof(sqlite3_file),
                              .mxPathname = 64,
                              .zName = "none",
                              .xOpen = no_open,
                              .xAccess = no_access,
                              .xFullPathname = full_path,
                              .xRandomness = randomness,
                              .xCurrentTime = now};
    return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

static int work(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(":memory:", &db))
        return 1;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char *message = NULL;
        if (sqlite3_exec(db, statements[i], print_row, NULL, &message)) {
            fprintf(stderr, "%s: %s\n", statements[i], message);
            return 1;
        }
    }
    return sqlite3_close(db) != SQLITE_OK;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1, failed = 0;
    while (rounds-- && !failed)
        failed = work();
    return failed;
}
