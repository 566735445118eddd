/* Makes a program's seconds short: preloaded into it (ld.so(8)), the coarse clock that its timers go by runs LAB_HURRY
 * times as fast. What waits for that clock in the kernel waits as long as ever, and is late for all that is due then.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS = 1000000000 };

static long long read_clock(clockid_t clock)
{
        struct timespec t;

        syscall(SYS_clock_gettime, clock, &t);
        return t.tv_sec * (long long)NS + t.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
        static long long began, factor;
        long long now;

        if (clock != CLOCK_MONOTONIC_COARSE)
                return (int)syscall(SYS_clock_gettime, clock, t);
        now = read_clock(clock);
        if (!began) {
                const char *named = getenv("LAB_HURRY");

                factor = named ? atoll(named) : 1;
                began = now;
        }
        now = began + (now - began) * factor;
        *t = (struct timespec){now / NS, now % NS};
        return 0;
}
