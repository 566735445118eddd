/* The hosts that cache.ignore_reload names. */
#include "proxy/proxy.h"

/* "*.example.org" is for all names below it. */
static bool names(const char *pattern, struct span host)
{
        bool below = pattern[0] == '*';
        struct span name = {pattern + below, strlen(pattern + below)};

        if (host.len < name.len + below)
                return false;
        if (below)
                host = (struct span){host.at + host.len - name.len, name.len};
        return span_equal_fold(host, name);
}

bool proxy_ignores_reload(const struct config *config, struct span host)
{
        if (host.len && host.at[host.len - 1] == '.')
                host.len--;
        for (size_t i = 0; i < config->ignore_reload_count; i++)
                if (names(config->ignore_reload[i], host))
                        return true;
        return false;
}
