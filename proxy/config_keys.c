/* The table of keys. limpid.conf(5) has an entry for each line of it, and a test holds the two together. */
#include "proxy/config_keys.h"

#include <string.h>

#include "proxy/config_value.h"

#define MIB     (1UL << 20)
#define PIB     (1UL << 50)
#define MS_HOUR 3600000
#define LEVELS  "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug" /* as in syslog.h */

#define AT(member) offsetof(struct config_owned, member)

/* clang-format off */
#define KEY(section_, key_, otherwise_, type_, at_, ...) \
        {.name = {section_, key_}, .otherwise = otherwise_, .type = type_, .at = at_, __VA_ARGS__}
#define BOOL(section, key, otherwise, member) KEY(section, key, otherwise, CONFIG_BOOL, AT(member), .check = NULL)
#define NUMBER(section, key, otherwise, type, member, least, greatest) \
        KEY(section, key, otherwise, type, AT(member), .min = (least), .max = (greatest))
#define SIZE(section, key, otherwise, at, least, greatest) \
        KEY(section, key, otherwise, CONFIG_SIZE, at, .min = (least), .max = (greatest))
#define CHOICE(section, key, otherwise, type, member, ...) \
        KEY(section, key, otherwise, type, AT(member), .words = (const char *const[]){__VA_ARGS__, NULL})
#define TEXT(section, key, otherwise, at, test) KEY(section, key, otherwise, CONFIG_TEXT, at, .check = (test))
#define TEXTS(section, key, otherwise, member, count, test) \
        KEY(section, key, otherwise, CONFIG_TEXTS, AT(member), .count_at = AT(count), .check = (test))
#define PORTS(section, key, otherwise, member, count) \
        KEY(section, key, otherwise, CONFIG_U16S, AT(member), .count_at = AT(count), .min = 1, .max = 65535)

/* The word "private" stands for addresses (setup/). */
static const char *server_error(const char *text)
{
        return strcmp(text, "private") == 0 ? NULL : setup_address_error(text);
}

const struct config_key config_keys[CONFIG_KEYS] = {
        TEXTS("intercept", "interfaces", "lan0", config.setup.interfaces, config.setup.interface_count, value_interface),
        PORTS("intercept", "ports", "80", config.setup.ports, config.setup.port_count),
        NUMBER("intercept", "listen_port", "3129", CONFIG_U16, config.setup.listen_port, 1, 65535),
        CHOICE("intercept", "form", "tproxy", CONFIG_WORD, config.setup.form, "tproxy", "mark"),
        NUMBER("intercept", "max_connections", "0", CONFIG_U32, config.max_connections, 0, UINT32_MAX),
        NUMBER("intercept", "max_connections_per_client", "0", CONFIG_U32, config.max_connections_per_client, 0, UINT32_MAX),
        NUMBER("intercept", "mark", "0x1", CONFIG_U32, config.setup.mark, 1, UINT32_MAX),
        NUMBER("intercept", "table", "100", CONFIG_U32, config.setup.table, 1, UINT32_MAX),
        BOOL("intercept", "ipv6", "true", config.setup.ipv6),
        BOOL("intercept", "prove_ipv6", "false", config.setup.prove_ipv6),
        TEXTS("intercept", "bypass_clients", NULL, config.setup.bypass_clients, config.setup.bypass_client_count, setup_address_error),
        TEXTS("intercept", "bypass_servers", "private", config.setup.bypass_servers, config.setup.bypass_server_count, server_error),
        TEXT("intercept", "match", "", AT(config.setup.match), value_condition),
        BOOL("intercept", "self_test", "true", config.setup.self_test),
        CHOICE("intercept", "fail", "open", CONFIG_FLAG, config.setup.fail_closed, "open", "closed"),
        BOOL("intercept", "manual", "false", config.manual),
        BOOL("origin", "spoof_client", "true", config.origin.spoof_client),
        CHOICE("origin", "via", "response", CONFIG_WORD, via, "response", "both", "off"),
        NUMBER("origin", "connect_timeout", "10s", CONFIG_MS, config.origin.connect_timeout_ms, 1, MS_HOUR),
        NUMBER("origin", "idle_timeout", "60s", CONFIG_MS, config.origin.idle_timeout_ms, 1, MS_HOUR),
        TEXT("store", "path", "/var/lib/limpid", offsetof(struct config_store, path), value_path),
        SIZE("store", "size", "20G", offsetof(struct config_store, size), 16 * MIB, PIB),
        SIZE("cache", "max_object", "256G", AT(config.max_object), 1, PIB),
        SIZE("cache", "fill_memory", "0", AT(config.fill_memory), 0, PIB),
        CHOICE("cache", "set_cookie", "strip", CONFIG_FLAG, config.keep_set_cookie, "strip", "keep"),
        CHOICE("cache", "ranges_without_validator", "pass", CONFIG_FLAG, config.whole_for_ranges, "pass", "whole"),
        TEXTS("cache", "ignore_reload", NULL, config.ignore_reload, config.ignore_reload_count, value_host),
        BOOL("dns", "relay", "false", config.dns.relay),
        TEXTS("dns", "trusted_resolvers", NULL, config.dns.trusted_resolvers, config.dns.trusted_resolver_count, value_address),
        PORTS("datagram", "ports", NULL, config.datagram_ports, config.datagram_port_count),
        TEXT("admin", "listen", "127.0.0.1:8080", AT(config.admin.listen), value_listen),
        TEXT("admin", "password_file", "", AT(config.admin.password_file), value_file),
        TEXT("admin", "control", "/run/limpid/control", AT(config.admin.control), value_socket_path),
        TEXT("log", "access", "/var/log/limpid/access.log", AT(config.log.access), value_path_or_none),
        CHOICE("log", "format", "squid", CONFIG_WORD, config.log.format, "squid", "combined", "json"),
        CHOICE("log", "level", "info", CONFIG_WORD, config.log.level, LEVELS),
        NUMBER("", "workers", "0", CONFIG_U32, config.workers, 0, 256),
        TEXT("", "user", "limpid", AT(config.user), value_user),
};
/* clang-format on */
