/* The configuration (design.md §9), read with libconfuse: all errors at once, each with file and line. */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "setup/setup.h"

struct config_store {
        const char *name, *path;
        uint64_t size;
};

enum log_format { LOG_SQUID, LOG_COMBINED, LOG_JSON };

struct config {
        struct setup_options setup; /* intercept { … } as setup/ wants it */
        bool manual;
        unsigned max_connections;            /* 0: from the limit on open files */
        unsigned max_connections_per_client; /* 0: a quarter of these */
        struct {
                bool spoof_client;
                bool via_request, via_response; /* via = "response": the second alone; "both": both; "off": none */
                unsigned connect_timeout_ms, idle_timeout_ms;
        } origin;
        struct config_store *stores; /* at least none */
        size_t store_count;
        uint64_t max_object;
        uint64_t fill_memory; /* 0: an eighth of the machine's */
        bool keep_set_cookie;
        bool whole_for_ranges;            /* where parts cannot be put together */
        const char *const *ignore_reload; /* names of hosts, or "*." and a name */
        size_t ignore_reload_count;
        struct {
                bool relay;
                const char *const *trusted_resolvers;
                size_t trusted_resolver_count;
        } dns;
        const uint16_t *datagram_ports;
        size_t datagram_port_count;
        struct {
                const char *listen;        /* "address:port"; empty: no page */
                const char *password_file; /* empty: none */
                const char *control;       /* path of the control socket */
        } admin;
        struct {
                const char *access; /* path; empty: no access log */
                enum log_format format;
                int level; /* syslog level: LOG_ERR … LOG_DEBUG */
        } log;
        unsigned workers; /* as configured; 0: one per core */
        const char *user; /* empty: stay */
};

/* Reads a file. NULL if anything is wrong: every error has then been written to `errors` as "FILE:LINE: what". The
 * configuration and all it points to belong to the caller until config_free. */
struct config *config_read(const char *path, FILE *out);
void config_free(struct config **);

#define CONFIG_PATH "/etc/limpid/limpid.conf"

#endif
