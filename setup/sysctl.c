/* Sysctls and the state file. */
#include "setup/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/plan.h"
#include "setup/state.h"
#include "setup/text.h"

static void full_path(const char *path, char full[256])
{
        snprintf(full, 256, "/proc/sys/%s", path);
}

int sysctl_read(const char *path, char value[SYSCTL_VALUE])
{
        char full[256];
        ssize_t n;
        int fd;

        full_path(path, full);
        fd = open(full, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, value, SYSCTL_VALUE - 1);
        close(fd);
        if (n < 0)
                return -errno;
        value[n] = 0;
        value[strcspn(value, "\n")] = 0;
        return 0;
}

int sysctl_write(const char *path, const char *value)
{
        char full[256];
        int fd, error = 0;

        full_path(path, full);
        fd = open(full, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (write(fd, value, strlen(value)) < 0)
                error = -errno;
        close(fd);
        return error;
}

bool sysctl_ipv6(void)
{
        char value[SYSCTL_VALUE];

        return sysctl_read("net/ipv6/conf/lo/disable_ipv6", value) == 0 && strcmp(value, "0") == 0;
}

/* The state file's directory (/run/limpid) is made if it is missing, and the file by whoever may make files there: a
 * warden with fewer privileges then writes to it. 0 or -errno. */
static int make_state(const char *path)
{
        char directory[256];
        const char *slash = strrchr(path, '/');
        FILE *state;

        if (slash && slash > path && (size_t)(slash - path) < sizeof directory) {
                snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
                mkdir(directory, 0755);
        }
        state = state_open(path, "a+");
        return state && fclose(state) == 0 ? 0 : -errno;
}

/* Also what another program has set while this one, or one that was killed, was at work. */
static int remember(const struct setup_options *o, const char *path, const char *value)
{
        char line[256];

        snprintf(line, sizeof line, "%s %s\n", path, value);
        return state_remember(o->state, line, strlen(path) + 1);
}

int sysctl_apply(const struct setup_options *o, struct setup_text *why)
{
        char value[SYSCTL_VALUE];
        int error = make_state(o->state);

        for (const struct plan_sysctl *s = plan_sysctls; s->path && !error; s++) {
                if (sysctl_read(s->path, value) != 0 || strcmp(value, s->value) == 0)
                        continue;
                error = remember(o, s->path, value);
                if (error)
                        break;
                error = sysctl_write(s->path, s->value);
                if (error) {
                        text_add(why, "sysctl %s: %s", s->path, strerror(-error));
                        return error;
                }
        }
        if (error)
                text_add(why, "%s: %s", o->state, strerror(-error));
        return error;
}

static bool in_plan(const char *path)
{
        for (const struct plan_sysctl *s = plan_sysctls; s->path; s++)
                if (strcmp(s->path, path) == 0)
                        return true;
        return false;
}

int sysctl_restore(const struct setup_options *o, struct setup_text *why)
{
        FILE *state = state_open(o->state, "r");
        char path[128], value[SYSCTL_VALUE];
        int error = 0;

        if (!state)
                return errno == ENOENT ? 0 : -errno;
        while (fscanf(state, "%127s %63s", path, value) == 2)
                if (in_plan(path) && sysctl_write(path, value) != 0 && !error) {
                        error = -errno;
                        text_add(why, "sysctl %s cannot be given back", path);
                }
        fclose(state);
        unlink(o->state);
        return error;
}
