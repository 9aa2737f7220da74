/*
 * sql.c - run SQL on a database file: how tests make stores that are foreign, newer or damaged.
 *
 * usage: sql FILE SQL
 */
#include <stdio.h>

#include <sqlite3.h>

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    int failed = argc != 3 || sqlite3_open(argv[1], &db) != SQLITE_OK ||
                 sqlite3_exec(db, argv[2], NULL, NULL, &message) != SQLITE_OK;

    if (failed) {
        (void)fprintf(stderr, "sql: %s\n", message != NULL ? message : "usage: sql FILE SQL");
    }
    sqlite3_free(message);
    (void)sqlite3_close(db);
    return failed ? 1 : 0;
}
