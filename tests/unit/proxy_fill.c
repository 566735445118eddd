/* proxy/fill*.c: what arrives reaches the store and every reader, each at its own pace; what cannot be stored or shared
 * is given up without a wrong byte. One worker stands for all; its mailbox is emptied by hand. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/fill.h"
#include "proxy/sigbus.h"
#include "store_made.h"

/* main.c has the real one, and no test links main.c. */
void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

static struct message request;
static struct worker *worker;
static struct fills *fills;
static struct key key;
static int wakes;

static void set_up(void)
{
        make_store(256 << 20);
        worker = aligned_alloc(64, (sizeof *worker + 63) / 64 * 64);
        memset(worker, 0, sizeof *worker);
        pthread_mutex_init(&worker->mail_lock, NULL);
        worker->mail_fd = eventfd(0, EFD_NONBLOCK);
        fills = fills_new(1 << 30);
        key_of_text(&key, SPAN("http://a:80/x @192.0.2.1"));
}

/* As the worker would. Returns how many woke up. */
static int deliver(void)
{
        struct note *mail;
        int before = wakes;

        pthread_mutex_lock(&worker->mail_lock);
        mail = worker->mail;
        worker->mail = NULL;
        pthread_mutex_unlock(&worker->mail_lock);
        while (mail) {
                struct note *note = mail;

                mail = note->next;
                note->deliver(note);
        }
        return wakes - before;
}

static void tear_down(void)
{
        store_sync(store);
        deliver();
        fills_free(&fills);
        remove_store();
        close(worker->mail_fd);
        pthread_mutex_destroy(&worker->mail_lock);
        free(worker);
}

TestSuite(fill, .init = set_up, .fini = tear_down);

static void woken(void *argument)
{
        (void)argument;
        wakes++;
}

static struct fill_reader *enter(struct fills *where, bool leads)
{
        bool led = !leads;
        struct fill_reader *r = fills_enter(where, &key, worker, woken, &wakes, &led);

        cr_assert_not_null(r);
        cr_assert_eq(led, leads);
        return r;
}

static bool arrive(struct fill_reader *r, uint64_t length, uint64_t limit)
{
        struct fill_head head = {
                .stored = {.status = 200, .lifetime = 60, .last_modified = -1, .fields = SPAN("A: b\r\n")},
                .length = length};

        return fill_arrives(r, fills, store, &head, limit) == NULL;
}

/* Byte n of every body of these tests. */
static char pattern(uint64_t n)
{
        return (char)(n * 31 + n / 251);
}

static uint64_t added;

static void add(struct fill_reader *r, uint64_t bytes, size_t step)
{
        char piece[70000];

        for (uint64_t end = added + bytes; added < end;) {
                size_t n = end - added < step ? (size_t)(end - added) : step;

                for (size_t i = 0; i < n; i++)
                        piece[i] = pattern(added + i);
                cr_assert(fill_add(r, (struct span){piece, n}));
                added += n;
        }
}

static atomic_int loads;

static void load_done(struct prefault *job)
{
        (void)job;
        atomic_fetch_add(&loads, 1);
}

/* Has a prefault thread verify what lies at the offset. */
static void load(uint64_t id, uint64_t offset)
{
        struct prefault job = {.done = load_done, .id = id, .offset = offset, .bytes = 1};
        int before = atomic_load(&loads);

        prefault_body(store, &job);
        while (atomic_load(&loads) == before)
                sched_yield();
        cr_assert_not(job.failed);
}

/* Checks what the store has of a body at an offset; returns how much. */
static uint64_t read_store(uint64_t id, uint64_t at, uint64_t most)
{
        struct iovec spans[4];
        uint64_t n = 0;
        int count = 0;

        cr_assert_eq(reader_begin(reader), 0);
        while (reader_body(reader, id, at, most, spans, 4, &count) == BODY_COLD) {
                reader_end(reader);
                load(id, at);
                cr_assert_eq(reader_begin(reader), 0);
        }
        for (int i = 0; i < count; i++)
                for (size_t j = 0; j < spans[i].iov_len; j++, n++)
                        cr_assert_eq(((char *)spans[i].iov_base)[j], pattern(at + n));
        reader_end(reader);
        cr_assert_gt(n, 0);
        return n;
}

/* Reads on until there is nothing; returns what came instead. */
static enum fill_read drain(struct fill_reader *r, size_t step)
{
        for (;;) {
                struct span bytes;
                uint64_t extent;
                enum fill_read result = fill_read(r, &bytes, &extent);

                if (result == FILL_STORED) {
                        fill_took(r, read_store(fill_id(r), r->at, extent));
                } else if (result == FILL_BYTES) {
                        size_t n = bytes.len < step ? bytes.len : step;

                        for (size_t i = 0; i < n; i++)
                                cr_assert_eq(bytes.at[i], pattern(r->at + i));
                        fill_took(r, n);
                } else {
                        return result;
                }
        }
}

static bool found(uint64_t length)
{
        struct found f;
        bool hit;

        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        hit = reader_find(reader, &key, &request, true, &f) == FIND_HIT && f.length == length;
        reader_end(reader);
        return hit;
}

/* ---- one reader ----------------------------------------------------------------------------------------------------
 */

static void whole(uint64_t length, uint64_t expected, size_t step)
{
        struct fill_reader *r = enter(fills, true);

        cr_assert(arrive(r, expected, 64 << 20));
        add(r, length, step);
        cr_assert(fill_finish(r, NULL, NULL));
        cr_assert_eq(drain(r, 1 << 20), FILL_END);
        cr_assert_eq(r->at, length);
        fill_leave(&r);
        cr_assert_null(r);
        cr_assert(found(length));
}

Test(fill, an_empty_body_is_a_body)
{
        whole(0, 0, 1);
}

Test(fill, a_small_body_lies_in_its_record)
{
        whole(100, 100, 7);
}

Test(fill, a_small_body_of_unknown_length)
{
        whole(INLINE_MAX, UINT64_MAX, 1000);
}

Test(fill, a_body_of_unknown_length_that_is_not_small_after_all)
{
        whole(INLINE_MAX + 1, UINT64_MAX, 1000);
}

Test(fill, a_large_body_goes_slice_by_slice)
{
        whole(3 * (uint64_t)SLICE_MAX + 12345, 3 * (uint64_t)SLICE_MAX + 12345, 65521);
}

Test(fill, a_large_body_that_ends_with_a_slice)
{
        whole(2 * (uint64_t)SLICE_MAX, UINT64_MAX, 65504);
}

Test(fill, what_is_known_to_be_too_large_is_not_begun)
{
        struct fill_reader *r = enter(fills, true);

        cr_assert_not(arrive(r, 1001, 1000));
        fill_leave(&r);
}

Test(fill, what_turns_out_too_large_is_read_and_not_stored)
{
        struct fill_reader *r = enter(fills, true);

        cr_assert(arrive(r, UINT64_MAX, 100000));
        add(r, 100001, 1000);
        cr_assert_not(fill_storing(r));
        cr_assert_not(fill_finish(r, NULL, NULL));
        cr_assert_eq(drain(r, 1 << 20), FILL_END);
        cr_assert_eq(r->at, 100001);
        fill_leave(&r);
        cr_assert_not(found(100001));
}

Test(fill, what_is_cut_is_never_found)
{
        struct fill_reader *r = enter(fills, true);

        cr_assert(arrive(r, UINT64_MAX, 64 << 20));
        add(r, 2 * (uint64_t)SLICE_MAX + 5, 65536);
        fill_end(r, FILL_CUT);
        cr_assert_eq(drain(r, 1 << 20), FILL_BROKEN);
        cr_assert_eq(r->at, added, "what came is given");
        fill_leave(&r);
        cr_assert_not(found(added));
}

/* ---- many readers --------------------------------------------------------------------------------------------------
 */

Test(fill, who_comes_later_joins_and_reads_from_the_start)
{
        struct fill_reader *leader = enter(fills, true), *early = enter(fills, false), *late;
        uint64_t half = 5 * (uint64_t)SLICE_MAX / 2;

        cr_assert_eq(fill_look(early), FILL_ASKED);
        cr_assert(arrive(leader, 2 * half, 64 << 20));
        cr_assert_eq(deliver(), 1, "the head has come");
        cr_assert_eq(fill_look(early), FILL_ARRIVING);
        cr_assert_eq(fill_head(early)->length, 2 * half);
        cr_assert_eq(drain(early, 1000), FILL_MORE);
        add(leader, half, 65521);
        cr_assert_eq(deliver(), 1, "something new");
        cr_assert_eq(drain(early, 1000), FILL_MORE);
        cr_assert_eq(early->at, half);
        store_sync(store); /* memory lets go of the slices */
        late = enter(fills, false);
        cr_assert_eq(drain(late, 1 << 20), FILL_MORE);
        add(leader, half, 65521);
        cr_assert(fill_finish(leader, NULL, NULL));
        cr_assert_eq(deliver(), 2);
        cr_assert_eq(drain(early, 1000), FILL_END);
        cr_assert_eq(drain(late, 1 << 20), FILL_END);
        fill_leave(&leader);
        fill_leave(&early);
        fill_leave(&late);
        cr_assert(found(2 * half));
        leader = enter(fills, true); /* a whole one is found in the store, not here */
        fill_leave(&leader);
}

Test(fill, readers_go_on_when_the_leader_has_left_a_whole_fill)
{
        struct fill_reader *leader = enter(fills, true), *other = enter(fills, false);

        cr_assert(arrive(leader, UINT64_MAX, 64 << 20));
        add(leader, 3000000, 65521);
        cr_assert(fill_finish(leader, NULL, NULL));
        fill_leave(&leader);
        store_sync(store);
        cr_assert_eq(drain(other, 1 << 20), FILL_END);
        cr_assert_eq(other->at, 3000000);
        fill_leave(&other);
}

Test(fill, all_are_released_where_nothing_can_be_shared)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false), *b = enter(fills, false);

        cr_assert_eq(fill_look(a), FILL_ASKED);
        cr_assert_eq(fill_look(b), FILL_ASKED);
        fill_leave(&leader);
        cr_assert_eq(deliver(), 2, "at once, not one after the other");
        cr_assert_eq(fill_look(a), FILL_RELEASED);
        cr_assert_eq(fill_look(b), FILL_RELEASED);
        fill_leave(&a);
        fill_leave(&b);
}

Test(fill, all_look_again_where_what_is_stored_was_made_good)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false);

        fill_end(leader, FILL_ANEW);
        fill_leave(&leader);
        cr_assert_eq(fill_look(a), FILL_ANEW);
        fill_leave(&a);
}

Test(fill, a_leader_who_leaves_in_the_middle_cuts_it)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false);

        cr_assert(arrive(leader, 1000, 64 << 20));
        add(leader, 500, 500);
        fill_leave(&leader);
        cr_assert_eq(fill_look(a), FILL_CUT);
        cr_assert_eq(drain(a, 1000), FILL_BROKEN);
        cr_assert_eq(a->at, 500);
        fill_leave(&a);
}

Test(fill, a_leader_without_a_client_hears_when_it_leads_for_nobody)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false);

        cr_assert(fill_deafen(leader, 1000));
        fill_leave(&a);
        cr_assert_eq(deliver(), 1);
        cr_assert_not(fill_deafen(leader, 1000));
        fill_leave(&leader);
}

Test(fill, what_a_leader_is_about_to_leave_is_joined_by_nobody)
{
        struct fill_reader *leader = enter(fills, true), *next;

        arrive(leader, 3 << 20, UINT64_MAX);
        add(leader, 1000, 1000);
        cr_assert_not(fill_deafen(leader, 1000));
        next = enter(fills, true);
        fill_leave(&leader);
        cr_expect_eq(fill_look(next), FILL_ASKED);
        fill_leave(&next);
}

Test(fill, what_drips_for_nobody_is_joined_by_nobody)
{
        struct fill_reader *leader = enter(fills, true), *next;

        arrive(leader, 3 << 20, UINT64_MAX);
        cr_assert_not(fill_drips(leader, 1000));
        cr_assert(fill_drips(leader, 1100));
        next = enter(fills, true);
        fill_leave(&leader);
        fill_leave(&next);
}

Test(fill, who_has_left_is_not_woken)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false);

        cr_assert_eq(fill_look(a), FILL_ASKED);
        cr_assert(arrive(leader, 10, 64 << 20));
        fill_leave(&a); /* its note is on its way */
        cr_assert_eq(deliver(), 0);
        fill_leave(&leader);
}

Test(fill, eight_readers_are_a_crowd)
{
        struct fill_reader *readers[8] = {enter(fills, true)};

        for (size_t i = 1; i < 8; i++) {
                cr_expect_not(fill_crowded(readers[0]));
                readers[i] = enter(fills, false);
        }
        cr_expect(fill_crowded(readers[0]));
        fill_leave(&readers[7]);
        cr_expect_not(fill_crowded(readers[0]));
        for (size_t i = 0; i < 7; i++)
                fill_leave(&readers[i]);
}

Test(fill, one_of_ones_own_is_found_by_nobody)
{
        struct fill_reader *alone = enter(NULL, true), *leader = enter(fills, true);

        fill_leave(&alone);
        fill_leave(&leader);
}

Test(fill, what_is_noted_of_a_key_is_remembered_until_it_is_not_so)
{
        struct key other;

        key_of_text(&other, SPAN("http://a:80/y @192.0.2.1"));
        cr_assert_not(fills_noted(fills, NOTED_UNSHAREABLE, &key));
        fills_note(fills, NOTED_UNSHAREABLE, &key, true);
        cr_assert(fills_noted(fills, NOTED_UNSHAREABLE, &key));
        cr_assert_not(fills_noted(fills, NOTED_UNSPARSE, &key));
        fills_note(fills, NOTED_UNSHAREABLE, &other, false);
        cr_assert(fills_noted(fills, NOTED_UNSHAREABLE, &key));
        cr_assert_not(fills_noted(fills, NOTED_UNSHAREABLE, &other));
        fills_note(fills, NOTED_UNSHAREABLE, &key, false);
        cr_assert_not(fills_noted(fills, NOTED_UNSHAREABLE, &key));
}

/* ---- pace and memory -----------------------------------------------------------------------------------------------
 */

Test(fill, the_leader_waits_where_nobody_wants_more_and_is_woken)
{
        struct fill_reader *leader = enter(fills, true), *a = enter(fills, false);
        uint64_t extent;
        struct span bytes;

        cr_assert(arrive(leader, UINT64_MAX, 64 << 20));
        while (fill_room(leader))
                add(leader, 65536, 65536);
        cr_assert_leq(added, (2 << 20) + 65536);
        cr_assert_eq(deliver(), 0);
        while (fill_read(a, &bytes, &extent) == FILL_STORED)
                fill_took(a, read_store(fill_id(a), a->at, extent));
        fill_took(a, bytes.len);
        store_sync(store);
        cr_assert_eq(deliver(), 1);
        cr_assert(fill_room(leader), "one fast reader is enough");
        fill_leave(&a);
        fill_leave(&leader);
}

Test(fill, a_slow_reader_of_what_is_not_stored_holds_the_leader_and_not_memory)
{
        struct fill_reader *leader = enter(fills, true), *slow = enter(fills, false);
        struct span bytes;
        uint64_t extent;

        cr_assert(arrive(leader, UINT64_MAX, 1000));
        while (fill_room(leader)) {
                add(leader, 65536, 65536);
                cr_assert_eq(drain(leader, 1 << 20), FILL_MORE);
        }
        cr_assert_leq(added, (16 << 20) + 65536);
        cr_assert_eq(fill_read(slow, &bytes, &extent), FILL_BYTES, "all of it is there");
        fill_took(slow, 0);
        cr_assert_eq(drain(slow, 1 << 20), FILL_MORE);
        cr_assert_geq(deliver(), 1);
        cr_assert(fill_room(leader));
        fill_leave(&slow);
        fill_leave(&leader);
}

/* A fill that nobody else finds, of so many bytes that are not stored, and that its reader has not had yet. */
static struct fill_reader *unread(uint64_t bytes)
{
        struct fill_reader *r = enter(NULL, true);

        added = 0;
        cr_assert(arrive(r, UINT64_MAX, 1000));
        add(r, bytes, 65536);
        return r;
}

Test(fill, all_together_have_so_much_memory)
{
        struct fill_reader *first, *second, *late = enter(NULL, true);

        fills_free(&fills);
        fills = fills_new(4 << 20);
        first = unread(2 * SLICE_MAX);
        second = unread(SLICE_MAX);
        cr_expect(arrive(late, 1 << 20, 64 << 20), "there is some left");
        add(late, 1, 1);
        fill_leave(&late);
        add(second, 2 * SLICE_MAX, 65536);
        late = enter(NULL, true);
        cr_expect_not(arrive(late, UINT64_MAX, 64 << 20));
        cr_expect_not(arrive(late, 1 << 20, 64 << 20));
        cr_expect(arrive(late, 10000, 64 << 20), "a small one is no matter");
        fill_leave(&late);
        fill_leave(&first);
        late = enter(NULL, true);
        cr_expect(arrive(late, UINT64_MAX, 64 << 20), "what has been given back can be had");
        fill_leave(&late);
        fill_leave(&second);
}

static bool arrive_for(struct fill_reader *r, const union address *client)
{
        struct fill_head head = {
                .stored = {.status = 200, .lifetime = 60, .last_modified = -1}, .length = UINT64_MAX, .client = client};

        return fill_arrives(r, fills, store, &head, 1000) == NULL; /* more is not stored */
}

Test(fill, one_client_has_a_quarter_of_the_memory)
{
        union address one = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = 1}};
        union address other = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = 2}};
        struct fill_reader *first = enter(NULL, true), *second = enter(NULL, true), *late = enter(NULL, true);

        fills_free(&fills);
        fills = fills_new(8 << 20);
        cr_assert(arrive_for(first, &one));
        add(first, SLICE_MAX / 2, 65536);
        added = 0;
        cr_assert(arrive_for(second, &one), "a part of its share is left");
        add(second, SLICE_MAX + 1000, 65536);
        cr_expect_not(arrive_for(late, &one));
        cr_expect(arrive_for(late, &other), "who is as well off as before");
        fill_leave(&late);
        fill_leave(&second);
        late = enter(NULL, true);
        cr_expect(arrive_for(late, &one), "what has been given back can be had");
        fill_leave(&late);
        fill_leave(&first);
}

Test(fill, where_memory_is_short_slow_readers_hold_less_of_it)
{
        struct fill_reader *leader, *slow, *other;

        fills_free(&fills);
        fills = fills_new(4 << 20);
        leader = enter(fills, true);
        slow = enter(fills, false);
        cr_assert(arrive(leader, UINT64_MAX, 1000));
        add(leader, 2 * SLICE_MAX, 65536);
        cr_assert_eq(drain(leader, 1 << 20), FILL_MORE);
        cr_expect(fill_room(leader));
        other = unread(2 * SLICE_MAX);
        cr_expect_not(fill_room(leader));
        fill_leave(&other);
        cr_expect(fill_room(leader));
        fill_leave(&slow);
        fill_leave(&leader);
}

Test(fill, nobody_joins_what_is_no_longer_stored)
{
        struct fill_reader *leader = enter(fills, true), *late;

        cr_assert(arrive(leader, UINT64_MAX, 1000));
        add(leader, 2000, 1000);
        late = enter(fills, true);
        fill_leave(&leader);
        fill_leave(&late);
}

/* ---- parts ---------------------------------------------------------------------------------------------------------
 */

Test(fill, who_wants_a_part_reads_just_that_and_waits_until_it_has_come)
{
        struct fill_reader *leader = enter(fills, true), *r;

        cr_assert_null(fills_join(fills, &(struct key){.text = SPAN("other")}, worker, woken, &wakes));
        r = fills_join(fills, &key, worker, woken, &wakes);
        cr_assert_not_null(r);
        cr_assert(arrive(leader, 4 << 20, 64 << 20));
        fill_seek(r, 2000000, 2100000);
        add(leader, 1500000, 70000);
        cr_expect_eq(fill_arrived(r), 1500000);
        cr_expect_eq(drain(r, 1 << 20), FILL_MORE);
        cr_assert_eq(r->at, 2000000);
        cr_assert(fill_room(leader), "what is wanted lies ahead");
        add(leader, 1500000, 70000);
        cr_expect_geq(deliver(), 1);
        cr_expect_eq(drain(r, 1 << 20), FILL_END);
        cr_assert_eq(r->at, 2100000);
        fill_leave(&r);
        fill_leave(&leader);
}

static struct fill_reader *lead_tagged(uint64_t length, struct span etag)
{
        struct fill_reader *leader = enter(fills, true);
        struct fill_head head = {.stored = {.status = 200, .lifetime = 60, .last_modified = -1, .etag = etag},
                                 .length = length};

        cr_assert_null(fill_arrives(leader, fills, store, &head, 64 << 20));
        return leader;
}

static uint64_t sparse_bytes(void)
{
        struct found f;
        uint64_t bytes = 0;

        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        if (reader_find(reader, &key, &request, true, &f) == FIND_HIT && f.stored.flags & STORED_SPARSE)
                bytes = reader_gap_end(reader, f.id, 0, 1) == 1 ? f.length : 0;
        reader_end(reader);
        return bytes;
}

Test(fill, what_is_cut_is_kept_as_a_part_under_a_strong_validator_alone)
{
        static const struct span tags[] = {{"W/\"v\"", 5}, {NULL, 0}, {"\"v\"", 3}};

        for (size_t i = 0; i < 3; i++) {
                struct fill_reader *leader = lead_tagged(4 << 20, tags[i]);

                added = 0;
                add(leader, 2500000, 70000);
                cr_expect_eq(fill_keep(leader, NULL, NULL), i == 2);
                fill_end(leader, FILL_CUT);
                fill_leave(&leader);
                cr_expect_eq(sparse_bytes(), i == 2 ? 4U << 20 : 0);
        }
}

/* Holds the store's writer until a byte comes through the pipe. */
static int gate[2];

static void wait_at_gate(void *context, int error)
{
        char byte;

        (void)context;
        (void)error;
        cr_assert_eq(read(gate[0], &byte, 1), 1);
}

static uint64_t gap_at(uint64_t at)
{
        struct found f;
        uint64_t end = 0;

        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        if (reader_find(reader, &key, &request, true, &f) == FIND_HIT && f.stored.flags & STORED_SPARSE)
                end = reader_gap_end(reader, f.id, at, f.length);
        reader_end(reader);
        return end;
}

/* The writer is held while three slices and more come, of which two find room. */
static void outrun(struct span etag, uint64_t whole, bool stored)
{
        struct fill_reader *leader, *slow;

        reopen_with_queue(512 << 20, 5 * SLICE_MAX / 2);
        cr_assert_eq(pipe(gate), 0);
        cr_assert_eq(store_after(store, wait_at_gate, NULL), 0);
        leader = lead_tagged(whole, etag);
        slow = enter(fills, false);
        added = 0;
        add(leader, 4 * (uint64_t)SLICE_MAX, SLICE_UNIT);
        cr_assert_eq(write(gate[1], "", 1), 1);
        cr_expect_eq(fill_storing(leader), stored);
        store_sync(store);
        add(leader, whole - added, SLICE_UNIT);
        cr_expect_eq(fill_finish(leader, NULL, NULL), stored);
        cr_expect_eq(drain(slow, 1 << 20), FILL_END, "who reads misses nothing");
        cr_expect_eq(slow->at, whole);
        fill_leave(&leader);
        fill_leave(&slow);
        close(gate[0]);
        close(gate[1]);
}

Test(fill, what_the_store_cannot_keep_up_with_is_left_out_and_the_rest_is_stored)
{
        outrun(SPAN("\"v\""), 20 * (uint64_t)SLICE_MAX, true);
        cr_expect_eq(gap_at(2 * (uint64_t)SLICE_MAX), 18 * (uint64_t)SLICE_MAX,
                     "one gap, up to where it is tried again");
        cr_expect_eq(read_store(1, SLICE_MAX, SLICE_UNIT), SLICE_UNIT);
        cr_expect_eq(read_store(1, 18 * (uint64_t)SLICE_MAX, SLICE_UNIT), SLICE_UNIT);
}

Test(fill, without_a_strong_validator_nothing_is_left_out)
{
        outrun(SPAN("W/\"v\""), 4 * (uint64_t)SLICE_MAX + 100, false);
        cr_expect_not(found(4 * (uint64_t)SLICE_MAX + 100));
}

Test(fill, what_is_cut_is_kept_to_its_last_byte)
{
        struct fill_reader *leader = lead_tagged(4 << 20, SPAN("\"v\""));

        add(leader, 900000, 70000); /* not yet a slice */
        cr_expect(fill_keep(leader, NULL, NULL));
        fill_leave(&leader);
        cr_expect_eq(sparse_bytes(), 4 << 20);
        cr_expect_eq(gap_at(900000), 4 << 20);
        cr_expect_eq(read_store(1, 899999, 1), 1);
}

Test(fill, of_nothing_nothing_is_kept)
{
        struct fill_reader *leader = lead_tagged(4 << 20, SPAN("\"v\""));

        cr_expect_not(fill_keep(leader, NULL, NULL));
        fill_leave(&leader);
        cr_expect_eq(sparse_bytes(), 0);
}

Test(fill, what_is_nearly_whole_is_finished_for_nobody)
{
        struct fill_reader *leader = lead_tagged(20 << 20, SPAN("\"v\""));

        add(leader, 17 << 20, 70000);
        cr_expect_not(fill_deafen(leader, 1000), "a seventh is missing");
        add(leader, 3 << 19, 70000);
        cr_expect(fill_deafen(leader, 1000), "less than a tenth is");
        fill_leave(&leader);
        leader = lead_tagged(4 << 20, SPAN("\"v\""));
        added = 0;
        add(leader, (3 << 20) - 1, 70000);
        cr_expect_not(fill_deafen(leader, 1000));
        add(leader, 1, 1);
        cr_expect(fill_deafen(leader, 1000), "a MiB is");
        fill_leave(&leader);
}

Test(fill, who_drips_is_left_where_nobody_waits)
{
        struct fill_reader *leader = lead_tagged(4 << 20, SPAN("\"v\"")), *other = NULL;

        add(leader, 3 << 20, 70000);
        cr_expect(fill_deafen(leader, 1000));
        add(leader, 1000, 1000);
        cr_expect(fill_deafen(leader, 1029), "it still may be quick");
        other = enter(fills, false);
        cr_expect(fill_deafen(leader, 1060), "for others it is as slow as it is");
        fill_leave(&other);
        cr_expect(fill_deafen(leader, 1070));
        cr_expect(fill_deafen(leader, 1099));
        cr_expect_not(fill_deafen(leader, 1100));
        fill_leave(&leader);
}

Test(fill, who_is_quick_is_listened_to_for_long)
{
        struct fill_reader *leader = lead_tagged(30 << 20, SPAN("\"v\""));

        add(leader, 27 << 20, 70000);
        cr_expect(fill_deafen(leader, 1000));
        for (int64_t now = 1030; now < 1090; now += 30) {
                add(leader, 1 << 20, 70000);
                cr_expect(fill_deafen(leader, now));
        }
        add(leader, (1 << 20) - 1, 70000);
        cr_expect_not(fill_deafen(leader, 1090));
        fill_leave(&leader);
}

Test(fill, nobody_is_waited_for_by_who_leads_for_nobody)
{
        struct fill_reader *leader = lead_tagged(4 << 20, SPAN("\"v\"")), *other = enter(fills, false);

        add(leader, 3 << 20, 70000);
        cr_expect_not(fill_room(leader), "its client has read nothing yet");
        cr_expect(fill_deafen(leader, 1000));
        cr_expect_not(fill_room(leader), "nor has the other's");
        fill_leave(&other);
        cr_expect(fill_deafen(leader, 1000), "a MiB is missing");
        cr_expect(fill_room(leader));
        fill_leave(&leader);
}

Test(fill, a_host_that_ignores_ranges_is_remembered_for_ten_minutes)
{
        cr_expect_not(fills_host_ignores_range(fills, &key, 1000));
        fills_note_host(fills, &key, 60000, true);
        cr_expect(fills_host_ignores_range(fills, &key, 60000 + 599));
        cr_expect_not(fills_host_ignores_range(fills, &key, 60000 + 600));
        fills_note_host(fills, &key, 60000, false);
        cr_expect_not(fills_host_ignores_range(fills, &key, 60000));
}
