/* A store whose file is damaged: found out before LMDB believes it, or when it has stumbled.
 *
 * LMDB trusts its pages. Where one contradicts another it ends the program (mdb_assert_fail calls abort(3)), and what
 * is nonsense it follows out of the map. A start afterwards would come upon the same page and end as well, and so would
 * each one after it. So whoever is within LMDB is known by its thread, and the handler of the signal that ends the
 * program leaves a mark beside the file. By that the next opening sets it aside unread: to read it may be what ends the
 * program. What LMDB reports itself of contradictions leaves the same mark, and ends nothing. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/store_private.h"

enum {
        PAGE_HEADER = 16, /* number 8, padding 2, flags 2, pages 4 */
        PAGE_OVERFLOW = 4,
        ASIDE_MAX = 100,
        MODE = 0600,
        META_SIZE = 40, /* where in a meta page the size of a page is, see cache/page_tree.c */
        META_LAST = 136,
        META_BYTES = 152,
        TABLE_BYTES = 48, /* that of free pages, and behind it that of tables; the first begins at META_SIZE */
        TABLE_ROOT = 40,
        LMDB_PAGE_MAX = 32768
};

static const char file[] = "data.mdb", mark[] = "damaged";

/* ---- the mark ------------------------------------------------------------------------------------------------------
 */

/* Async-signal-safe. */
static void leave_mark(const struct store *s)
{
        int fd = openat(s->directory, mark, O_WRONLY | O_CREAT | O_CLOEXEC, MODE);

        if (fd >= 0)
                close(fd);
}

void damage_enter(struct store *s)
{
        atomic_store(&s->within, pthread_self());
}

void damage_leave(struct store *s)
{
        atomic_store(&s->within, 0);
}

void store_died(const struct store *s)
{
        pthread_t self = pthread_self();

        if (self == atomic_load(&s->within) || self == atomic_load(&s->writer))
                leave_mark(s);
}

/* Whether LMDB has come upon a contradiction. */
static bool contradicts(int error)
{
        return error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND || error == MDB_CURSOR_FULL ||
               error == MDB_PAGE_FULL;
}

int damage_reported(struct store *s, int error)
{
        if (!contradicts(error))
                return error;
        leave_mark(s);
        atomic_store(&s->aside, true);
        return EIO;
}

/* ---- values --------------------------------------------------------------------------------------------------------
 */

static uint64_t number(const char *at, size_t bytes)
{
        uint64_t n = 0;

        memcpy(&n, at, bytes);
        return le64toh(n);
}

/* A large value has pages of its own, whose number is said again at their beginning. LMDB frees as many when the value
 * goes: of four thousand million nonexistent ones, too, each in a list in memory. */
bool damage_value(const struct store *s, struct span value)
{
        size_t at = (size_t)(value.at - s->map), in_page = at % s->page, end;

        if (!s->map || value.at < s->map || at >= s->map_len)
                return true; /* of this transaction, which has made it */
        if (value.len > s->map_len - at)
                return false;
        if (in_page != PAGE_HEADER)
                return in_page + value.len <= s->page;
        end = (at + value.len + s->page - 1) / s->page;
        return number(value.at - PAGE_HEADER, 8) == at / s->page && number(value.at - 6, 2) == PAGE_OVERFLOW &&
               number(value.at - 4, 4) == end - at / s->page;
}

int damage_delete(const struct store *s, MDB_cursor *cursor, MDB_val value)
{
        return damage_value(s, (struct span){value.mv_data, value.mv_size}) ? mdb_cursor_del(cursor, 0) : MDB_CORRUPTED;
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

bool damage_found(int error)
{
        static const int unusable[] = {MDB_INVALID, MDB_VERSION_MISMATCH, MDB_PANIC,
                                       MDB_BAD_TXN, MDB_INCOMPATIBLE,     MDB_DBS_FULL};

        for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++)
                if (unusable[i] == error)
                        return true;
        return contradicts(error);
}

static bool root_sound(const char *table, uint64_t last)
{
        uint64_t root = number(table + TABLE_ROOT, 8);

        return root == NO_PAGE || (root > 1 && root <= last);
}

/* What LMDB would divide by, map and follow. */
static bool meta_sound(const char *meta, size_t page, uint64_t pages)
{
        uint64_t last = number(meta + META_LAST, 8);

        return number(meta + META_SIZE, 4) == page && last <= pages && root_sound(meta + META_SIZE, last) &&
               root_sound(meta + META_SIZE + TABLE_BYTES, last);
}

/* A file may be shorter than it is said to be, by pages that are free; longer than the map it is not. */
static bool metas_sound(const struct store *s, int fd, off_t length)
{
        size_t system = (size_t)sysconf(_SC_PAGESIZE), page = system < LMDB_PAGE_MAX ? system : LMDB_PAGE_MAX;
        char meta[META_BYTES];

        for (off_t i = 0; i < 2; i++)
                if (pread(fd, meta, sizeof meta, i * (off_t)page) != sizeof meta ||
                    !meta_sound(meta, page, ((uint64_t)length + s->size) / page))
                        return false;
        return true;
}

const char *damage_seen(const struct store *s)
{
        const char *why = NULL;
        struct stat st;
        int fd;

        if (faccessat(s->directory, mark, F_OK, 0) == 0)
                return "it was found to be damaged while it was in use";
        fd = openat(s->directory, file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL; /* LMDB makes it, or says why not */
        if (fstat(fd, &st) == 0 && st.st_size > 0 && !metas_sound(s, fd, st.st_size))
                why = "its first pages are damaged";
        close(fd);
        return why;
}

bool damage_set_aside(const struct store *s)
{
        char aside[32];

        for (int i = 1; i < ASIDE_MAX; i++) {
                snprintf(aside, sizeof aside, "%s.aside-%d", file, i);
                if (faccessat(s->directory, aside, F_OK, 0) == 0)
                        continue;
                unlinkat(s->directory, "lock.mdb", 0);
                if (renameat(s->directory, file, s->directory, aside) != 0 && errno != ENOENT)
                        return false;
                unlinkat(s->directory, mark, 0);
                return true;
        }
        return false;
}
