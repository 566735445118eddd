/* Each format to the byte; whatever a client sends stays in its field and on its line. */
#include "proxy/access_format.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static char buffer[ACCESS_LINE_MAX];
static struct access_clock clock_cache;
static struct sockaddr_in client, destination;
static struct access_entry entry;

static void set_up(void)
{
        setenv("TZ", "XYZ-2", 1); /* two hours east */
        tzset();
        clock_cache.second = INT64_MIN;
        client = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000105)};
        destination = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007101)};
        entry = (struct access_entry){
                .start_us = 1700000000999999,
                .duration_us = 12345,
                .client = (const struct sockaddr *)&client,
                .destination = (const struct sockaddr *)&destination,
                .host = SPAN("example.com"),
                .path = SPAN("/a?b=c"),
                .port = 80,
                .method = SPAN("GET"),
                .content_type = SPAN("text/html; charset=utf-8"),
                .minor = 1,
                .status = 200,
                .bytes = 5120,
                .result = "TCP_MISS",
                .hierarchy = "ORIGINAL_DST",
        };
}

TestSuite(access_format, .init = set_up);

/* The line without its line end; that there is one and no other is checked here, for every test. */
static const char *line_of(enum log_format format)
{
        struct line l = {buffer, buffer + sizeof buffer};

        access_format(&l, format, &entry, &clock_cache);
        cr_assert_gt(l.at - buffer, 0);
        cr_assert_eq(l.at[-1], '\n');
        l.at[-1] = 0;
        cr_assert_eq(strlen(buffer), (size_t)(l.at - buffer) - 1, "no zero inside");
        for (const char *c = buffer; *c; c++)
                cr_assert_geq((unsigned char)*c, ' ', "no control byte inside");
        return buffer;
}

static size_t occurrences(const char *line, char c)
{
        size_t n = 0;

        while ((line = strchr(line, c)) != NULL) {
                line++;
                n++;
        }
        return n;
}

Test(access_format, squid)
{
        cr_expect_str_eq(line_of(LOG_SQUID),
                         "1700000001.012     12 10.0.1.5 TCP_MISS/200 5120 GET http://example.com/a?b=c"
                         " - ORIGINAL_DST/203.0.113.1 text/html");
}

Test(access_format, squid_of_a_hit)
{
        entry.hierarchy = "HIER_NONE";
        entry.result = "TCP_HIT";
        entry.duration_us = 1234567890;
        entry.content_type = (struct span){NULL, 0};
        cr_expect_str_eq(line_of(LOG_SQUID), "1700001235.567 1234567 10.0.1.5 TCP_HIT/200 5120 GET "
                                             "http://example.com/a?b=c - HIER_NONE/- -");
}

Test(access_format, squid_of_an_abort_before_any_reply)
{
        entry.status = 0;
        entry.bytes = 0;
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " TCP_MISS/000 0 GET "));
}

Test(access_format, another_port_is_in_the_url)
{
        entry.port = 8080;
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " http://example.com:8080/a?b=c "));
}

Test(access_format, a_url_without_host_names_the_destination)
{
        entry.host = (struct span){NULL, 0};
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " http://203.0.113.1/a?b=c "));
        entry.port = 8080;
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " http://203.0.113.1:8080/a?b=c "));
}

Test(access_format, a_tunnel_has_an_authority_only)
{
        entry.path = (struct span){NULL, 0};
        entry.method = SPAN("CONNECT");
        entry.host = SPAN("203.0.113.1");
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " CONNECT 203.0.113.1:80 - "));
        entry.host = (struct span){NULL, 0};
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " CONNECT 203.0.113.1:80 - "));
}

Test(access_format, a_target_without_slash_does_not_lengthen_the_host)
{
        entry.path = SPAN("*");
        cr_expect_not_null(strstr(line_of(LOG_SQUID), " http://example.com/* "));
}

Test(access_format, combined)
{
        entry.referer = SPAN("http://example.com/");
        entry.user_agent = SPAN("curl/7.88.1");
        cr_expect_str_eq(line_of(LOG_COMBINED),
                         "10.0.1.5 - - [15/Nov/2023:00:13:20 +0200] \"GET http://example.com/a?b=c HTTP/1.1\" 200 5120 "
                         "\"http://example.com/\" \"curl/7.88.1\"");
}

Test(access_format, combined_of_an_old_client_that_says_little)
{
        entry.minor = 0;
        cr_expect_not_null(strstr(line_of(LOG_COMBINED), " HTTP/1.0\" 200 5120 \"-\" \"-\""));
}

Test(access_format, json)
{
        cr_expect_str_eq(line_of(LOG_JSON),
                         "{\"time\":\"2023-11-15T00:13:20.999+02:00\",\"duration_us\":12345,\"client\":\"10.0.1.5\","
                         "\"destination\":\"203.0.113.1\",\"method\":\"GET\",\"url\":\"http://example.com/a?b=c\","
                         "\"status\":200,\"bytes\":5120,\"result\":\"TCP_MISS\",\"hierarchy\":\"ORIGINAL_DST\","
                         "\"content_type\":\"text/html; charset=utf-8\"}");
}

Test(access_format, json_with_all_that_may_be_left_out)
{
        entry.detail = "no-store";
        entry.referer = SPAN("r");
        entry.user_agent = SPAN("u");
        cr_expect_not_null(strstr(line_of(LOG_JSON),
                                  ",\"detail\":\"no-store\",\"content_type\":\"text/html; charset=utf-8\","
                                  "\"referer\":\"r\",\"user_agent\":\"u\"}"));
}

Test(access_format, the_text_of_a_second_follows_it)
{
        line_of(LOG_COMBINED);
        entry.start_us += 1000000;
        cr_expect_not_null(strstr(line_of(LOG_COMBINED), "[15/Nov/2023:00:13:21 +0200]"));
        entry.start_us -= 1000000;
        cr_expect_not_null(strstr(line_of(LOG_COMBINED), "[15/Nov/2023:00:13:20 +0200]"));
}

Test(access_format, a_clock_that_went_back)
{
        entry.duration_us = -5000000;
        cr_expect_not_null(strstr(line_of(LOG_SQUID), "1700000000.999      0 "));
        cr_expect_not_null(strstr(line_of(LOG_JSON), "\"duration_us\":0,"));
}

/* cases.md H10 */
Test(access_format, a_request_cannot_forge_fields_or_lines)
{
        const struct span evil = SPAN("x\" 200 0\r\n1.2.3.4 - \\\" {\"a\":1}\0\xff\xe2\x80\xa8\x1b[2J");

        entry.host = entry.path = entry.method = evil;
        entry.referer = entry.user_agent = entry.content_type = evil;
        entry.duration_us = 100000000000; /* so that no padding makes blanks */
        cr_expect_eq(occurrences(line_of(LOG_SQUID), ' '), 9);
        entry.host = entry.path = entry.method = entry.content_type = SPAN("x");
        entry.referer = entry.user_agent = SPAN("\"");
        cr_expect_str_eq(strstr(line_of(LOG_COMBINED), "\"x "), "\"x http://x/x HTTP/1.1\" 200 5120 \"\\\"\" \"\\\"\"");
        entry.user_agent = evil;
        cr_expect_not_null(strstr(line_of(LOG_JSON), "\"user_agent\":\"x\\\" 200 0\\u000D\\u000A1.2.3.4 - \\\\\\\" "
                                                     "{\\\"a\\\":1}\\u0000\\uFFFD\\u2028\\u001B[2J\"}"));
}

Test(access_format, every_field_at_its_longest_fits)
{
        static char text[100000];
        const struct span endless = {text, sizeof text};
        const char words[1000] = {[0 ... 998] = 'W'};

        memset(text, '\n', sizeof text);
        entry.host = entry.path = entry.method = endless;
        entry.referer = entry.user_agent = entry.content_type = endless;
        entry.result = entry.hierarchy = entry.detail = words;
        for (enum log_format f = LOG_SQUID; f <= LOG_JSON; f++) {
                size_t len = strlen(line_of(f));

                cr_expect_gt(len, 8000);
                cr_expect_lt(len, ACCESS_LINE_MAX - 2048, "nothing is cut by the line's own end");
        }
        cr_expect_eq(buffer[strlen(buffer) - 1], '}');
}

Test(access_format, a_url_is_cut_at_8_KiB)
{
        static char text[20000];

        memset(text, 'a', sizeof text);
        entry.path = (struct span){text, sizeof text};
        cr_expect_lt(strlen(line_of(LOG_SQUID)), 8192 + 200);
        cr_expect_not_null(strstr(buffer, "aaa - ORIGINAL_DST/203.0.113.1 text/html"));
}

Test(access_format, words_that_are_missing)
{
        entry.result = entry.hierarchy = NULL;
        entry.client = entry.destination = NULL;
        entry.method = (struct span){NULL, 0};
        cr_expect_str_eq(line_of(LOG_SQUID),
                         "1700000001.012     12 - NONE/200 5120 - http://example.com/a?b=c - HIER_NONE/- text/html");
}
