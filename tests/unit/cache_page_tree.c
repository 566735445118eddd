/* cache/page_tree.c beside LMDB itself: what it finds in a file of LMDB's is what LMDB finds, for keys that are there
 * and keys that are not, in trees of each depth, after puts, replacements and removals; and in a damaged file it stays
 * within the file. The file is read into memory of its own, so that a sanitizer sees each byte beside it. */
#include "cache/page_tree.h"

#include <criterion/criterion.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/span.h"

enum {
        KEY_MAX = 400,
        VALUE_MAX = 20000,
        BIG_EACH = 50, /* one value in so many lies on pages of its own */
        MISSING = 500,
        DAMAGES = 1000,
        FLIPS = 8,
        MAP_BYTES = 256 << 20
};

enum kind { HASHES, NUMBERS, PAIRS, LONG };

static char path[64], file[80];
static MDB_env *env;
static MDB_dbi dbi;
static uint64_t seed;
static struct pages pages;
static char *copy;
static uint64_t root, transaction;

static uint64_t draw(void)
{
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        return seed * 0x2545f4914f6cdd1dULL;
}

static void set_up(void)
{
        MDB_txn *txn;

        seed = 1;
        strcpy(path, "/tmp/limpid-pages-XXXXXX");
        cr_assert_not_null(mkdtemp(path));
        snprintf(file, sizeof file, "%s/data.mdb", path);
        cr_assert_eq(mdb_env_create(&env), 0);
        cr_assert_eq(mdb_env_set_maxdbs(env, 2), 0);
        cr_assert_eq(mdb_env_set_mapsize(env, MAP_BYTES), 0);
        cr_assert_eq(mdb_env_open(env, path, MDB_NOSYNC | MDB_NOTLS, 0600), 0);
        cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
        cr_assert_eq(mdb_dbi_open(txn, "table", MDB_CREATE, &dbi), 0);
        cr_assert_eq(mdb_txn_commit(txn), 0);
}

static void tear_down(void)
{
        char command[96];

        free(copy);
        mdb_env_close(env);
        snprintf(command, sizeof command, "rm -r %s", path);
        cr_assert_eq(system(command), 0);
}

TestSuite(page_tree, .init = set_up, .fini = tear_down);

/* ---- keys and values ----------------------------------------------------------------------------------------------
 */

static void put_be(char *at, uint64_t n)
{
        for (int i = 7; i >= 0; i--, n >>= 8)
                at[i] = (char)n;
}

/* The n-th key of a kind; between one and the next there is room for one that is missing: `odd`. */
static struct span key_of(enum kind kind, uint64_t n, bool odd, char at[KEY_MAX])
{
        uint64_t hash = (2 * n + odd + 1) * 0x9e3779b97f4a7c15ULL;

        switch (kind) {
        case NUMBERS:
                put_be(at, 1000000 + 2 * n + odd);
                return (struct span){at, 8};
        case PAIRS:
                put_be(at, 1000 + n / 7);
                put_be(at + 8, n % 7 * 65504 + odd);
                return (struct span){at, 16};
        case HASHES:
                put_be(at, hash);
                put_be(at + 8, ~hash);
                return (struct span){at, 16};
        case LONG:
                break;
        }
        memset(at, 'x', KEY_MAX);
        put_be(at + KEY_MAX - 8 - n % 3, hash);
        return (struct span){at, KEY_MAX - n % 3};
}

static MDB_val val(struct span s)
{
        return (MDB_val){s.len, (void *)(uintptr_t)s.at};
}

static void put_all(enum kind kind, uint64_t from, uint64_t to, uint64_t step)
{
        static char value[VALUE_MAX];
        char text[KEY_MAX];
        MDB_txn *txn;

        cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
        for (uint64_t n = from; n < to; n += step) {
                MDB_val k = val(key_of(kind, n, false, text));
                MDB_val v = {draw() % BIG_EACH ? draw() % 200 : draw() % VALUE_MAX, value};

                memset(value, (int)n, v.mv_size);
                cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
        }
        cr_assert_eq(mdb_txn_commit(txn), 0);
}

static void remove_some(enum kind kind, uint64_t from, uint64_t to, uint64_t step)
{
        char text[KEY_MAX];
        MDB_txn *txn;

        cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
        for (uint64_t n = from; n < to; n += step) {
                MDB_val k = val(key_of(kind, n, false, text));
                int error = mdb_del(txn, dbi, &k, NULL);

                cr_assert(error == 0 || error == MDB_NOTFOUND);
        }
        cr_assert_eq(mdb_txn_commit(txn), 0);
}

/* ---- the copy ------------------------------------------------------------------------------------------------------
 */

static enum descent_step walk(uint64_t from, struct span key, struct descent *d)
{
        enum descent_step step = DESCENT_DOWN;

        descent_begin(d, from, key);
        for (int depth = 0; depth < PAGE_DEPTH_MAX && step == DESCENT_DOWN; depth++)
                step = descent_step(&pages, d);
        return step;
}

/* Returns the tree's depth. */
static unsigned copy_file(void)
{
        MDB_envinfo info;
        struct descent d;
        MDB_stat stat;
        MDB_txn *txn;
        uint64_t tables, count;
        FILE *f = fopen(file, "re");

        cr_assert_eq(mdb_env_info(env, &info), 0);
        cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
        cr_assert_eq(mdb_stat(txn, dbi, &stat), 0);
        mdb_txn_abort(txn);
        pages = (struct pages){NULL, info.me_last_pgno + 1, stat.ms_psize};
        free(copy);
        copy = calloc(pages.count, pages.size);
        cr_assert_not_null(f);
        cr_assert_not_null(copy);
        cr_assert_gt(fread(copy, pages.size, pages.count, f),
                     0); /* the last pages may be free, and were never written */
        fclose(f);
        pages.map = copy;
        transaction = info.me_last_txnid;
        cr_assert(snapshot_root(&pages, info.me_last_txnid, &tables, &count));
        cr_assert_eq(count, pages.count);
        cr_assert_eq(walk(tables, SPAN("table"), &d), DESCENT_FOUND);
        cr_assert(d.table);
        root = table_root(d.value);
        return stat.ms_depth;
}

static void expect_same(MDB_txn *txn, struct span key)
{
        struct descent d;
        enum descent_step step = walk(root, key, &d);
        MDB_val k = val(key), v;
        int error = mdb_get(txn, dbi, &k, &v);

        if (root == NO_PAGE)
                cr_assert(step == DESCENT_UNCLEAR && error == MDB_NOTFOUND);
        else
                cr_assert_eq(step, error ? DESCENT_NONE : DESCENT_FOUND);
        cr_assert(error || (!d.table && span_equal(d.value, (struct span){v.mv_data, v.mv_size})));
}

/* Where the key is not there, whether it would be the first of its leaf or the last is what a cursor says. */
static void expect_neighbours(MDB_txn *txn, struct span key)
{
        struct descent d;
        MDB_cursor *cursor;
        MDB_val k = val(key), v;
        bool behind;

        if (walk(root, key, &d) != DESCENT_NONE)
                return;
        cr_assert_eq(mdb_cursor_open(txn, dbi, &cursor), 0);
        behind = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) == MDB_NOTFOUND;
        cr_assert(!behind || (d.last && d.after == NO_PAGE));
        cr_assert(!d.first || !d.last);
        mdb_cursor_close(cursor);
}

static unsigned compare_all(enum kind kind, uint64_t keys)
{
        unsigned depth = copy_file();
        char text[KEY_MAX];
        MDB_txn *txn;

        cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
        for (uint64_t n = 0; n < keys; n++)
                expect_same(txn, key_of(kind, n, false, text));
        for (uint64_t i = 0; i < MISSING; i++) {
                struct span key = key_of(kind, draw() % (keys + 2), true, text);

                expect_same(txn, key);
                expect_neighbours(txn, key);
        }
        memset(text, 0, sizeof text);
        expect_same(txn, (struct span){text, 1});
        expect_same(txn, (struct span){text, 16});
        memset(text, 0xff, sizeof text);
        expect_same(txn, (struct span){text, 1});
        expect_same(txn, (struct span){text, 16});
        expect_neighbours(txn, (struct span){text, 16});
        mdb_txn_abort(txn);
        return depth;
}

/* ---- sound files ---------------------------------------------------------------------------------------------------
 */

/* Grows it by commits until it has this depth; then some go, some are replaced, and nearly all go. */
static void live(enum kind kind, unsigned depth, uint64_t at_once)
{
        uint64_t keys = 0;

        do {
                put_all(kind, keys, keys + at_once, 1);
                keys += at_once;
        } while (compare_all(kind, keys) < depth);
        remove_some(kind, 0, keys, 3);
        compare_all(kind, keys);
        put_all(kind, 1, keys, 5);
        compare_all(kind, keys);
        remove_some(kind, keys / 8, keys, 1);
        compare_all(kind, keys);
}

Test(page_tree, finds_hashes_as_lmdb_does)
{
        live(HASHES, 1, 4);
        live(HASHES, 3, 2500);
}

Test(page_tree, finds_numbers_as_lmdb_does)
{
        live(NUMBERS, 2, 300);
        live(NUMBERS, 3, 4000);
}

Test(page_tree, finds_pairs_as_lmdb_does)
{
        live(PAIRS, 3, 2500);
}

Test(page_tree, finds_keys_that_begin_alike_at_any_depth)
{
        live(LONG, 4, 150);
        live(LONG, 5, 900);
}

Test(page_tree, finds_the_edges_below_a_page)
{
        struct descent d;
        char text[KEY_MAX];
        uint64_t page, first = root, leaf = NO_PAGE;

        put_all(NUMBERS, 0, 5000, 1);
        cr_assert_geq(copy_file(), 2);
        for (page = root; page != NO_PAGE; page = page_edge(&pages, page, false))
                first = page;
        descent_begin(&d, root, key_of(NUMBERS, 0, false, text));
        do
                leaf = d.page;
        while (descent_step(&pages, &d) == DESCENT_DOWN);
        cr_expect_eq(first, leaf);
        for (page = root; page != NO_PAGE; page = page_edge(&pages, page, true))
                first = page;
        descent_begin(&d, root, key_of(NUMBERS, 4999, false, text));
        do
                leaf = d.page;
        while (descent_step(&pages, &d) == DESCENT_DOWN);
        cr_expect_eq(first, leaf);
        cr_expect_eq(d.after, NO_PAGE);
        cr_expect_neq(d.before, NO_PAGE);
}

/* ---- a meta page that is not that of the snapshot
 * --------------------------------------------------------------------
 */

static uint64_t snapshot(void)
{
        MDB_envinfo info;

        put_all(NUMBERS, 0, 10, 1);
        copy_file();
        cr_assert_eq(mdb_env_info(env, &info), 0);
        return info.me_last_txnid;
}

static void add_to_txn(uint64_t meta, uint64_t more)
{
        char *at = copy + meta * pages.size + 144; /* behind head, magic, version, address, size, tables, last page */
        uint64_t n;

        memcpy(&n, at, sizeof n);
        n += more;
        memcpy(at, &n, sizeof n);
}

Test(page_tree, a_meta_page_of_a_later_transaction_is_no_snapshot)
{
        uint64_t txn = snapshot(), r, count;

        cr_expect(snapshot_root(&pages, txn, &r, &count));
        cr_expect_not(snapshot_root(&pages, txn + 1, &r, &count));
        cr_expect_not(snapshot_root(&pages, txn + 2, &r, &count));
        add_to_txn(txn & 1, 2);
        cr_expect_not(snapshot_root(&pages, txn, &r, &count));
}

/* The one behind it may be writing over the page that is read. */
Test(page_tree, a_meta_page_that_may_be_overwritten_is_no_snapshot)
{
        uint64_t txn = snapshot(), r, count;

        add_to_txn(~txn & 1, 2);
        cr_expect_not(snapshot_root(&pages, txn, &r, &count));
}

/* ---- damaged files -------------------------------------------------------------------------------------------------
 */

static void look(struct span key)
{
        struct descent d;
        enum descent_step step = walk(root, key, &d);
        volatile char sum = 0;

        cr_assert(step == DESCENT_DOWN || step == DESCENT_FOUND || step == DESCENT_NONE || step == DESCENT_UNCLEAR);
        if (step != DESCENT_FOUND)
                return;
        for (size_t i = 0; i < d.value.len; i++)
                sum = (char)(sum + d.value.at[i]);
        table_root(d.value);
}

static void look_everywhere(enum kind kind, uint64_t keys)
{
        char text[KEY_MAX];

        for (uint64_t n = 0; n < keys; n++)
                look(key_of(kind, n, draw() % 8 == 0, text));
        snapshot_unused(&pages, transaction, 0, &(uint64_t){0});
        for (uint64_t p = 0, n; p < pages.count; p++)
                for (n = p; n != NO_PAGE && n < pages.count + 2;
                     n = n == p ? page_edge(&pages, n, draw() & 1) : NO_PAGE)
                        page_edge(&pages, n, true);
}

/* Half of the flips hit the head of a page or its first offsets. */
static void flip(char *bytes, uint64_t count)
{
        for (int i = 0; i < FLIPS; i++) {
                uint64_t page = draw() % count, at = draw() % (draw() & 1 ? 40 : pages.size);

                bytes[page * pages.size + at] ^= (char)(draw() & 1 ? 1U << draw() % 8 : draw());
        }
}

static void damage(enum kind kind, uint64_t keys, uint64_t count)
{
        size_t len = count * pages.size;
        char *sound = copy, *damaged = malloc(len);

        cr_assert_not_null(damaged);
        pages.map = damaged;
        pages.count = count;
        for (int i = 0; i < DAMAGES; i++) {
                memcpy(damaged, sound, len);
                flip(damaged, count);
                look_everywhere(kind, keys);
        }
        free(damaged);
}

Test(page_tree, a_damaged_file_leads_nowhere_outside_of_it)
{
        put_all(HASHES, 0, 400, 1);
        cr_assert_eq(copy_file(), 2);
        damage(HASHES, 400, pages.count);
}

Test(page_tree, damaged_branches_lead_nowhere_outside_of_the_file)
{
        put_all(LONG, 0, 300, 1);
        cr_assert_geq(copy_file(), 3);
        damage(LONG, 300, pages.count);
}

/* What lies behind the last page that belongs to the file is nobody's. */
Test(page_tree, a_damaged_last_page_leads_nowhere_behind_it)
{
        put_all(NUMBERS, 0, 20, 1);
        cr_assert_eq(copy_file(), 1);
        damage(NUMBERS, 20, root + 1);
}

/* Where the leaf says on which page a big value begins. */
static char *number_in_leaf(struct span value)
{
        uint64_t number = (uint64_t)(value.at - copy) / pages.size;

        for (char *at = copy + root * pages.size; at + 8 <= copy + (root + 1) * pages.size; at++)
                if (at > copy + root * pages.size && memcmp(at, &number, sizeof number) == 0)
                        return at;
        return NULL;
}

Test(page_tree, a_big_value_ends_within_the_file)
{
        static char long_value[3 * 4096];
        struct span key = SPAN("key");
        MDB_val k = val(key), v = {sizeof long_value, long_value};
        struct descent d;
        MDB_txn *txn;
        char *at;

        cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
        cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
        cr_assert_eq(mdb_txn_commit(txn), 0);
        cr_assert_eq(copy_file(), 1);
        cr_assert_eq(walk(root, key, &d), DESCENT_FOUND);
        at = number_in_leaf(d.value);
        cr_assert_not_null(at);
        for (uint64_t number = pages.count + 2; number + 6 > pages.count; number--) {
                memcpy(at, &number, sizeof number);
                cr_expect_eq(walk(root, key, &d), number + 4 > pages.count ? DESCENT_UNCLEAR : DESCENT_FOUND);
        }
}

Test(page_tree, a_key_ends_within_its_page)
{
        static const uint16_t key_len = 8;
        char text[KEY_MAX], *page, *last;
        uint16_t offset;

        put_all(NUMBERS, 0, 1, 1);
        cr_assert_eq(copy_file(), 1);
        offset = (uint16_t)(pages.size - 8);
        last = malloc((root + 1) * pages.size);
        cr_assert_not_null(last);
        memcpy(last, copy, (root + 1) * pages.size);
        free(copy);
        copy = last;
        pages.map = copy;
        pages.count = root + 1;
        page = copy + root * pages.size;
        memcpy(page + 16, &offset, sizeof offset);
        memcpy(page + pages.size - sizeof key_len, &key_len, sizeof key_len);
        look(key_of(NUMBERS, 0, false, text));
}
