/* What two threads on CPUs 0 and 1 pay for counting, in ns for each addition: one thread alone; a counter each on one
 * cache line; a counter each in a `struct counters` of its own, as workers have them; one counter that both add to. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "proxy/counters.h"

enum { ADDITIONS = 20000000 };

static struct counters own[2];
static _Alignas(64) _Atomic uint64_t one_line[2];
static _Alignas(64) _Atomic uint64_t one_counter;
static pthread_barrier_t start;

static void add(_Atomic uint64_t *n)
{
        atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void *in_own_lines(void *cpu)
{
        for (int i = 0; i < ADDITIONS; i++)
                count(&own[*(int *)cpu], COUNTER_hits, 1);
        return NULL;
}

static void *in_one_line(void *cpu)
{
        for (int i = 0; i < ADDITIONS; i++)
                add(&one_line[*(int *)cpu]);
        return NULL;
}

static void *in_one_counter(void *cpu)
{
        (void)cpu;
        for (int i = 0; i < ADDITIONS; i++)
                atomic_fetch_add_explicit(&one_counter, 1, memory_order_relaxed);
        return NULL;
}

struct job {
        int cpu;
        void *(*run)(void *);
        double ns;
};

static void *timed(void *argument)
{
        struct job *j = argument;
        struct timespec from, to;
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(j->cpu, &set);
        pthread_setaffinity_np(pthread_self(), sizeof set, &set);
        pthread_barrier_wait(&start);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        j->run(&j->cpu);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        j->ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / ADDITIONS;
        return NULL;
}

static double measure(int threads, void *run(void *))
{
        struct job jobs[2] = {{0, run, 0}, {1, run, 0}};
        pthread_t ids[2];

        pthread_barrier_init(&start, NULL, (unsigned)threads);
        for (int i = 0; i < threads; i++)
                pthread_create(&ids[i], NULL, timed, &jobs[i]);
        for (int i = 0; i < threads; i++)
                pthread_join(ids[i], NULL);
        pthread_barrier_destroy(&start);
        return (jobs[0].ns + jobs[1].ns) / threads;
}

int main(void)
{
        printf("{\"alone\": %.2f, \"one_line\": %.2f, \"own_lines\": %.2f, \"one_counter\": %.2f}\n",
               measure(1, in_own_lines), measure(2, in_one_line), measure(2, in_own_lines), measure(2, in_one_counter));
        return 0;
}
