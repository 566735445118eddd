/* The parts of a store, for the files that are one module with store.c. */
#ifndef CACHE_STORE_PRIVATE_H
#define CACHE_STORE_PRIVATE_H

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>

#include "cache/ghost.h"
#include "cache/page_tree.h"
#include "cache/record.h"
#include "cache/store.h"
#include "cache/sweep.h"

enum {
        PIN_WORDS = 1 << 16,
        VISIT_BLOCKS = 1 << 16,
        VISIT_BLOCK_IDS = 4096,
        VISIT_BLOCK_BYTES = VISIT_BLOCK_IDS / 8,
        LOADED_SLOTS = 1024,
        SEEN_SLOTS = 1 << 15,
        SEEN_TICKS = 16, /* for so many ticks of its reader what was verified is taken as good */
        PAGE_SLOTS = 1 << 19,
        PAGE_SWEEP =
                1 << 14, /* in so many ticks all of them are forgotten once, before the ticks noted there come again */
        RECALLED_BITS = 10,
        RECALLED_SLOTS = 1 << RECALLED_BITS,
        VERIFY_MAX = 128 * 1024 /* bytes that are verified on an event loop */
};

/* Offsets that mean something else in a pair of (id, offset). */
#define OFFSET_RECORD UINT64_MAX
#define OFFSET_KEY    (UINT64_MAX - 1)

enum table { TABLE_RESOURCES, TABLE_RESPONSES, TABLE_SLICES, TABLES };

struct place {
        uint64_t id, offset;
};

struct seen {
        struct place place;
        uint64_t tick;
};

/* A page of the file that was in memory at a tick. Its number says which slot, and which of those that share it. */
struct seen_page {
        uint16_t sharer, tick; /* sharer 0: none */
};

/* A value of a table as it is in one snapshot: where it lies in the map, under a key that is filled up with zeros. */
struct recalled {
        size_t txn;    /* the snapshot's number; 0: none */
        uint64_t tick; /* when it was read: the page may leave memory */
        char key[KEY_HASH];
        struct span value;
};

struct reader {
        struct store *store;
        MDB_txn *txn;
        uint64_t tick;
        size_t roots_of;    /* the transaction of `roots`; 0: none */
        struct pages index; /* that belong to it */
        uint64_t roots[TABLES];
        struct recalled resources[RECALLED_SLOTS], responses[RECALLED_SLOTS], bodies[RECALLED_SLOTS];
        struct seen seen[SEEN_SLOTS];
        struct seen_page pages[PAGE_SLOTS];
};

/* What prefault threads have loaded and verified lately, for the readers that asked. */
struct loaded {
        pthread_mutex_t lock;
        struct place places[LOADED_SLOTS];
};

struct op;

struct queue {
        pthread_mutex_t lock;
        pthread_cond_t wake, idle;
        struct op *first, **last;
        size_t bytes, limit;
        unsigned count; /* of operations from `first` on */
        bool closing, busy;
        bool hurry;     /* somebody waits for one of them */
        bool gathering; /* the writer waits for more of them, on `bell` */
        int bell;       /* eventfd */
        pthread_t thread;
        bool started;
};

struct prefaults {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct prefault *first, **last;
        bool closing;
        pthread_t threads[16];
        unsigned count;
};

struct store {
        MDB_env *env;
        int directory; /* held, for this process alone; -1: not open */
        MDB_dbi meta, resources, responses, slices;
        unsigned page; /* bytes */
        uint64_t size;
        const char *map;
        size_t map_len;
        _Atomic bool aside;
        char apart[64]; /* what follows changes with each miss and commit, what is above is read with each hit */
        _Atomic uint64_t next_id, used, responses_count, body_bytes, evicted, dropped, damaged;
        _Atomic int error;
        _Atomic pthread_t within, writer; /* who is in LMDB, or 0 */
        uint64_t first_id;                /* of this run */
        struct sweep sweep;               /* the writer's, as are the ghosts */
        struct ghosts ghosts;
        size_t spent;    /* the writer's: bytes since it last offered its processor */
        bool backlog;    /* the writer's: a whole batch waits behind the one that is written */
        unsigned narrow; /* for so many batches more slices are cut down to a unit each */
        _Atomic uint32_t pins[PIN_WORDS];
        _Atomic(_Atomic uint64_t *) visits[VISIT_BLOCKS];
        struct loaded loaded;
        struct queue queue;
        struct prefaults prefaults;
};

static inline bool is_among(const uint64_t *ids, size_t count, uint64_t id)
{
        for (size_t i = 0; i < count; i++)
                if (ids[i] == id)
                        return true;
        return false;
}

/* cache/pin.c */
bool pin_condemn(struct store *, uint64_t id);
void pin_absolve(struct store *, uint64_t id);

/* cache/visit.c: "was it read?", one bit for each id */
bool visit_begin(struct store *,
                 uint64_t id); /* writer: room for an id's bit. False: out of memory, it counts as never read */
void visit_mark(struct store *, uint64_t id);
void visit_prefetch(struct store *, uint64_t id);
bool visit_clear(struct store *, uint64_t id); /* returns what it was */
/* The bits of block n, 0 to VISIT_BLOCKS - 1, to keep them over a restart. Saving: false where none is set. */
bool visit_save(struct store *, uint64_t n, char bits[VISIT_BLOCK_BYTES]);
void visit_restore(struct store *, uint64_t n, const char bits[VISIT_BLOCK_BYTES]);
void visit_free(struct store *);

/* cache/residency.c: what is in memory and verified */
bool seen_lately(struct reader *, struct place);
void seen_now(struct reader *, struct place);
void prefetch_seen(const struct reader *, struct place);
bool lately_resident(struct reader *, struct span); /* bytes of the map: for some ticks no system call */
void forget_pages(struct reader *);                 /* with each tick, some of them */
void loaded_put(struct store *, struct place);
bool loaded_take(struct store *, struct place);
void place_of_key(const struct key *, struct place *);
void will_need(const struct store *, struct span); /* begins to read it, and waits for nothing */

/* cache/store_index.c: within a read transaction, after index_begin */
/* A value by its key: HIT, NONE, ERROR, or COLD: a page on the way there is not in memory. `wait`: reads them. */
enum find index_find(struct reader *, enum table, struct span key, bool wait, struct span *value);
/* The same for the nearest key that is not greater, or with `after` not less. */
enum find index_near(struct reader *, enum table, struct span key, bool after, bool wait, struct span *near,
                     struct span *value);
/* Finds out where the tables of the snapshot begin, if that is not known. */
void index_begin(struct reader *);
/* Whether a value lies within the file, whatever its node says of its length: LMDB does not ask. */
bool index_holds(const struct reader *, struct span value);

/* cache/store.c */
void response_key(uint64_t id, char out[8]);
void slice_key(uint64_t id, uint64_t offset, char out[16]);
uint64_t read_be(const char *);
int write_totals(struct store *, MDB_txn *, int64_t more_body_bytes);

/* cache/store_damage.c: a file that LMDB stumbles over */
/* This thread, which is not the writer, is in LMDB from the first to the second. One that dies there leaves a mark. */
void damage_enter(struct store *);
void damage_leave(struct store *);
/* What LMDB said of a transaction. That the file contradicts itself puts the store out of use, now and when it is
 * opened next, and is EIO; everything else is returned as it is. */
int damage_reported(struct store *, int error);
/* Whether the pages that a value lies in are said to be those that it takes. */
bool damage_value(const struct store *, struct span value);
/* The entry under the cursor, whose value was read. MDB_CORRUPTED where its pages are not its own. */
int damage_delete(const struct store *, MDB_cursor *, MDB_val value);
/* Whether the file is marked, or what is read of it first is nonsense: NULL, or what is wrong. */
const char *damage_seen(const struct store *);
/* Whether an error of opening says that the file cannot be used: it is damaged, foreign or newer. */
bool damage_found(int error);
/* The file under another name, and no mark. False: it is where it was. */
bool damage_set_aside(const struct store *);

/* cache/store_keep.c: what eviction knows, over a restart */
int put_meta(const struct store *, MDB_txn *, const char *name, uint64_t);
int get_meta(const struct store *, MDB_txn *, const char *name, uint64_t *);
int keep_sweep(struct store *, MDB_txn *);
void load_sweep(struct store *, MDB_txn *);
void keep_visits(struct store *); /* when the writer has ended */

/* cache/store_evict.c: in the writer's transaction */
/* What a transaction removes: its ids stay condemned until it has ended. */
struct doomed {
        uint64_t *ids;
        size_t count, cap;
        int64_t bytes; /* change of the stored body bytes */
        struct {       /* what eviction has come by and left there: read, if the transaction comes to nothing */
                uint64_t *ids;
                size_t count, cap;
        } spared;
        struct sweep before;
};
int remove_response(struct store *, MDB_txn *, uint64_t id, struct doomed *);
int evict_until(struct store *, MDB_txn *, uint64_t room, struct doomed *);
/* The transaction has ended, well or not. */
void evict_ended(struct store *, struct doomed *, bool well);
/* A response was put under a key with this hash; `again`: in place of one. */
void evict_later(struct store *, uint64_t id, const uint8_t hash[KEY_HASH], bool again);
uint64_t pages_used(const struct store *, MDB_txn *);
int read_value(MDB_txn *, MDB_dbi, const void *key, size_t key_len, struct span *value);

/* cache/part_place.c: in the writer's transaction; cuts a part [*at, *end) to what is to be put, and makes its place.
 */
int part_place(struct store *, MDB_txn *, uint64_t id, uint64_t *at, uint64_t *end);

/* cache/store_commit.c: what is kept free for a batch of so many bytes */
uint64_t commit_reserve(const struct store *, size_t bytes);

/* cache/store_write.c */
int writer_start(struct store *);
void writer_stop(struct store *);
/* Within a batch, after each step: lets others have the processor now and then. */
void writer_spend(struct store *, size_t bytes);

/* cache/store_read.c */
/* Of the slices that begin at `offset` or before it the last; with `after`, of those there or behind it the first. */
enum body_state near_slice(struct reader *, uint64_t id, uint64_t offset, bool after, bool wait, uint64_t *start,
                           struct span *value);
/* The slice that holds the byte at `offset`: its first byte's offset and its value. GAP: none does, and what says so,
 * and where the next one begins, is in memory. `wait`: never says COLD but reads from disk. */
enum body_state slice_at(struct reader *, uint64_t id, uint64_t offset, bool wait, uint64_t *start, struct span *value);

/* cache/background.c: called by a thread behind the event loops, as its first thing. Such a thread computes for
 * milliseconds, and on a busy processor an event loop that wakes meanwhile would wait for the end of its slice. Who
 * asks for longer slices gets as much, but lets others in at once (Linux 6.12 and later; earlier ones ignore it). Not a
 * lower priority: a writer that starves stores nothing. */
void background_thread(const char *name, uint64_t slice_ns); /* longer than a worker's: cache/time_slice.h */

/* cache/prefault.c */
int prefaults_start(struct store *, unsigned count);
void prefaults_stop(struct store *);

#endif
