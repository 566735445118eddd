/* The configuration: the file as shipped, every key's value, and every mistake with its line, all at once. */
#include "proxy/config.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/config_keys.h"

static char directory[] = "/tmp/limpid-config-XXXXXX";
static char path[64];
static char *said;
static struct config *config;

static void set_up(void)
{
        cr_assert_not_null(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/c", directory);
}

static void tear_down(void)
{
        config_free(&config);
        cr_expect_null(config);
        free(said);
        unlink(path);
        rmdir(directory);
}

TestSuite(config, .init = set_up, .fini = tear_down);

static void read_path(const char *name)
{
        size_t len;
        FILE *out;

        free(said);
        said = NULL;
        config_free(&config);
        out = open_memstream(&said, &len);
        cr_assert_not_null(out);
        config = config_read(name, out);
        fclose(out);
        cr_assert_eq(config == NULL, said[0] != 0, "a configuration or errors, not both: %s", said);
}

static void read_bytes(const char *text, size_t len)
{
        FILE *f = fopen(path, "w");

        cr_assert_not_null(f);
        cr_assert_eq(fwrite(text, 1, len, f), len);
        fclose(f);
        read_path(path);
}

static void read_text(const char *text)
{
        read_bytes(text, strlen(text));
}

#define GOOD(text)                                                                                                     \
        do {                                                                                                           \
                read_text(text);                                                                                       \
                cr_assert_not_null(config, "%s", said);                                                                \
        } while (0)

/* What was said, without the directory's name: "c:LINE: …". */
static void expect_errors(const char *text, const char *expected)
{
        char got[8192];
        size_t n = 0, skip = strlen(directory) + 1;

        read_text(text);
        cr_assert_null(config, "accepted: %s", text);
        for (const char *c = said; *c && n < sizeof got - 1;) {
                if (strncmp(c, directory, skip - 1) == 0)
                        c += skip;
                got[n++] = *c++;
        }
        got[n] = 0;
        cr_expect_str_eq(got, expected, "%s", got);
}

#define LAN "intercept { interfaces = {lan0} }\n"

/* ---- what is good --------------------------------------------------------------------------------------------------
 */

static void expect_defaults(void)
{
        const struct setup_options *s = &config->setup;

        cr_assert_eq(s->interface_count, 1);
        cr_expect_str_eq(s->interfaces[0], "lan0");
        cr_assert_eq(s->port_count, 1);
        cr_expect_eq(s->ports[0], 80);
        cr_expect_eq(s->listen_port, 3129);
        cr_expect_eq(s->form, SETUP_TPROXY);
        cr_expect_eq(config->max_connections, 0);
        cr_expect_eq(config->max_connections_per_client, 0);
        cr_expect_eq(s->mark, 1);
        cr_expect_eq(s->table, 100);
        cr_expect(s->ipv6);
        cr_expect_not(s->prove_ipv6);
        cr_expect_eq(s->bypass_client_count, 0);
        cr_assert_eq(s->bypass_server_count, 1);
        cr_expect_str_eq(s->bypass_servers[0], "private");
        cr_expect_str_eq(s->match, "");
        cr_expect(config->setup.self_test);
        cr_expect_not(s->fail_closed);
        cr_expect_not(config->manual);
        cr_expect_str_eq(s->state, "/run/limpid/setup.state");
        cr_expect(config->origin.spoof_client);
        cr_expect(config->origin.via_response);
        cr_expect_not(config->origin.via_request);
        cr_expect_eq(config->origin.connect_timeout_ms, 10000);
        cr_expect_eq(config->origin.idle_timeout_ms, 60000);
        cr_expect_eq(config->max_object, 256UL << 30);
        cr_expect_eq(config->fill_memory, 0);
        cr_expect_not(config->keep_set_cookie);
        cr_expect_not(config->whole_for_ranges);
        cr_expect_not(config->dns.relay);
        cr_expect_eq(config->dns.trusted_resolver_count, 0);
        cr_expect_eq(config->datagram_port_count, 0);
        cr_expect_str_eq(config->admin.listen, "127.0.0.1:8080");
        cr_expect_str_eq(config->admin.password_file, "");
        cr_expect_str_eq(config->admin.control, "/run/limpid/control");
        cr_expect_str_eq(config->log.access, "/var/log/limpid/access.log");
        cr_expect_eq(config->log.format, LOG_SQUID);
        cr_expect_eq(config->log.level, LOG_INFO);
        cr_expect_eq(config->workers, 0);
        cr_expect_str_eq(config->user, "limpid");
}

static void expect_main_store(void)
{
        cr_assert_eq(config->store_count, 1);
        cr_expect_str_eq(config->stores[0].name, "main");
        cr_expect_str_eq(config->stores[0].path, "/var/lib/limpid");
        cr_expect_eq(config->stores[0].size, 20UL << 30);
}

/* A file of the repository, beside this one. */
static const char *source(const char *name)
{
        static char full[1024];
        const char *here = strstr(__FILE__, "tests/unit/");

        snprintf(full, sizeof full, "%.*s%s", (int)(here - __FILE__), __FILE__, name);
        return full;
}

Test(config, the_file_as_shipped_is_the_defaults)
{
        read_path(source("conf/limpid.conf"));
        cr_assert_not_null(config, "%s", said);
        expect_defaults();
        expect_main_store();
}

Test(config, what_is_left_out_has_its_default)
{
        GOOD("");
        expect_defaults();
        cr_expect_eq(config->store_count, 0);
        GOOD(LAN "cache { store main { } }");
        expect_main_store();
}

/* As in the design, several sections a line. */
Test(config, the_layout_is_free)
{
        GOOD("intercept { interfaces = {\"lan0\"} } # a comment\n"
             "cache { store \"main\" { path = \"/var/lib/limpid\" size = \"20G\" } max_object = \"256G\" }\n"
             "dns { relay = false trusted_resolvers = {} } datagram { ports = {} }\n"
             "log   { access = \"/var/log/limpid/access.log\" format = \"squid\" level = \"info\" }\n"
             "workers = 0\nuser = \"limpid\"\n");
        expect_defaults();
        expect_main_store();
}

Test(config, every_key_of_interception)
{
        const struct setup_options *s;

        GOOD("intercept { interfaces = {a, \"b.1\"} ports = {80, 8080} listen_port = 1 form = \"mark\" max_connections "
             "= 5\n"
             "max_connections_per_client = 3 mark = 0x10 table = 7 ipv6 = no bypass_clients = {\"10.0.0.0/8\"} "
             "bypass_servers = {private, "
             "\"2001:db8::/32\"}\n"
             "match = \"ip daddr != 192.0.2.1\" self_test = off fail = closed manual = yes }");
        s = &config->setup;
        cr_assert_eq(s->interface_count, 2);
        cr_expect_str_eq(s->interfaces[0], "a");
        cr_expect_str_eq(s->interfaces[1], "b.1");
        cr_assert_eq(s->port_count, 2);
        cr_expect_eq(s->ports[1], 8080);
        cr_expect_eq(s->listen_port, 1);
        cr_expect_eq(s->form, SETUP_MARK);
        cr_expect_eq(config->max_connections, 5);
        cr_expect_eq(config->max_connections_per_client, 3);
        cr_expect_eq(s->mark, 16);
        cr_expect_eq(s->table, 7);
        cr_expect_not(s->ipv6);
        cr_assert_eq(s->bypass_client_count, 1);
        cr_expect_str_eq(s->bypass_clients[0], "10.0.0.0/8");
        cr_assert_eq(s->bypass_server_count, 2);
        cr_expect_str_eq(s->bypass_servers[1], "2001:db8::/32");
        cr_expect_str_eq(s->match, "ip daddr != 192.0.2.1");
        cr_expect_not(config->setup.self_test);
        cr_expect(s->fail_closed);
        cr_expect(config->manual);
}

Test(config, every_other_key)
{
        GOOD(LAN "origin { spoof_client = false via = \"both\" connect_timeout = \"250ms\" idle_timeout = \"5m\" }\n"
                 "cache { store a { path = \"/a\" size = \"16M\" } store b { path = \"/b\" size = 1T }\n"
                 "max_object = 1000 fill_memory = \"8M\" set_cookie = keep ranges_without_validator = whole "
                 "ignore_reload = {a.example, "
                 "\"*.b.example\"} }\n"
                 "dns { relay = true trusted_resolvers = {192.0.2.53, \"2001:db8::53\"} } datagram { ports = {123} }\n"
                 "admin { listen = \"[::1]:9\" password_file = \"/etc/passwd\" control = \"/tmp/x/y\" }\n"
                 "log { access = \"\" format = json level = debug } workers = 3 user = \"\"");
        cr_expect_not(config->origin.spoof_client);
        cr_expect(config->origin.via_request);
        cr_expect(config->origin.via_response);
        cr_expect_eq(config->origin.connect_timeout_ms, 250);
        cr_expect_eq(config->origin.idle_timeout_ms, 300000);
        cr_assert_eq(config->store_count, 2);
        cr_expect_str_eq(config->stores[0].name, "a");
        cr_expect_eq(config->stores[0].size, 16UL << 20);
        cr_expect_str_eq(config->stores[1].path, "/b");
        cr_expect_eq(config->stores[1].size, 1UL << 40);
        cr_expect_eq(config->max_object, 1000);
        cr_expect_eq(config->fill_memory, 8 << 20);
        cr_expect(config->keep_set_cookie);
        cr_expect(config->whole_for_ranges);
        cr_assert_eq(config->ignore_reload_count, 2);
        cr_expect_str_eq(config->ignore_reload[1], "*.b.example");
        cr_expect(config->dns.relay);
        cr_assert_eq(config->dns.trusted_resolver_count, 2);
        cr_expect_str_eq(config->dns.trusted_resolvers[1], "2001:db8::53");
        cr_assert_eq(config->datagram_port_count, 1);
        cr_expect_eq(config->datagram_ports[0], 123);
        cr_expect_str_eq(config->admin.listen, "[::1]:9");
        cr_expect_str_eq(config->admin.password_file, "/etc/passwd");
        cr_expect_str_eq(config->admin.control, "/tmp/x/y");
        cr_expect_str_eq(config->setup.state, "/tmp/x/setup.state", "beside the control socket");
        cr_expect_str_eq(config->log.access, "");
        cr_expect_eq(config->log.format, LOG_JSON);
        cr_expect_eq(config->log.level, LOG_DEBUG);
        cr_expect_eq(config->workers, 3);
        cr_expect_str_eq(config->user, "");
}

Test(config, no_via_at_all)
{
        GOOD(LAN "origin { via = off }");
        cr_expect_not(config->origin.via_request);
        cr_expect_not(config->origin.via_response);
}

Test(config, an_empty_list_is_not_the_default)
{
        GOOD("intercept { interfaces = lan0 bypass_servers = {} }");
        cr_expect_eq(config->setup.bypass_server_count, 0);
}

Test(config, a_list_may_be_appended_to)
{
        GOOD("intercept { interfaces = {a} interfaces += {b} }");
        cr_expect_eq(config->setup.interface_count, 2);
}

Test(config, the_operator_s_own_rules_need_no_interfaces)
{
        GOOD("intercept { manual = true interfaces = {} }");
        cr_expect_eq(config->setup.interface_count, 0);
}

/* ---- what is not ---------------------------------------------------------------------------------------------------
 */

Test(config, all_errors_at_once_in_the_order_of_lines)
{
        expect_errors(
                "workers = many\n"
                "intercept {\n"
                "    interfaces = {}\n"
                "    ports = {80,\n"
                "             70000}\n"
                "    colour = \"blue\"\n"
                "    match = \"a\\tb\"\n"
                "}\n"
                "cache { store a {\n"
                "    path = \"relative\"\n"
                "    size = \"20X\" } }\n"
                "origin { connect_timeout = 10 }\n"
                "paint = 1\n",
                "c:1: workers: must be a number: \"many\"\n"
                "c:5: intercept.ports: must be from 1 to 65535: \"70000\"\n"
                "c:6: unknown: intercept.colour\n"
                "c:7: intercept.match: must be one condition in the language of nft: \"a\\x09b\"\n"
                "c:8: intercept.interfaces is empty: name the clients' interfaces (or set manual)\n"
                "c:10: store.path: must be an absolute path: \"relative\"\n"
                "c:11: store.size: must be a size in bytes, such as \"512M\" or \"20G\": \"20X\"\n"
                "c:12: origin.connect_timeout: must be a time with its unit, such as \"250ms\", \"10s\" or \"5m\": "
                "\"10\"\n"
                "c:13: unknown: paint\n");
}

Test(config, unknown_keys_and_sections_of_every_kind)
{
        expect_errors(LAN "a = 1\n"
                          "b = {1, 2}\n"
                          "c {\n inner = 1\n other { deep = {2} } }\n"
                          "d \"title\" { x = 1 }\n"
                          "e { }\n"
                          "dns { f = 1 f = 2\n g { h = 1 } }\n"
                          "cache { store s { i = 1 } }\n"
                          "workers = x\n",
                      "c:2: unknown: a\n"
                      "c:3: unknown: b\n"
                      "c:4: unknown: c\n"
                      "c:7: unknown: d\n"
                      "c:8: unknown: e\n"
                      "c:9: unknown: dns.f\n"
                      "c:10: unknown: dns.g\n"
                      "c:11: unknown: store.i\n"
                      "c:12: workers: must be a number: \"x\"\n");
}

Test(config, an_error_of_syntax_ends_the_reading)
{
        expect_errors("workers = x\nintercept {\n interfaces = {lan0\n", "c:1: workers: must be a number: \"x\"\n"
                                                                         "c:4: premature end of file\n");
        expect_errors("workers 5\nuser = \"/\"", "c:1: missing equal sign after option 'workers'\n");
        expect_errors("}", "c:1: unexpected closing brace\n");
        expect_errors("user = \"open\n", "c:2: premature end of file\n");
}

Test(config, a_list_where_one_value_belongs)
{
        expect_errors(LAN "workers = {1, 2}", "c:2: workers: must be a single value: \"{…}\"\n");
        expect_errors(LAN "workers = {}", "c:2: workers: must be a single value: \"{…}\"\n");
}

Test(config, numbers_out_of_range)
{
        expect_errors(LAN "intercept { listen_port = 0 }",
                      "c:2: intercept.listen_port: must be from 1 to 65535: \"0\"\n");
        expect_errors(LAN "intercept { listen_port = 65536 }",
                      "c:2: intercept.listen_port: must be from 1 to 65535: \"65536\"\n");
        expect_errors(LAN "intercept { mark = 0 }", "c:2: intercept.mark: must be from 1 to 4294967295: \"0\"\n");
        expect_errors(LAN "workers = 257", "c:2: workers: must be from 0 to 256: \"257\"\n");
        expect_errors(LAN "cache { store a { size = \"15M\" } }",
                      "c:2: store.size: must be at least 16M and at most 1024T: \"15M\"\n");
        expect_errors(LAN "origin { idle_timeout = \"2h\" }",
                      "c:2: origin.idle_timeout: must be from 1 ms to 3600 s: \"2h\"\n");
}

Test(config, addresses_that_are_none)
{
        read_text("intercept { interfaces = {lan0} bypass_clients = {\"10.0.0.256\"} bypass_servers = {\"public\"} }");
        cr_expect_not_null(strstr(said, ":1: intercept.bypass_clients: "), "%s", said);
        cr_expect_not_null(strstr(said, ":1: intercept.bypass_servers: "), "%s", said);
        expect_errors(LAN "dns { trusted_resolvers = {\"192.0.2.0/24\"} }",
                      "c:2: dns.trusted_resolvers: must be an IPv4 or IPv6 address: \"192.0.2.0/24\"\n");
}

Test(config, datagrams_take_tproxy)
{
        expect_errors("intercept { interfaces = {lan0} form = mark }\ndns { relay = true }\ndatagram { ports = {123} }",
                      "c:2: dns.relay takes intercept.form = \"tproxy\"\n"
                      "c:3: datagram.ports takes intercept.form = \"tproxy\"\n");
}

Test(config, a_condition_that_would_end_its_rule)
{
        static const char *const bad[] = {"ip daddr }", "ip daddr { 192.0.2.1", "tcp dport 80; drop", "iif \\\"lan0",
                                          "a # b"};
        char text[256];

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                snprintf(text, sizeof text, LAN "intercept { match = \"%s\" }", bad[i]);
                read_text(text);
                cr_expect_not_null(strstr(said, ":2: intercept.match: must be one condition"), "%s: %s", bad[i], said);
        }
        GOOD(LAN "intercept { match = \"ip daddr { 192.0.2.1, 192.0.2.2 } iifname \\\"a;b\\\"\" }");
}

Test(config, words_that_are_not_offered)
{
        expect_errors(LAN "log { format = apache }",
                      "c:2: log.format: must be one of squid combined json: \"apache\"\n");
        expect_errors(LAN "intercept { fail = maybe }", "c:2: intercept.fail: must be one of open closed: \"maybe\"\n");
        expect_errors(LAN "dns { relay = perhaps }", "c:2: dns.relay: must be true or false: \"perhaps\"\n");
}

Test(config, a_system_table_is_not_ours)
{
        expect_errors("intercept { interfaces = {lan0}\n table = 254\n}",
                      "c:3: intercept.table must be one of our own, not 254, which is the system's\n");
}

Test(config, nothing_to_intercept)
{
        expect_errors("intercept { interfaces = {lan0} ports = {} }",
                      "c:1: intercept.ports is empty: there is nothing to intercept\n");
}

Test(config, stores_must_differ)
{
        expect_errors(LAN "cache {\n store a { path = \"/a\" }\n store a { path = \"/b\" } }\n",
                      "c:4: two stores are called \"a\"\n");
        expect_errors(LAN "cache {\n store a { path = \"/a\" }\n store b { path = \"/a\" } }\n",
                      "c:4: stores \"a\" and \"b\" have the same path\n");
        expect_errors(LAN "cache { store { } }", "c:2: missing title for section 'store'\n");
}

Test(config, files_that_are_missing)
{
        expect_errors(LAN "admin { password_file = \"/nonexistent\" }",
                      "c:2: admin.password_file: must be a file that exists: \"/nonexistent\"\n");
        read_path("/nonexistent/limpid.conf");
        cr_expect_str_eq(said, "/nonexistent/limpid.conf: No such file or directory\n");
        read_path("/tmp");
        cr_expect_str_eq(said, "/tmp: Is a directory\n");
}

Test(config, what_is_no_text)
{
        static char large[2 << 20];

        read_bytes("user = \"a\0b\"", 12);
        cr_expect_not_null(strstr(said, "is no configuration: too large, or not text\n"));
        memset(large, ' ', sizeof large);
        read_bytes(large, sizeof large);
        cr_expect_not_null(strstr(said, "is no configuration: too large, or not text\n"));
}

Test(config, an_error_cannot_forge_a_line)
{
        expect_errors(LAN "user = \"x\\ny:1: forged\"",
                      "c:2: user: must be the name of a user: \"x\\x0Ay:1: forged\"\n");
}

Test(config, more_strangers_than_anybody_would_read)
{
        char text[4096];
        size_t n = (size_t)snprintf(text, sizeof text, LAN);

        for (int i = 0; i < 200; i++)
                n += (size_t)snprintf(text + n, sizeof text - n, "k%d = 1\n", i);
        read_text(text);
        cr_assert_null(config);
        cr_expect_not_null(strstr(said, ":101: unknown: k99\n"));
}

Test(config, the_manual_has_an_entry_for_each_key)
{
        static char page[1 << 16];
        FILE *f = fopen(source("docs/limpid.conf.5"), "r");
        size_t n;

        cr_assert_not_null(f);
        n = fread(page, 1, sizeof page - 1, f);
        fclose(f);
        page[n] = 0;
        for (size_t i = 0; i < CONFIG_KEYS; i++) {
                const struct config_key *k = &config_keys[i];
                char entry[256];

                snprintf(entry, sizeof entry, "\n.It Ic %s = Ar ", k->name.key);
                cr_expect_not_null(strstr(page, entry), "limpid.conf(5) has no entry for %s", k->name.key);
        }
}
