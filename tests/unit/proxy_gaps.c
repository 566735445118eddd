/* Claims on parts that are being fetched, who waits for them, and rows of pieces. */
#include "proxy/gaps.h"

#include <criterion/criterion.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/sigbus.h"
#include "proxy/worker.h"

void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

enum { MIB = 1 << 20 };

static struct gaps *gaps;
static struct key key, other;
static struct worker worker;

static void set_up(void)
{
        gaps = gaps_new();
        key_of_text(&key, SPAN("http://a:80/"));
        key_of_text(&other, SPAN("http://b:80/"));
        worker.mail_fd = eventfd(0, EFD_NONBLOCK); /* its mail is looked at, not delivered */
        pthread_mutex_init(&worker.mail_lock, NULL);
}

static void tear_down(void)
{
        gaps_free(&gaps);
        close(worker.mail_fd);
}

TestSuite(gaps, .init = set_up, .fini = tear_down);

struct waiter {
        struct gap_wait wait;
        struct note note;
};

/* Whole units are claimed where nothing else is said: all of it is wanted. */
static enum gaps_claimed claim(const struct key *k, uint64_t at, uint64_t *end, struct gap_claim **c, struct waiter *w)
{
        struct gap_part part = {.at = at, .end = *end, .first = at, .past = *end};
        enum gaps_claimed result;

        w->wait = (struct gap_wait){.worker = &worker, .note = &w->note};
        result = gaps_claim(gaps, k, &part, c, &w->wait);
        *end = part.end;
        return result;
}

static bool woken(const struct waiter *w)
{
        for (const struct note *n = worker.mail; n; n = n->next)
                if (n == &w->note)
                        return true;
        return false;
}

Test(gaps, what_is_claimed_is_waited_for_until_it_has_come)
{
        struct gap_claim *c, *d;
        struct waiter first, second, third;
        uint64_t end = 3 * MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &first), GAPS_CLAIMED);
        cr_expect_eq(claim(&key, 10, &end, &d, &second), GAPS_WAIT);
        cr_expect_eq(claim(&key, 2 * MIB, &end, &d, &third), GAPS_WAIT);
        gaps_advance(c, MIB);
        cr_expect(woken(&second) && !woken(&third));
        gaps_unclaim(c);
        cr_expect(woken(&third), "it has ended, however it did");
        cr_assert_eq(claim(&key, 2 * MIB, &end, &c, &first), GAPS_CLAIMED);
        gaps_unclaim(c);
}

Test(gaps, a_claim_ends_where_the_next_one_begins)
{
        struct gap_claim *c, *d, *e;
        struct waiter w;
        uint64_t end = 3 * MIB, before = 5 * MIB, elsewhere = 5 * MIB;

        cr_assert_eq(claim(&key, 2 * MIB, &end, &c, &w), GAPS_CLAIMED);
        cr_assert_eq(claim(&key, MIB, &before, &d, &w), GAPS_CLAIMED);
        cr_expect_eq(before, 2 * MIB);
        cr_assert_eq(claim(&other, MIB, &elsewhere, &e, &w), GAPS_CLAIMED, "of another key");
        cr_expect_eq(elsewhere, 5 * MIB);
        gaps_unclaim(c);
        gaps_unclaim(d);
        gaps_unclaim(e);
}

/* Consecutive ranges over parallel connections: the unit on their border is fetched by both, as far as each wants it.
 */
Test(gaps, neighbours_do_not_wait_for_the_unit_they_share)
{
        struct gap_part first = {0, 10 * SLICE_UNIT, 0, 10 * SLICE_UNIT - 500}, middle, last;
        struct gap_claim *c, *d, *e;

        cr_assert_eq(gaps_claim(gaps, &key, &first, &c, NULL), GAPS_CLAIMED);
        last = (struct gap_part){19 * SLICE_UNIT, 30 * SLICE_UNIT, 19 * SLICE_UNIT + 70, 30 * SLICE_UNIT};
        cr_assert_eq(gaps_claim(gaps, &key, &last, &d, NULL), GAPS_CLAIMED);
        middle = (struct gap_part){9 * SLICE_UNIT, 20 * SLICE_UNIT, 10 * SLICE_UNIT - 500, 19 * SLICE_UNIT + 70};
        cr_assert_eq(gaps_claim(gaps, &key, &middle, &e, NULL), GAPS_CLAIMED);
        cr_expect_eq(middle.at, 10 * SLICE_UNIT - 500);
        cr_expect_eq(middle.end, 19 * SLICE_UNIT + 70);
        gaps_unclaim(c);
        gaps_unclaim(d);
        gaps_unclaim(e);
}

Test(gaps, a_claim_lasts_as_long_as_one_holds_it)
{
        struct gap_claim *c, *d;
        struct waiter w;
        uint64_t end = MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &w), GAPS_CLAIMED);
        gaps_hold(c);
        gaps_unclaim(c);
        cr_expect_eq(claim(&key, 0, &end, &d, &w), GAPS_WAIT);
        gaps_unclaim(c);
        cr_expect(woken(&w));
}

Test(gaps, what_is_far_ahead_is_not_waited_for)
{
        struct gap_claim *c, *d;
        struct waiter w;
        uint64_t end = UINT64_MAX, part = 101 * MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &w), GAPS_CLAIMED);
        cr_assert_eq(claim(&key, 100 * MIB, &part, &d, &w), GAPS_CLAIMED);
        gaps_unclaim(c);
        gaps_unclaim(d);
}

Test(gaps, who_waits_no_longer_is_not_woken)
{
        struct gap_claim *c, *d;
        struct waiter w;
        uint64_t end = MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &w), GAPS_CLAIMED);
        cr_assert_eq(claim(&key, 0, &end, &d, &w), GAPS_WAIT);
        cr_expect(gaps_cancel(gaps, &w.wait));
        cr_expect_not(gaps_cancel(gaps, &w.wait));
        gaps_unclaim(c);
        cr_expect_not(woken(&w));
}

Test(gaps, who_asks_without_waiting_is_not_remembered)
{
        struct gap_claim *c, *d;
        struct waiter w;
        uint64_t end = MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &w), GAPS_CLAIMED);
        cr_expect_eq(gaps_claim(gaps, &key, &(struct gap_part){0, MIB, 0, MIB}, &d, NULL), GAPS_WAIT);
        gaps_unclaim(c);
        cr_expect_null(worker.mail);
}

static void count_wake(void *argument)
{
        ++*(unsigned *)argument;
}

/* Delivers the mail that is for no waiter. */
static void deliver_to_leader(void)
{
        struct note *mail = worker.mail, *next;

        worker.mail = NULL;
        for (; mail; mail = next) {
                next = mail->next;
                if (mail->deliver)
                        mail->deliver(mail);
        }
}

/* A claim on all of the key's body, whose fetcher counts in `told` how often it is told. */
static struct gap_claim *lead(unsigned *told)
{
        struct gap_claim *c = NULL;
        struct waiter w;
        uint64_t end = 3 * MIB;

        cr_assert_eq(claim(&key, 0, &end, &c, &w), GAPS_CLAIMED);
        gaps_lead(c, &worker, count_wake, told);
        return c;
}

Test(gaps, who_fetches_is_told_of_those_who_wait)
{
        struct gap_claim *c, *d;
        struct waiter first, second = {0}, third = {0};
        uint64_t end = 3 * MIB;
        unsigned told = 0;

        cr_assert_eq(claim(&key, 0, &end, &c, &first), GAPS_CLAIMED);
        cr_expect_eq(gaps_awaited(c), 0);
        gaps_lead(c, &worker, count_wake, &told);
        cr_expect_eq(claim(&key, 2 * MIB, &end, &d, &second), GAPS_WAIT);
        cr_expect_eq(claim(&key, MIB, &end, &d, &third), GAPS_WAIT);
        deliver_to_leader();
        cr_expect_eq(told, 1, "once for all who have come meanwhile");
        cr_expect_eq(gaps_awaited(c), 2 * MIB + 1);
        gaps_unclaim(c);
}

Test(gaps, who_fetches_no_longer_is_not_told)
{
        unsigned told = 0;
        struct gap_claim *c = lead(&told), *d;
        struct waiter second = {0};
        uint64_t end = 3 * MIB;

        cr_expect_eq(claim(&key, MIB, &end, &d, &second), GAPS_WAIT);
        gaps_lead(c, NULL, NULL, NULL);
        gaps_unclaim(c);
        cr_expect_not(woken(&second), "the claim lasts until the note has come");
        deliver_to_leader();
        cr_expect(woken(&second));
        cr_expect_eq(told, 0);
}

Test(gaps, a_small_part_is_awaited_to_its_end)
{
        struct gap_claim *c;
        struct waiter first, w = {0}, beyond = {0};
        uint64_t end = 3 * MIB;

        w.wait = (struct gap_wait){.worker = &worker, .note = &w.note};
        beyond.wait = (struct gap_wait){.worker = &worker, .note = &beyond.note};
        cr_expect_not(gaps_await(gaps, &key, 10, 20, &w.wait), "nobody fetches it");
        cr_assert_eq(claim(&key, 0, &end, &c, &first), GAPS_CLAIMED);
        cr_expect_not(gaps_await(gaps, &key, 10, 20, &w.wait), "it is too large to be kept");
        gaps_cut(c, 1000);
        cr_expect_not(gaps_await(gaps, &key, 10, 1001, &beyond.wait), "not all of it comes");
        cr_expect_not(gaps_await(gaps, &other, 10, 20, &beyond.wait));
        gaps_advance(c, 500);
        cr_expect_not(gaps_await(gaps, &key, 10, 500, &beyond.wait), "it has come");
        cr_assert(gaps_await(gaps, &key, 10, 1000, &w.wait));
        gaps_advance(c, 999);
        cr_expect_not(woken(&w));
        gaps_advance(c, 1000);
        cr_expect(woken(&w));
        gaps_cut(c, 5000);
        cr_expect_not(gaps_await(gaps, &key, 10, 1001, &beyond.wait), "an end never moves on");
        gaps_cut(NULL, 0);
        gaps_unclaim(c);
}

Test(gaps, who_fetches_is_told_when_a_slice_that_lags_has_done)
{
        unsigned told = 0;
        struct gap_claim *c = lead(&told);

        cr_expect_not(gaps_lags(NULL));
        cr_expect_not(gaps_lags(c), "nothing is on its way");
        gaps_hold(c);
        gaps_hold(c);
        gaps_hold(c);
        gaps_unclaim(c);
        cr_expect_null(worker.mail, "nobody has asked");
        cr_expect(gaps_lags(c));
        gaps_unclaim(c);
        deliver_to_leader();
        cr_expect_eq(told, 1);
        cr_expect(gaps_lags(c));
        gaps_unclaim(c);
        cr_expect_not(gaps_lags(c), "but for the note");
        deliver_to_leader();
        cr_expect_eq(told, 2);
        gaps_unclaim(c);
}

Test(gaps, one_note_brings_no_other)
{
        unsigned told = 0;
        struct gap_claim *c = lead(&told), *d;
        struct waiter second = {0};
        uint64_t end = 3 * MIB;

        gaps_hold(c);
        cr_expect_eq(claim(&key, MIB, &end, &d, &second), GAPS_WAIT);
        cr_expect(gaps_lags(c), "a slice does, and the note is on its way");
        deliver_to_leader();
        cr_expect_eq(told, 1);
        cr_expect_null(worker.mail, "until it lags again");
        gaps_unclaim(c);
        gaps_unclaim(c);
}

static bool read_on(uint64_t first, uint64_t end, uint64_t *from, uint64_t *to)
{
        return gaps_read_on(gaps, &key, first, end, from, to);
}

/* Never more than was read, each byte once. */
Test(gaps, the_third_piece_of_a_row_reads_on)
{
        uint64_t from = 0, to = 0;

        cr_expect_not(read_on(0, 100, &from, &to));
        cr_expect_not(read_on(100, 200, &from, &to));
        cr_assert(read_on(200, 300, &from, &to));
        cr_expect(from == 300 && to == 600);
        cr_assert(read_on(300, 400, &from, &to));
        cr_expect(from == 600 && to == 800);
        cr_expect_not(read_on(400, 500, &from, &to), "more is there than half of what has been read");
}

Test(gaps, a_jump_ends_a_row)
{
        uint64_t from, to;

        read_on(0, 100, &from, &to);
        read_on(100, 200, &from, &to);
        cr_expect_not(read_on(500, 600, &from, &to));
        cr_expect_not(read_on(600, 700, &from, &to));
        cr_expect(read_on(700, 800, &from, &to));
}

Test(gaps, large_pieces_do_not_read_on)
{
        uint64_t from, to;

        for (uint64_t at = 0; at < 10 * (2 * MIB); at += 2 * MIB)
                cr_expect_not(read_on(at, at + 2 * MIB, &from, &to));
}

Test(gaps, what_has_just_begun_is_found_by_all_that_it_is)
{
        struct gaps_begun begun = {.id = 7, .total = 100, .variant = 5, .validator_len = 3, .validator = "\"a\""},
                          wanted;

        cr_expect_eq(gaps_find_begun(gaps, &key, &begun), 0);
        gaps_begin(gaps, &key, &begun);
        cr_expect_eq(gaps_find_begun(gaps, &key, &begun), 7);
        cr_expect_eq(gaps_find_begun(gaps, &other, &begun), 0);
        wanted = begun;
        wanted.total = 101;
        cr_expect_eq(gaps_find_begun(gaps, &key, &wanted), 0);
        wanted = begun;
        wanted.variant = 6;
        cr_expect_eq(gaps_find_begun(gaps, &key, &wanted), 0);
        wanted = begun;
        wanted.validator[1] = 'b';
        cr_expect_eq(gaps_find_begun(gaps, &key, &wanted), 0);
        begun.id = 8;
        gaps_begin(gaps, &key, &begun);
        cr_expect_eq(gaps_find_begun(gaps, &key, &begun), 8, "the last one");
}

Test(gaps, keys_that_were_made_to_collide_are_two)
{
        struct gaps_begun begun = {.id = 7, .total = 100, .validator_len = 3, .validator = "\"a\""};

        memcpy(other.hash, key.hash, KEY_HASH);
        gaps_begin(gaps, &key, &begun);
        cr_expect_eq(gaps_find_begun(gaps, &other, &begun), 0);
        cr_expect_eq(gaps_find_begun(gaps, &key, &begun), 7);
}
