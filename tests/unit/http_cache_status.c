/* http/cache_status.c: members as RFC 9211 §2 writes them. */
#include <criterion/criterion.h>

#include "http/cache_status.h"

static void is(const struct cache_status *s, const char *expected)
{
        char text[CACHE_STATUS_MAX];
        struct out o = {.at = text, .cap = sizeof text};

        cache_status(&o, s);
        cr_assert_not(o.overflow);
        cr_assert(span_equal((struct span){o.at, o.len}, (struct span){expected, strlen(expected)}), "%.*s", (int)o.len,
                  o.at);
}

Test(cache_status, a_hit_says_how_long_it_stays_fresh)
{
        is(&(struct cache_status){.hit = true, .has_ttl = true, .ttl = 30}, "Limpid; hit; ttl=30");
        is(&(struct cache_status){.hit = true, .has_ttl = true, .ttl = -5}, "Limpid; hit; ttl=-5");
        is(&(struct cache_status){.hit = true, .has_ttl = true, .ttl = INT64_MIN}, "Limpid; hit; ttl=-999999999999999");
}

Test(cache_status, a_forward_says_why_and_what_came_of_it)
{
        is(&(struct cache_status){.fwd = "uri-miss", .fwd_status = 200, .stored = true},
           "Limpid; fwd=uri-miss; fwd-status=200; stored");
        is(&(struct cache_status){.fwd = "bypass", .fwd_status = 404, .collapsed = true},
           "Limpid; fwd=bypass; fwd-status=404; collapsed");
}

Test(cache_status, a_detail_is_a_quoted_string)
{
        is(&(struct cache_status){.fwd = "miss", .detail = "say \"no\" \\ \n\xff"},
           "Limpid; fwd=miss; detail=\"say \\\"no\\\" \\\\ \"");
}

Test(cache_status, the_key_is_a_quoted_string_unless_it_is_too_long)
{
        char key[CACHE_STATUS_MAX / 2];

        memset(key, '"', sizeof key);
        is(&(struct cache_status){.hit = true, .key = SPAN("http://a:80/\"b @192.0.2.1"), .detail = "x"},
           "Limpid; hit; key=\"http://a:80/\\\"b @192.0.2.1\"; detail=\"x\"");
        is(&(struct cache_status){.hit = true, .key = {key, sizeof key}}, "Limpid; hit");
}
