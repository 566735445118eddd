/* What the threads that compute and read behind the event loops have in common. */
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/store_private.h"

enum { LONG_SLICE_NS = 100 * 1000 * 1000 };

/* What sched_setattr(2) takes; not every C library has it. */
struct scheduling {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

static void yield_to_wakers(void)
{
        struct scheduling s = {.size = sizeof s};

        if (syscall(SYS_sched_getattr, 0, &s, sizeof s, 0) != 0)
                return;
        s.runtime = LONG_SLICE_NS;
        syscall(SYS_sched_setattr, 0, &s, 0);
}

void background_thread(const char *name)
{
        pthread_setname_np(pthread_self(), name);
        yield_to_wakers();
}
