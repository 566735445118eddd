/* Opening and closing a store, and what there is to say of it.
 *
 * The environment is a directory with data.mdb. `meta` names the format; what is foreign, newer or damaged is renamed
 * and an empty one begun: a cache may be lost, but never misread. */
#include "cache/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/op.h"
#include "cache/store_private.h"

enum { FORMAT = 3, MODE = 0600, DIRECTORY_MODE = 0700, READERS = 126, PREFAULTS = 8, QUEUE_BYTES = 64 << 20 };

static const uint64_t smallest = 1 << 20;

/* ---- keys of the tables: big-endian, so that their order is that of ids and offsets
 * ---------------------------------------- */

static void write_be(uint64_t n, char *out)
{
        for (int i = 7; i >= 0; i--, n >>= 8)
                out[i] = (char)n;
}

uint64_t read_be(const char *at)
{
        uint64_t n = 0;

        for (int i = 0; i < 8; i++)
                n = n << 8 | (unsigned char)at[i];
        return n;
}

void response_key(uint64_t id, char out[8])
{
        write_be(id, out);
}

void slice_key(uint64_t id, uint64_t offset, char out[16])
{
        write_be(id, out);
        write_be(offset, out + 8);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

/* An environment without a single table is a new one; in any other all of them must be there. */
static int open_tables(struct store *s, MDB_txn *txn, bool *fresh)
{
        const struct {
                const char *name;
                MDB_dbi *dbi;
        } tables[] = {
                {"meta", &s->meta}, {"resources", &s->resources}, {"responses", &s->responses}, {"slices", &s->slices}};
        MDB_stat stat;
        MDB_dbi all;
        int error = mdb_dbi_open(txn, NULL, 0, &all);

        if (!error)
                error = mdb_stat(txn, all, &stat);
        *fresh = !error && stat.ms_entries == 0;
        for (size_t i = 0; !error && i < sizeof tables / sizeof tables[0]; i++)
                error = mdb_dbi_open(txn, tables[i].name, *fresh ? MDB_CREATE : 0, tables[i].dbi);
        return error;
}

int write_totals(struct store *s, MDB_txn *txn, int64_t more)
{
        int error = put_meta(s, txn, "next id", atomic_load(&s->next_id));

        if (!error)
                error = put_meta(s, txn, "body bytes", atomic_load(&s->body_bytes) + (uint64_t)more);
        return error ? error : keep_sweep(s, txn);
}

/* The last id of a table, or 0. */
static uint64_t last_id(MDB_txn *txn, MDB_dbi dbi)
{
        MDB_cursor *cursor;
        MDB_val k, v;
        uint64_t id = 0;

        if (mdb_cursor_open(txn, dbi, &cursor) != 0)
                return 0;
        if (mdb_cursor_get(cursor, &k, &v, MDB_LAST) == 0 && k.mv_size >= 8)
                id = read_be(k.mv_data);
        mdb_cursor_close(cursor);
        return id;
}

/* Ids are never used twice, not even those of a transaction that a power cut took away. */
static void find_next_id(struct store *s, MDB_txn *txn, uint64_t next)
{
        uint64_t a = last_id(txn, s->responses), b = last_id(txn, s->slices);

        if (a >= next)
                next = a + 1;
        if (b >= next)
                next = b + 1;
        s->first_id = next;
        atomic_store(&s->next_id, next);
}

/* New: writes the format. Else looks whether it is ours. *why says what is wrong with it. */
static int check_format(struct store *s, MDB_txn *txn, const char **why)
{
        uint64_t format = 0, next = 1, bytes = 0;
        bool fresh = false;
        int error = open_tables(s, txn, &fresh);

        if (fresh && !error)
                error = put_meta(s, txn, "limpid store format", FORMAT);
        if (!error)
                error = get_meta(s, txn, "limpid store format", &format);
        if (error == MDB_NOTFOUND || error == MDB_CORRUPTED || error == MDB_INCOMPATIBLE) {
                *why = "it is not a store of Limpid's";
                return MDB_VERSION_MISMATCH;
        }
        if (error)
                return error;
        if (format != FORMAT) {
                *why = format > FORMAT ? "it was written by a newer version" : "its format is too old";
                return MDB_VERSION_MISMATCH;
        }
        get_meta(s, txn, "next id", &next);
        get_meta(s, txn, "body bytes", &bytes);
        atomic_store(&s->body_bytes, bytes);
        find_next_id(s, txn, next);
        load_sweep(s, txn);
        return 0;
}

/* Whether all pages from `first` on are free. Read from the file, as far as it goes: reading the store's own map behind
 * its end would be a SIGBUS. */
static bool free_from(int fd, const struct store *s, const MDB_envinfo *info, uint64_t first)
{
        size_t len = first * s->page;
        void *map = len ? mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        struct pages in = {map, first, s->page};
        uint64_t count;
        bool all;

        if (map == MAP_FAILED)
                return false;
        all = snapshot_unused(&in, info->me_last_txnid, first, &count) && count == info->me_last_pgno + 1 - first;
        munmap(map, len);
        return all;
}

/* A file may be shorter than LMDB counts: pages that a transaction took and gave back are not written, and they may be
 * the last. If one of them is in use it has been truncated, and to read it would be a SIGBUS. */
static int check_length(const struct store *s, const char **why)
{
        MDB_envinfo info;
        struct stat st;
        uint64_t wanted;
        int fd;

        if (mdb_env_info(s->env, &info) != 0 || mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &st) != 0)
                return errno ? errno : EIO;
        wanted = (info.me_last_pgno + 1) * (uint64_t)s->page;
        if ((uint64_t)st.st_size >= wanted || info.me_last_txnid == 0)
                return 0;
        if (free_from(fd, s, &info, (uint64_t)st.st_size / s->page))
                return ftruncate(fd, (off_t)wanted) == 0 ? 0 : errno;
        *why = "its file is truncated";
        return MDB_CORRUPTED;
}

/* A line of /proc/PID/maps begins with two addresses in hexadecimal, "from-to". */
static bool read_addresses(const char *line, uintptr_t *from, uintptr_t *to)
{
        char *end;

        errno = 0;
        *from = strtoul(line, &end, 16);
        if (errno || *end != '-')
                return false;
        *to = strtoul(end + 1, &end, 16);
        return !errno && *end == ' ';
}

/* Where the map lies: around any value of it. */
static void find_map(struct store *s, const char *inside)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];

        while (maps && fgets(line, sizeof line, maps)) {
                uintptr_t from, to, at = (uintptr_t)inside;

                if (read_addresses(line, &from, &to) && at >= from && at < to) {
                        s->map = inside - (at - from);
                        s->map_len = to - from;
                }
        }
        if (maps)
                fclose(maps);
}

static int locate_map(struct store *s)
{
        struct span value;
        MDB_txn *txn;
        int error = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

        if (error)
                return error;
        error = read_value(txn, s->meta, "limpid store format", strlen("limpid store format"), &value);
        if (!error)
                find_map(s, value.at);
        mdb_txn_abort(txn);
        return error;
}

/* What is there can be read also while the disk takes nothing: the writer goes on trying. */
static int commit_first(struct store *s)
{
        int error = commit_nothing(s);

        if (error <= 0) /* LMDB's own are not the disk's */
                return error;
        atomic_store(&s->error, commit_error(s, error));
        return 0;
}

static int open_environment(struct store *s, const struct store_options *o, const char **why)
{
        MDB_txn *txn = NULL;
        MDB_stat stat;
        int dead, error = mdb_env_create(&s->env);

        if (!error)
                error = mdb_env_set_userctx(s->env, s);
        if (!error)
                error = mdb_env_set_maxdbs(s->env, 8);
        if (!error)
                error = mdb_env_set_maxreaders(s->env, o->readers ? o->readers + PREFAULTS + 8 : READERS);
        if (!error)
                error = mdb_env_set_mapsize(s->env, o->size);
        if (!error)
                error = mdb_env_open(s->env, o->path, MDB_NOTLS | MDB_NOMETASYNC | MDB_NORDAHEAD, MODE);
        if (!error)
                error = mdb_env_stat(s->env, &stat);
        if (error)
                return error;
        s->page = stat.ms_psize;
        error = check_length(s, why);
        if (error)
                return error;
        mdb_reader_check(s->env, &dead);
        error = mdb_txn_begin(s->env, NULL, 0, &txn);
        if (!error)
                error = check_format(s, txn, why);
        if (error) {
                if (txn)
                        mdb_txn_abort(txn);
                return error;
        }
        error = mdb_txn_commit(txn);
        if (!error)
                error = locate_map(s);
        return error ? error : commit_first(s);
}

static int open_sound(struct store *s, const struct store_options *o, const char **why)
{
        int error;

        *why = damage_seen(s);
        if (*why)
                return MDB_CORRUPTED;
        damage_enter(s);
        error = open_environment(s, o, why);
        damage_leave(s);
        /* One of its tables, or what the first commit came upon. */
        return error == MDB_NOTFOUND || atomic_exchange(&s->aside, false) ? MDB_CORRUPTED : error;
}

/* Opens; sets aside what cannot be used, and tries once more. */
static int open_or_begin_anew(struct store *s, const struct store_options *o, char message[STORE_MESSAGE])
{
        const char *why;
        int error = open_sound(s, o, &why);

        if (!damage_found(error))
                return error;
        if (!why)
                why = mdb_strerror(error);
        if (s->env)
                mdb_env_close(s->env);
        s->env = NULL;
        if (!damage_set_aside(s))
                return error;
        snprintf(message, STORE_MESSAGE, "%.100s: %.60s; it was set aside and an empty one begun", o->path, why);
        return open_sound(s, o, &why);
}

/* Two processes would give one id to different responses. That a file system knows no such locks is no reason to do
 * without a store. */
static int hold_directory(struct store *s, const char *path)
{
        s->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->directory >= 0 && flock(s->directory, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
                return EBUSY;
        return 0;
}

static void let_go(struct store *s)
{
        if (s->env)
                mdb_env_close(s->env);
        if (s->directory >= 0)
                close(s->directory);
        visit_free(s);
        ghosts_free(&s->ghosts);
        pthread_mutex_destroy(&s->loaded.lock);
        free(s);
}

static int start_threads(struct store *s, const struct store_options *o)
{
        int error = prefaults_start(s, o->prefaults ? o->prefaults : PREFAULTS);

        if (error)
                return error;
        error = writer_start(s);
        if (error)
                prefaults_stop(s);
        return error;
}

int store_open(struct store **made, const struct store_options *o, char message[STORE_MESSAGE])
{
        struct store *s = calloc(1, sizeof *s);
        int error = s ? 0 : ENOMEM;

        message[0] = 0;
        *made = NULL;
        if (s) {
                s->directory = -1;
                pthread_mutex_init(&s->loaded.lock, NULL);
        }
        if (!error && o->size < smallest)
                error = EINVAL;
        if (!error && mkdir(o->path, DIRECTORY_MODE) != 0 && errno != EEXIST)
                error = errno;
        if (!error) {
                s->size = o->size / 65536 * 65536;
                s->queue.limit = o->queue_bytes ? o->queue_bytes : QUEUE_BYTES;
                error = hold_directory(s, o->path);
        }
        if (!error)
                *made = s; /* it may be what the program dies of */
        if (!error)
                error = open_or_begin_anew(s, o, message);
        if (!error)
                error = start_threads(s, o);
        if (error) {
                snprintf(message, STORE_MESSAGE, "%.120s: %.100s", o->path, mdb_strerror(error));
                *made = NULL;
                if (s)
                        let_go(s);
                return error;
        }
        return 0;
}

void store_close(struct store **held)
{
        struct store *s = *held;

        if (!s)
                return;
        prefaults_stop(s);
        writer_stop(s);
        damage_enter(s);
        keep_visits(s);
        damage_leave(s);
        *held = NULL;
        let_go(s);
}

/* ---- what there is to say ------------------------------------------------------------------------------------------
 */

uint64_t store_next_id(struct store *s)
{
        return atomic_fetch_add(&s->next_id, 1);
}

void store_status(struct store *s, struct store_status *status)
{
        struct stat st = {0};
        int fd;

        if (mdb_env_get_fd(s->env, &fd) == 0)
                (void)!fstat(fd, &st);
        *status = (struct store_status){.size = s->size,
                                        .used = atomic_load(&s->used),
                                        .file = (uint64_t)st.st_size,
                                        .responses = atomic_load(&s->responses_count),
                                        .body_bytes = atomic_load(&s->body_bytes),
                                        .evicted = atomic_load(&s->evicted),
                                        .dropped = atomic_load(&s->dropped),
                                        .damaged = atomic_load(&s->damaged),
                                        .error = atomic_load(&s->error),
                                        .set_aside = atomic_load(&s->aside)};
        pthread_mutex_lock(&s->queue.lock);
        status->queued = s->queue.bytes;
        pthread_mutex_unlock(&s->queue.lock);
}

bool store_sigbus(struct store *s, const void *address)
{
        const char *at = address;

        if (at < s->map || at >= s->map + s->map_len)
                return false;
        atomic_store(&s->aside, true);
        return true;
}

bool store_readable(const struct store *s)
{
        return !atomic_load_explicit(&s->aside, memory_order_relaxed);
}

void store_map(struct store *s, const void **start, size_t *len)
{
        *start = s->map;
        *len = s->map_len;
}
