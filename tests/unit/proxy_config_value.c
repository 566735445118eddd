/* Values: what is accepted to the letter, and what is not. */
#include "proxy/config_value.h"

#include <criterion/criterion.h>

typedef const char *number_fn(const char *, uint64_t *);
typedef const char *text_fn(const char *);

static void expect(number_fn *parse, const char *text, uint64_t value)
{
        uint64_t n = 0;

        cr_expect_null(parse(text, &n), "%s", text);
        cr_expect_eq(n, value, "%s: %lu", text, n);
}

static void refuse_numbers(number_fn *parse, const char *const *texts)
{
        uint64_t n;

        for (; *texts; texts++)
                cr_expect_not_null(parse(*texts, &n), "%s", *texts);
}

static void check_texts(text_fn *check, const char *const *good, const char *const *bad)
{
        for (; *good; good++)
                cr_expect_null(check(*good), "%s", *good);
        for (; *bad; bad++)
                cr_expect_not_null(check(*bad), "%s", *bad);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(config_value, numbers)
{
        expect(value_number, "0", 0);
        expect(value_number, "010", 10);
        expect(value_number, "0x1F", 31);
        expect(value_number, "18446744073709551615", UINT64_MAX);
        refuse_numbers(value_number,
                       LIST("", " 1", "1 ", "-1", "+1", "0x", "0xg", "0x-1", "1.5", "a", "18446744073709551616"));
}

Test(config_value, sizes)
{
        expect(value_size, "100", 100);
        expect(value_size, "1K", 1024);
        expect(value_size, "16m", 16 << 20);
        expect(value_size, "20G", 20UL << 30);
        expect(value_size, "2T", 2UL << 40);
        refuse_numbers(value_size, LIST("", "G", "20 G", "20GB", "-1G", "1.5G", "20X", "99999999999T"));
}

Test(config_value, durations)
{
        expect(value_duration, "0s", 0);
        expect(value_duration, "250ms", 250);
        expect(value_duration, "10s", 10000);
        expect(value_duration, "5m", 300000);
        expect(value_duration, "2h", 7200000);
        refuse_numbers(value_duration, LIST("", "10", "s", "10 s", "10sec", "-1s", "1d", "18446744073709551615h"));
}

Test(config_value, flags)
{
        const char *const yes[] = {"true", "yes", "on", "TRUE"}, *const no[] = {"false", "no", "off", "Off"};
        bool b = false;

        for (int i = 0; i < 4; i++) {
                cr_expect_null(value_bool(yes[i], &b));
                cr_expect(b);
                cr_expect_null(value_bool(no[i], &b));
                cr_expect_not(b);
        }
        cr_expect_not_null(value_bool("1", &b));
        cr_expect_not_null(value_bool("", &b));
}

Test(config_value, paths)
{
        check_texts(value_path, LIST("/", "/a b"), LIST("", "a", "./a", "~/a", "/a\nb"));
        check_texts(value_path_or_none, LIST("", "/a"), LIST("a"));
        check_texts(value_socket_path, LIST("/run/limpid/control"), LIST("", "control"));
        cr_expect_not_null(value_socket_path("/0123456789012345678901234567890123456789012345678901234567890123456789"
                                             "0123456789012345678901234567890123456789"));
        check_texts(value_file, LIST("", "/etc/passwd"), LIST("/nonexistent", "/tmp", "etc/passwd"));
}

Test(config_value, interfaces)
{
        check_texts(value_interface, LIST("lan0", "lan*", "br-lan.10", "abcdefghijklmno"),
                    LIST("", ".", "..", "abcdefghijklmnop", "a b", "a/b", "a:b", "a\"b", "*", "l*n", "lan**", "a\n"));
}

Test(config_value, hosts)
{
        check_texts(value_host, LIST("a", "a.example", "*.example", "a-b_c.9"),
                    LIST("", "*", "*.", ".a", "a..b", "a b", "a/b", "a:80", "*a"));
}

Test(config_value, addresses)
{
        check_texts(value_address, LIST("192.0.2.1", "::1", "2001:db8::1"),
                    LIST("", "192.0.2", "192.0.2.0/24", "host", "[::1]"));
        check_texts(value_listen, LIST("", "127.0.0.1:8080", "[::1]:1", "0.0.0.0:65535"),
                    LIST("8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
                         "::1:80", "[127.0.0.1]:80", "[::1:80", "[]:80", "[", "localhost:80", "127.0.0.1:80x"));
}

Test(config_value, users)
{
        check_texts(value_user, LIST("", "limpid", "_x", "a.b-c_1"), LIST("-a", "1a", "a b", "a:b", "../x"));
}

Test(config_value, conditions)
{
        check_texts(value_condition, LIST("", "ip daddr { 192.0.2.1, 192.0.2.2 }", "iifname \"a;b}\""),
                    LIST("a }", "{", "} {", "a; b", "a # b", "\"a", "a\nb", "a \\ b"));
}
