/* proxy/bindings.c: what is bound, for how long, and that looking while others learn is sound. */
#include "proxy/bindings.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/address.h"

enum { NOW = 1700000000 };

static union address at(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET}};

        if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
                return a;
        a = (union address){.in6 = {.sin6_family = AF_INET6}};
        cr_assert_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
        return a;
}

static void learn(struct bindings *b, const char *host, const char *address, uint32_t ttl, int64_t now)
{
        union address a = at(address);

        bindings_learn(b, (struct span){host, strlen(host)}, &a.sa, ttl, now);
}

static enum binding look(struct bindings *b, const char *host, const char *address, int64_t now)
{
        union address a = at(address);

        return bindings_look(b, (struct span){host, strlen(host)}, &a.sa, now);
}

Test(bindings, nothing_is_bound_before_it_is_learnt)
{
        struct bindings *b = bindings_new(100);

        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW), BINDING_NONE);
        cr_assert_eq(bindings_count(b, NOW), 0);
        bindings_free(b);
        bindings_free(NULL);
}

Test(bindings, a_pair_of_host_and_address_is_bound_and_no_other)
{
        struct bindings *b = bindings_new(100);

        learn(b, "a.test", "192.0.2.1", 60, NOW);
        learn(b, "a.test", "2001:db8::1", 60, NOW);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW), BINDING_BOUND);
        cr_assert_eq(look(b, "a.test", "2001:db8::1", NOW), BINDING_BOUND);
        cr_assert_eq(look(b, "a.test", "192.0.2.2", NOW), BINDING_NONE);
        cr_assert_eq(look(b, "a.test", "2001:db8::2", NOW), BINDING_NONE);
        cr_assert_eq(look(b, "b.test", "192.0.2.1", NOW), BINDING_NONE);
        cr_assert_eq(look(b, "www.a.test", "192.0.2.1", NOW), BINDING_NONE);
        cr_assert_eq(bindings_count(b, NOW), 2);
        bindings_free(b);
}

Test(bindings, case_of_a_host_and_port_of_an_address_do_not_count)
{
        struct bindings *b = bindings_new(100);
        union address a = at("192.0.2.1");

        learn(b, "A.Test", "192.0.2.1", 60, NOW);
        address_set_port(&a, 8080);
        cr_assert_eq(bindings_look(b, SPAN("a.tEST"), &a.sa, NOW), BINDING_BOUND);
        bindings_free(b);
}

Test(bindings, bound_for_the_ttl_then_readable_for_the_grace_period)
{
        struct bindings *b = bindings_new(100);

        learn(b, "a.test", "192.0.2.1", 60, NOW);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 59), BINDING_BOUND);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 60), BINDING_GRACE);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 60 + BINDINGS_GRACE - 1), BINDING_GRACE);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 60 + BINDINGS_GRACE), BINDING_NONE);
        cr_assert_eq(bindings_count(b, NOW + 60), 0);
        bindings_free(b);
}

Test(bindings, the_answer_that_holds_longest_counts)
{
        struct bindings *b = bindings_new(100);

        learn(b, "a.test", "192.0.2.1", 600, NOW);
        learn(b, "a.test", "192.0.2.1", 60, NOW + 1);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 599), BINDING_BOUND);
        learn(b, "a.test", "192.0.2.1", 600, NOW + 300);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 899), BINDING_BOUND);
        cr_assert_eq(bindings_count(b, NOW), 1);
        bindings_free(b);
}

Test(bindings, a_ttl_has_bounds)
{
        struct bindings *b = bindings_new(100);

        learn(b, "none.test", "192.0.2.1", 0, NOW);
        learn(b, "ever.test", "192.0.2.1", UINT32_MAX, NOW);
        cr_assert_eq(look(b, "none.test", "192.0.2.1", NOW + BINDINGS_TTL_LEAST - 1), BINDING_BOUND);
        cr_assert_eq(look(b, "none.test", "192.0.2.1", NOW + BINDINGS_TTL_LEAST), BINDING_GRACE);
        cr_assert_eq(look(b, "ever.test", "192.0.2.1", NOW + BINDINGS_TTL_MOST), BINDING_GRACE);
        bindings_free(b);
}

Test(bindings, names_that_dns_cannot_have_are_not_learnt)
{
        struct bindings *b = bindings_new(100);
        union address a = at("192.0.2.1"), none = {.sa = {.sa_family = AF_UNIX}};
        char name[300];

        memset(name, 'x', sizeof name);
        bindings_learn(b, (struct span){name, 254}, &a.sa, 60, NOW);
        bindings_learn(b, (struct span){name, 0}, &a.sa, 60, NOW);
        bindings_learn(b, SPAN("a.test"), &none.sa, 60, NOW);
        cr_assert_eq(bindings_look(b, (struct span){name, 254}, &a.sa, NOW), BINDING_NONE);
        cr_assert_eq(bindings_look(b, (struct span){name, 0}, &a.sa, NOW), BINDING_NONE);
        cr_assert_eq(bindings_look(b, SPAN("a.test"), &none.sa, NOW), BINDING_NONE);
        cr_assert_eq(bindings_count(b, NOW), 0);
        bindings_learn(b, (struct span){name, 253}, &a.sa, 60, NOW);
        cr_assert_eq(bindings_look(b, (struct span){name, 253}, &a.sa, NOW), BINDING_BOUND);
        bindings_free(b);
}

Test(bindings, where_it_is_full_the_oldest_goes)
{
        struct bindings *b = bindings_new(8);
        char host[32];

        for (int i = 0; i < 9; i++) {
                snprintf(host, sizeof host, "h%d.test", i);
                learn(b, host, "192.0.2.1", 60, NOW + i);
        }
        cr_assert_eq(look(b, "h0.test", "192.0.2.1", NOW + 9), BINDING_NONE);
        for (int i = 1; i < 9; i++) {
                snprintf(host, sizeof host, "h%d.test", i);
                cr_assert_eq(look(b, host, "192.0.2.1", NOW + 9), BINDING_BOUND, "%s", host);
        }
        bindings_free(b);
}

Test(bindings, a_flood_of_names_stays_within_the_bound)
{
        struct bindings *b = bindings_new(1000);
        char host[32];

        for (int i = 0; i < 100000; i++) {
                snprintf(host, sizeof host, "h%d.test", i);
                learn(b, host, "192.0.2.1", 60, NOW);
        }
        cr_assert_eq(bindings_count(b, NOW), 1000);
        cr_assert_null(bindings_new(0));
        cr_assert_null(bindings_new(SIZE_MAX));
        bindings_free(b);
}

/* ---- looking while others learn ------------------------------------------------------------------------------------
 */

struct race {
        struct bindings *bindings;
        _Atomic bool stop;
        _Atomic unsigned long wrong;
};

/* a.test is learnt again and again, and stays bound all the while; odd names are never learnt. */
static void *looks(void *argument)
{
        struct race *r = argument;
        char host[32];

        for (unsigned i = 0; !atomic_load(&r->stop); i++) {
                snprintf(host, sizeof host, "h%u.test", 2 * (i % 64) + 1);
                if (look(r->bindings, "a.test", "192.0.2.1", NOW) != BINDING_BOUND ||
                    look(r->bindings, host, "192.0.2.1", NOW) != BINDING_NONE)
                        atomic_fetch_add(&r->wrong, 1);
        }
        return NULL;
}

Test(bindings, looking_while_others_learn)
{
        struct race r = {.bindings = bindings_new(16)};
        pthread_t threads[2];
        char host[32];

        learn(r.bindings, "a.test", "192.0.2.1", 20000, NOW);
        for (int i = 0; i < 2; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, looks, &r), 0);
        for (uint32_t i = 0; i < 20000; i++) {
                snprintf(host, sizeof host, "h%u.test", 2 * (i % 64));
                learn(r.bindings, host, "192.0.2.1", 60, NOW);
                learn(r.bindings, "a.test", "192.0.2.1", 20000 + i, NOW);
        }
        atomic_store(&r.stop, true);
        for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        cr_assert_eq(r.wrong, 0);
        bindings_free(r.bindings);
}

/* ---- over restarts -------------------------------------------------------------------------------------------------
 */

static char *saved(size_t *len)
{
        struct bindings *b = bindings_new(100);
        char *bytes = NULL;
        FILE *f = open_memstream(&bytes, len);

        learn(b, "a.test", "192.0.2.1", 60, NOW);
        learn(b, "a.test", "2001:db8::1", 600, NOW);
        cr_assert_eq(bindings_save(b, f), 0);
        fclose(f);
        bindings_free(b);
        return bytes;
}

static int load(struct bindings *b, char *bytes, size_t len)
{
        FILE *f = fmemopen(len ? bytes : (char[]){0}, len ? len : 1, "r");
        int error;

        if (!len)
                fgetc(f);
        error = bindings_load(b, f);
        fclose(f);
        return error;
}

Test(bindings, what_is_saved_is_bound_again)
{
        struct bindings *b = bindings_new(1000);
        size_t len;
        char *bytes = saved(&len);

        cr_assert_eq(load(b, bytes, len), 0);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 59), BINDING_BOUND);
        cr_assert_eq(look(b, "a.test", "192.0.2.1", NOW + 60), BINDING_GRACE);
        cr_assert_eq(look(b, "a.test", "2001:db8::1", NOW + 60), BINDING_BOUND);
        cr_assert_eq(look(b, "b.test", "192.0.2.1", NOW), BINDING_NONE);
        bindings_free(b);
        free(bytes);
}

Test(bindings, what_is_damaged_is_not_taken)
{
        struct bindings *b = bindings_new(100);
        size_t len;
        char *bytes = saved(&len);

        for (size_t i = 0; i < len; i++) {
                cr_assert_eq(load(b, bytes, i), EINVAL, "cut at %zu", i);
                bytes[i] ^= 0x10;
                cr_assert_eq(load(b, bytes, len), EINVAL, "byte %zu", i);
                bytes[i] ^= 0x10;
        }
        cr_assert_eq(bindings_count(b, NOW), 0);
        cr_assert_eq(load(b, bytes, len), 0);
        bindings_free(b);
        free(bytes);
}
