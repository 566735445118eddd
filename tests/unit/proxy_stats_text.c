/* A summary as an operator reads it. */
#include "proxy/stats_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *text;

static void free_text(void)
{
        free(text);
}

TestSuite(stats_text, .fini = free_text);

static const char *overview(const char *summary, size_t hosts)
{
        json_t *root = json_loads(summary, 0, NULL);
        size_t len;
        FILE *out;

        cr_assert_not_null(root);
        free(text);
        out = open_memstream(&text, &len);
        stats_overview(out, root, hosts);
        fclose(out);
        json_decref(root);
        return text;
}

static bool says(const char *line)
{
        return strstr(text, line) != NULL;
}

Test(stats_text, sizes)
{
        static const struct {
                double bytes;
                const char *text;
        } table[] = {{0, "0 B"},
                     {1023, "1023 B"},
                     {1024, "1.0 KiB"},
                     {1536, "1.5 KiB"},
                     {1048524, "1023.9 KiB"},
                     {1048575, "1.0 MiB"},
                     {20.0 * (1 << 30), "20.0 GiB"},
                     {1e24, "888178419.7 PiB"}};
        char size[SIZE_TEXT];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                cr_expect_str_eq(stats_size(size, table[i].bytes), table[i].text);
}

Test(stats_text, an_overview)
{
        overview("{\"version\":\"0.1.0\",\"uptime\":93784,\"gate\":\"open\",\"faults\":[],"
                 "\"recent\":{\"hit_ratio\":0.5,\"byte_hit_ratio\":0.75,\"bytes_saved\":1536},"
                 "\"total\":{\"hit_ratio\":null,\"byte_hit_ratio\":null,\"bytes_saved\":0},"
                 "\"rates\":{\"bytes_clients\":2048,\"bytes_stored\":1024,\"bytes_origins\":512,\"requests\":12.34},"
                 "\"counters\":{\"connections_open\":3},"
                 "\"workers\":[{\"moving\":true},{\"moving\":false}],"
                 "\"stores\":[{\"name\":\"main\",\"used\":1024,\"size\":2048,\"responses\":7,\"evicted\":1,"
                 "\"state\":\"ok\"}],"
                 "\"hosts\":[{\"name\":\"a.example\",\"bytes\":2048,\"bytes_stored\":512,\"requests\":9},"
                 "{\"name\":\"b.example\",\"bytes\":0,\"bytes_stored\":0,\"requests\":1}]}",
                 1);
        cr_expect(says("Limpid 0.1.0, up 1 d 02:03:04, gate open\n"));
        cr_expect(says("5 minutes  hit ratio 50.0 % of requests, 75.0 % of bytes; saved 1.5 KiB\n"));
        cr_expect(says("all        hit ratio - of requests, - of bytes; saved 0 B\n"));
        cr_expect(says("traffic    2.0 KiB/s to clients, 1.0 KiB/s of it from stores; 512 B/s from origins\n"));
        cr_expect(says("requests   12.3/s, 3 connections open\n"));
        cr_expect(says("workers    1 of 2 moving\n"));
        cr_expect(says("store      main: 1.0 KiB of 2.0 KiB, 7 responses, 1 evicted, ok\n"));
        cr_expect(says("     2.0 KiB          9   25.0 %  a.example\n"));
        cr_expect_not(says("b.example"), "one host was asked for");
}

Test(stats_text, faults_come_first)
{
        overview("{\"faults\":[{\"level\":\"error\",\"text\":\"Worker 1 has not moved for 4 s.\"}]}", 0);
        cr_expect(says("\nerror: Worker 1 has not moved for 4 s.\n5 minutes"));
}

Test(stats_text, nothing_of_it_moves_the_terminal)
{
        overview("{\"hosts\":[{\"name\":\"a\\u001b[2Jb\\nc\\u007f\",\"bytes\":1}],"
                 "\"faults\":[{\"level\":\"error\",\"text\":\"x\\r\\ny\"}]}",
                 5);
        cr_expect(says("a?[2Jb?c?\n"));
        cr_expect(says("error: x??y\n"));
        for (const char *c = text; *c; c++)
                cr_expect(*c == '\n' || (unsigned char)*c >= ' ');
}

Test(stats_text, a_summary_without_anything)
{
        overview("{}", 5);
        cr_expect(says("Limpid , up 00:00:00, gate \n"));
        cr_expect(says("workers    0 of 0 moving\n"));
}

Test(stats_text, counters_one_a_line)
{
        json_t *root = json_loads("{\"counters\":{\"requests\":12,\"hits\":3}}", 0, NULL);
        size_t len;
        FILE *out = open_memstream(&text, &len);

        stats_counters(out, root);
        fclose(out);
        json_decref(root);
        cr_expect(says("requests                           12\n"));
        cr_expect(says("hits                                3\n"));
}
