/* What `limpid why` says to people. */
#include "proxy/why_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *text;

static void free_text(void)
{
        free(text);
}

TestSuite(why_text, .fini = free_text);

static void print(const char *why)
{
        json_t *root = json_loads(why, 0, NULL);
        size_t len;
        FILE *out;

        cr_assert_not_null(root);
        free(text);
        out = open_memstream(&text, &len);
        why_text(out, root);
        fclose(out);
        json_decref(root);
}

#define SAYS(line) cr_expect(strstr(text, line), "%s\n%s", line, text)

Test(why_text, nothing_stored)
{
        print("{\"url\":\"http://a:80/\",\"request\":{\"looked_up\":true},\"stored\":[],\"more\":false}");
        SAYS("http://a:80/\n");
        SAYS("Nothing is stored");
        cr_expect_null(strstr(text, "verdict"));
}

Test(why_text, a_request_that_passes)
{
        print("{\"url\":\"u\",\"request\":{\"looked_up\":false,\"detail\":\"upgrade\",\"rfc\":\"RFC 9110 §7.8\"}}");
        SAYS("  verdict     such a request passes, nothing is looked up or stored: upgrade (RFC 9110 §7.8)\n");
}

Test(why_text, a_block_for_each_stored_response)
{
        print("{\"url\":\"u\",\"request\":{\"looked_up\":true},\"more\":true,\"stored\":["
              "{\"address\":\"192.0.2.1\",\"status\":200,\"reason\":\"OK\",\"bytes\":65504,\"length\":1048576,"
              "\"sparse\":true,\"age\":5,\"lifetime\":60,\"left\":55,\"heuristic\":true,\"etag\":\"\\\"v\\\"\","
              "\"vary\":\"accept\",\"cache_control\":\"max-age=60\\u001b\",\"flags\":[\"no-cache\",\"immutable\"],"
              "\"verdict\":{\"use\":\"validated\",\"detail\":\"no-cache\",\"rfc\":\"RFC 9111 §5.2.2.4\"}},"
              "{\"status\":404,\"length\":3,\"left\":-9,\"age\":19,\"lifetime\":10,\"flags\":[],"
              "\"verdict\":{\"use\":\"reused\",\"rfc\":\"RFC 9111 §4.2\"}},"
              "{\"verdict\":{\"use\":\"damaged\",\"detail\":\"checksum\"}}]}");
        SAYS("\nstored for clients that go to 192.0.2.1 (not bound to the host)\n");
        SAYS("  status      200 OK\n");
        SAYS("  body        1.0 MiB, of which 64.0 KiB are stored\n");
        SAYS("  freshness   fresh for 55 s more: age 5 of 60 s, by heuristics\n");
        SAYS("  says        max-age=60?\n");
        SAYS("  varies by   accept\n");
        SAYS("  flags       no-cache, immutable\n");
        SAYS("  verdict     would be validated with the origin first: no-cache (RFC 9111 §5.2.2.4)\n");
        SAYS("\nstored for all clients\n  status      404 \n  body        3 B\n  freshness   stale for 9 s: age 19 of "
             "10 s\n"
             "  verdict     answers as it is, fresh (RFC 9111 §4.2)\n");
        SAYS("  verdict     not used: checksum (a rule of Limpid's)\n");
        SAYS("There is more");
}
