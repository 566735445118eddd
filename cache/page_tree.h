/* LMDB's trees of pages, read without LMDB: the way from a root to the leaf of a key, page by page, so that who walks
 * may ask before each page whether it is in memory, and what lies there under the key.
 *
 * Nothing a page says is believed beyond its own bounds and the file's: a damaged one leads astray, to UNCLEAR or to a
 * value that is none, but to no byte outside of `map`. */
#ifndef CACHE_PAGE_TREE_H
#define CACHE_PAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/span.h"

#define NO_PAGE UINT64_MAX

enum { PAGE_DEPTH_MAX = 32, PAGE_BYTES_MAX = 65536 };

struct pages {
        const char *map;
        uint64_t count; /* that may be looked at */
        unsigned size;  /* bytes of each */
};

/* The page that is to be looked at next, and what is known on the way there. */
struct descent {
        struct span key;
        uint64_t page;
        uint64_t from, to;      /* keys that begin with less, or with more, lie elsewhere */
        uint64_t before, after; /* the nearest pages beside the way, or NO_PAGE */
        unsigned node;          /* FOUND, NONE: the first of the leaf whose key is not less */
        bool first, last;       /* NONE: all keys of the leaf are greater; are less */
        bool table;             /* FOUND: the value is a table */
        struct span value;      /* FOUND */
};

enum descent_step { DESCENT_DOWN, DESCENT_FOUND, DESCENT_NONE, DESCENT_UNCLEAR };

/* NULL: there is none. */
const char *page_at(const struct pages *, uint64_t number);

void descent_begin(struct descent *, uint64_t root, struct span key);
/* Looks at the page. DOWN: `page` is the next one. UNCLEAR: it is no page of a tree as they are known here. */
enum descent_step descent_step(const struct pages *, struct descent *);

/* Has the processor fetch what is needed first of a page that is going to be looked at. One that is not in memory is no
 * harm. */
void prefetch_page(const char *);

/* The page below this one with the least keys or the greatest. NO_PAGE: it is a leaf, or unclear. */
uint64_t page_edge(const struct pages *, uint64_t number, bool last);

/* A leaf's node, or its last one: its key and what lies there. False: it is none, or unclear. */
enum { LAST_NODE = 65535 };
bool leaf_node(const struct pages *, uint64_t number, unsigned node, struct span *key, struct span *value);

/* The root of a table, which is the value of a descent, or NO_PAGE. */
uint64_t table_root(struct span table);

/* A snapshot's table of tables: its root, and how many pages there are. False: the transaction's meta page is not
 * there any more, or may have been overwritten while it was read. */
bool snapshot_root(const struct pages *, uint64_t transaction, uint64_t *root, uint64_t *count);

/* How many pages from `from` on a snapshot counts as free, each of which is in its list once. False: the list is
 * unclear, or does not lie within `count`. */
bool snapshot_unused(const struct pages *, uint64_t transaction, uint64_t from, uint64_t *count);

#endif
