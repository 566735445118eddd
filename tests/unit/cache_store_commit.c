/* cache/store_commit.c: operations of one batch come to what they would have come to one by one. Nobody waits for the
 * first ones, so that they gather until the last one is there; a machine that is slow makes two batches of them, and
 * then nothing can go wrong. */
#include <criterion/criterion.h>

#include "store_made.h"

static struct message request;

static void set_up(void)
{
        make_store(32 << 20);
}

TestSuite(commit, .init = set_up, .fini = remove_store);

static uint64_t put_response(const char *url, const char *body, uint64_t length, uint16_t flags)
{
        struct key k = key_of_url(url);
        struct stored s = {.status = 200, .flags = flags, .lifetime = 60, .last_modified = -1};
        struct put p = {.id = store_next_id(store),
                        .key = &k,
                        .stored = &s,
                        .length = length,
                        .body = {body, body ? strlen(body) : 0}};

        cr_assert_eq(store_put_response(store, &p), 0);
        return p.id;
}

static uint64_t put(const char *url, const char *body)
{
        return put_response(url, body, strlen(body), 0);
}

static bool finds(const char *url, struct found *f)
{
        struct key k = key_of_url(url);
        bool hit;

        cr_assert_eq(reader_begin(reader), 0);
        hit = reader_find(reader, &k, &request, true, f) == FIND_HIT;
        reader_end(reader);
        return hit;
}

static bool holds(const char *url, const char *body)
{
        struct key k = key_of_url(url);
        struct found f;
        bool same;

        cr_assert_eq(reader_begin(reader), 0);
        same = reader_find(reader, &k, &request, true, &f) == FIND_HIT &&
               span_equal(f.body, (struct span){body, strlen(body)});
        reader_end(reader);
        return same;
}

static uint64_t responses(void)
{
        struct store_status s;

        store_status(store, &s);
        return s.responses;
}

Test(commit, a_purge_takes_what_was_put_just_before_it)
{
        put("http://a:80/1", "one");
        put("http://a:80/2", "two");
        cr_expect_eq(purge(PURGE_KEY, "http://a:80/1"), 1);
        cr_expect_eq(responses(), 1);
        put("http://b:80/1", "one");
        cr_expect_eq(purge(PURGE_HOST, "a"), 1);
        cr_expect_eq(responses(), 1);
        put("http://c:80/1", "one");
        cr_expect_eq(purge(PURGE_ALL, ""), 2);
        cr_expect_eq(responses(), 0);
}

Test(commit, what_is_put_behind_a_purge_stays)
{
        put("http://a:80/", "old");
        cr_assert_eq(store_purge(store, PURGE_KEY, SPAN("http://a:80/"), NULL, NULL), 0);
        put("http://a:80/", "new");
        store_sync(store);
        cr_expect(holds("http://a:80/", "new"));
        cr_expect_eq(responses(), 1);
}

Test(commit, of_several_for_one_request_the_last_stays)
{
        put("http://a:80/", "one");
        put("http://b:80/", "other");
        put("http://a:80/", "two");
        put("http://a:80/", "three");
        store_sync(store);
        cr_expect(holds("http://a:80/", "three"));
        cr_expect(holds("http://b:80/", "other"));
        cr_expect_eq(responses(), 2);
}

Test(commit, what_is_removed_after_it_was_put_leaves_no_trace)
{
        store_remove(store, put("http://a:80/", "one"));
        store_sync(store);
        cr_expect_not(holds("http://a:80/", "one"));
        cr_expect_eq(responses(), 0);
        cr_expect_eq(purge(PURGE_URL, "http://a:80/"), 0, "its resource does not name it");
}

Test(commit, a_removal_of_what_was_replaced_takes_nothing_else)
{
        uint64_t first = put("http://a:80/", "one");

        put("http://a:80/", "two");
        store_remove(store, first);
        store_sync(store);
        cr_expect(holds("http://a:80/", "two"));
        cr_expect_eq(responses(), 1);
}

Test(commit, freshening_finds_what_was_put_and_not_what_was_replaced)
{
        struct stored s = {.status = 200, .lifetime = 99, .last_modified = -1};
        uint64_t first = put("http://a:80/", "one");
        struct found f;

        cr_assert_eq(store_freshen(store, first, &s, NULL, NULL), 0);
        store_sync(store);
        cr_assert(finds("http://a:80/", &f));
        cr_expect_eq(f.stored.lifetime, 99);
        first = put("http://b:80/", "one");
        put("http://b:80/", "two");
        cr_assert_eq(store_freshen(store, first, &s, NULL, NULL), 0);
        store_sync(store);
        cr_assert(finds("http://b:80/", &f));
        cr_expect_eq(f.stored.lifetime, 60);
        cr_expect_eq(responses(), 2);
}

Test(commit, an_alias_is_of_what_was_put_just_before_it)
{
        struct key k = key_of_url("http://a:80/");
        uint64_t first = put("http://a:80/", "one");

        cr_assert_eq(store_alias(store, first, &(struct alias){&k, SPAN("accept"), 7}, NULL, NULL), 0);
        put("http://a:80/", "two");
        store_sync(store);
        cr_expect(holds("http://a:80/", "two"));
        cr_expect_eq(responses(), 2, "the first one has other selecting values left");
        cr_expect_eq(purge(PURGE_URL, "http://a:80/"), 2);
}

Test(commit, a_part_of_what_was_replaced_is_dropped_with_it)
{
        static const char bytes[SLICE_UNIT];
        uint64_t first = put_response("http://a:80/", NULL, 10 * SLICE_UNIT, STORED_SPARSE);

        put("http://a:80/", "two");
        cr_assert_eq(store_put_part(store, first, 0, bytes, sizeof bytes, NULL, NULL), 0);
        store_sync(store);
        cr_expect(holds("http://a:80/", "two"));
        cr_expect_eq(responses(), 1);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_held_to(reader, first, &(uint64_t){0}, SLICE_UNIT), BODY_GAP, "nor is its part");
        reader_end(reader);
}
