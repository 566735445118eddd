/* cache/key.c: what one key stands for, and what it never does. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cache/key.h"

static char buffer[KEY_TEXT_MAX], other_buffer[KEY_TEXT_MAX];

static struct key build(char *at, const char *host, uint16_t port, const char *path, const char *address)
{
        struct sockaddr_in a = {.sin_family = AF_INET};
        struct key k;

        if (address)
                inet_pton(AF_INET, address, &a.sin_addr);
        cr_assert(key_build(&k, at, (struct span){host, strlen(host)}, port, (struct span){path, strlen(path)},
                            address ? KEY_ADDRESS : KEY_PUBLIC, (struct sockaddr *)&a));
        return k;
}

static bool same(const char *host, const char *path, const char *address, const char *host2, const char *path2,
                 const char *address2)
{
        struct key a = build(buffer, host, 80, path, address), b = build(other_buffer, host2, 80, path2, address2);

        return span_equal(a.text, b.text) && memcmp(a.hash, b.hash, KEY_HASH) == 0;
}

Test(key, the_text_names_all_its_parts)
{
        cr_assert(span_equal(build(buffer, "A.Test", 8080, "/x?Y", "192.0.2.1").text,
                             SPAN("http://a.test:8080/x?Y @192.0.2.1")));
        cr_assert(span_equal(build(buffer, "a.test", 80, "/", NULL).text, SPAN("http://a.test:80/")));
}

Test(key, the_host_is_folded_and_the_path_is_not)
{
        cr_assert(same("A.TEST", "/", "192.0.2.1", "a.test", "/", "192.0.2.1"));
        cr_assert(same("a.test.", "/", NULL, "a.test", "/", NULL));
        cr_assert(same("a.test:80", "/", NULL, "a.test", "/", NULL));
        cr_assert_not(same("a", "/A", NULL, "a", "/a", NULL));
        cr_assert_not(same("a", "/a", NULL, "a", "/%61", NULL)); /* H6 */
        cr_assert_not(same("a", "/b", NULL, "a", "/a/../b", NULL));
        cr_assert_not(same("a", "/", NULL, "a", "/?", NULL));
}

Test(key, another_address_is_another_entry)
{
        cr_assert_not(same("a", "/", "192.0.2.1", "a", "/", "192.0.2.2")); /* H1 */
        cr_assert_not(same("a", "/", "192.0.2.1", "a", "/", NULL));
}

Test(key, ipv6_hosts_and_destinations)
{
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};
        struct key k;

        inet_pton(AF_INET6, "2001:db8::1", &a.sin6_addr);
        cr_assert(key_build(&k, buffer, SPAN("[2001:DB8::1]:80"), 80, SPAN("/"), KEY_ADDRESS, (struct sockaddr *)&a));
        cr_assert(span_equal(k.text, SPAN("http://[2001:db8::1]:80/ @2001:db8::1")));
        cr_assert(span_equal(key_host(k.text), SPAN("[2001:db8::1]")));
        cr_assert(span_equal(key_url(k.text), SPAN("http://[2001:db8::1]:80/")));
}

Test(key, private_and_public_addresses_never_share)
{
        struct key inside, outside;

        cr_assert(key_build(&inside, buffer, SPAN("a.test"), 80, SPAN("/"), KEY_PRIVATE, NULL));
        cr_assert(key_build(&outside, other_buffer, SPAN("a.test"), 80, SPAN("/"), KEY_PUBLIC, NULL));
        cr_assert_neq(memcmp(inside.hash, outside.hash, KEY_HASH), 0);
        cr_assert(span_equal(key_url(inside.text), key_url(outside.text)));
        cr_assert(span_equal(key_host(inside.text), SPAN("a.test")));
}

Test(key, the_address_of_a_text)
{
        cr_assert(span_equal(key_address(SPAN("http://a:80/ @192.0.2.1")), SPAN("192.0.2.1")));
        cr_assert_eq(key_address(SPAN("http://a:80/")).len, 0);
        cr_assert_eq(key_address(SPAN("http://a:80/ private")).len, 0);
        cr_assert_eq(key_address(SPAN("")).len, 0);
}

Test(key, what_does_not_fit_is_no_key)
{
        char *path = malloc(KEY_TEXT_MAX);
        struct key k;

        memset(path, 'a', KEY_TEXT_MAX);
        cr_assert_not(key_build(&k, buffer, SPAN("a"), 80, (struct span){path, KEY_TEXT_MAX}, KEY_PUBLIC, NULL));
        cr_assert_not(key_build(&k, buffer, (struct span){path, KEY_TEXT_MAX}, 80, SPAN("/"), KEY_PUBLIC, NULL));
        free(path);
}

Test(key, parts_of_a_text_that_is_no_key)
{
        cr_assert_eq(key_host(SPAN("")).len, 0);
        cr_assert_eq(key_host(SPAN("http://a")).len, 0);
        cr_assert(span_equal(key_host(SPAN("http://a:80/")), SPAN("a")));
}
