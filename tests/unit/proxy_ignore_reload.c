/* Names of hosts, and patterns of them. */
#include "proxy/proxy.h"

#include <criterion/criterion.h>

#include "proxy/sigbus.h"

void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

static const char *const names[] = {"game.example", "*.cdn.example"};
static const struct config config = {.ignore_reload = names, .ignore_reload_count = 2};

#define YES(host) cr_expect(proxy_ignores_reload(&config, SPAN(host)), "%s", host)
#define NO(host)  cr_expect_not(proxy_ignores_reload(&config, SPAN(host)), "%s", host)

Test(ignore_reload, names_and_patterns)
{
        YES("game.example");
        YES("GAME.example.");
        NO("a.game.example");
        NO("agame.example");
        YES("a.cdn.example");
        YES("a.b.CDN.example");
        NO("cdn.example");
        NO("acdn.example");
        NO("");
        NO(".");
}

Test(ignore_reload, nobody_is_named)
{
        static const struct config none = {0};

        cr_expect_not(proxy_ignores_reload(&none, SPAN("game.example")));
}
