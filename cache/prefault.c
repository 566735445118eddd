/* Prefault threads: what would make an event loop wait for the disk is read here. A look-up here touches the index
 * pages, the record and its body; a body is read slice by slice. Each is verified, and the reader that asked finds it
 * noted (loaded_put). */
#include <stdlib.h>

#include "cache/store_private.h"
#include "cache/time_slice.h"

static void load_find(struct reader *r, struct prefault *job)
{
        struct found found;
        struct place place;

        job->failed = reader_find(r, &job->key, job->request, true, &found) != FIND_HIT;
        if (!job->failed)
                loaded_put(r->store, (struct place){found.id, OFFSET_RECORD});
        place_of_key(&job->key, &place);
        loaded_put(r->store, place);
}

/* Asks the disk for all that is wanted at once, and for as much of what will be wanted next. */
static void ask_disk(struct reader *r, const struct prefault *job)
{
        uint64_t offset = job->offset, end = job->offset + 2 * job->bytes, start;
        struct span value;

        while (offset < end && slice_at(r, job->id, offset, true, &start, &value) == BODY_READY) {
                will_need(r->store, value);
                offset = start + value.len - SLICE_CHECKSUM;
        }
}

/* Verifying reads every byte, so it waits for them all. */
static void load_body(struct reader *r, struct prefault *job)
{
        uint64_t offset = job->offset, end = job->offset + job->bytes;

        ask_disk(r, job);

        job->failed = true;
        while (offset < end) {
                struct span value;
                uint64_t start;

                if (slice_at(r, job->id, offset, true, &start, &value) != BODY_READY ||
                    !slice_sound(value, job->id, start))
                        return;
                loaded_put(r->store, (struct place){job->id, start});
                job->failed = false;
                offset = start + value.len - SLICE_CHECKSUM;
        }
}

static struct prefault *take(struct prefaults *p)
{
        struct prefault *job;

        pthread_mutex_lock(&p->lock);
        while (!p->first && !p->closing)
                pthread_cond_wait(&p->wake, &p->lock);
        job = p->first;
        if (job) {
                p->first = job->next;
                if (!p->first)
                        p->last = &p->first;
        }
        pthread_mutex_unlock(&p->lock);
        return job;
}

static void *run(void *argument)
{
        struct store *s = argument;
        struct reader *r = NULL;
        struct prefault *job;

        background_thread("prefault", TIME_SLICE_PREFAULT_NS);
        if (reader_open(&r, s) != 0)
                r = NULL;
        while ((job = take(&s->prefaults))) {
                job->failed = true;
                if (r && reader_begin(r) == 0) {
                        if (job->bytes)
                                load_body(r, job);
                        else
                                load_find(r, job);
                        reader_end(r);
                }
                job->done(job);
        }
        reader_close(&r);
        return NULL;
}

static void ask(struct store *s, struct prefault *job)
{
        struct prefaults *p = &s->prefaults;

        job->store = s;
        job->next = NULL;
        pthread_mutex_lock(&p->lock);
        *p->last = job;
        p->last = &job->next;
        pthread_cond_signal(&p->wake);
        pthread_mutex_unlock(&p->lock);
}

void prefault_find(struct store *s, struct prefault *job)
{
        job->bytes = 0;
        ask(s, job);
}

void prefault_body(struct store *s, struct prefault *job)
{
        if (!job->bytes)
                job->bytes = 1;
        ask(s, job);
}

int prefaults_start(struct store *s, unsigned count)
{
        struct prefaults *p = &s->prefaults;

        p->last = &p->first;
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->wake, NULL);
        while (p->count < count && p->count < sizeof p->threads / sizeof p->threads[0]) {
                int error = pthread_create(&p->threads[p->count], NULL, run, s);

                if (error)
                        return p->count ? 0 : error;
                p->count++;
        }
        return 0;
}

void prefaults_stop(struct store *s)
{
        struct prefaults *p = &s->prefaults;

        pthread_mutex_lock(&p->lock);
        p->closing = true;
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->count; i++)
                pthread_join(p->threads[i], NULL);
        pthread_cond_destroy(&p->wake);
        pthread_mutex_destroy(&p->lock);
}
