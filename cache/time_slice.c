/* sched_setattr(2), which not every C library has. */
#include "cache/time_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

struct scheduling {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

void time_slice(uint64_t ns)
{
        struct scheduling s = {.size = sizeof s};

        if (syscall(SYS_sched_getattr, 0, &s, sizeof s, 0) != 0)
                return;
        s.runtime = ns;
        syscall(SYS_sched_setattr, 0, &s, 0);
}
