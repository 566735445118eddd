/* resolv.conf(5): "nameserver" and an address at the beginning of a line; an IPv6 one may name its interface. */
#include "proxy/resolvers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void add(struct resolvers *r, const char *text)
{
        union address a = {.in6 = {.sin6_family = AF_INET6}};

        if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) != 1) {
                a = (union address){.in = {.sin_family = AF_INET}};
                if (inet_pton(AF_INET, text, &a.in.sin_addr) != 1)
                        return;
        }
        if (r->count < RESOLVERS_MAX)
                r->at[r->count++] = a;
}

static struct resolvers_file state_of(const char *path)
{
        struct stat s;

        if (stat(path, &s) != 0)
                return (struct resolvers_file){.size = 0};
        return (struct resolvers_file){s.st_dev, s.st_ino, (uint64_t)s.st_size, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
}

static void read_file(struct resolvers *r, const char *path)
{
        char line[512], *word, *rest;
        FILE *f;

        r->file = state_of(path); /* what is written, or put in its place, from here on is another state */
        f = fopen(path, "re");
        if (!f)
                return;
        while (fgets(line, sizeof line, f)) {
                word = strtok_r(line, " \t\n", &rest);
                if (!word || strcmp(word, "nameserver") != 0)
                        continue;
                word = strtok_r(NULL, " \t\n%", &rest);
                if (word)
                        add(r, word);
        }
        fclose(f);
}

void resolvers_read(struct resolvers *r, const struct config *config, const char *path)
{
        *r = (struct resolvers){.looked = INT64_MIN};
        for (size_t i = 0; i < config->dns.trusted_resolver_count; i++)
                add(r, config->dns.trusted_resolvers[i]);
        if (config->dns.trusted_resolver_count == 0)
                read_file(r, path);
}

bool resolvers_reread(struct resolvers *r, const char *path, int64_t now)
{
        struct resolvers fresh = {.looked = now, .file = r->looked == now ? r->file : state_of(path)};

        r->looked = now;
        if (memcmp(&fresh.file, &r->file, sizeof fresh.file) == 0)
                return false;
        read_file(&fresh, path);
        if (!fresh.count) {
                r->file = fresh.file;
                return false;
        }
        *r = fresh;
        return true;
}

bool resolvers_have(const struct resolvers *r, const union address *a)
{
        for (size_t i = 0; i < r->count; i++)
                if (address_same_host(&r->at[i], a))
                        return true;
        return false;
}
