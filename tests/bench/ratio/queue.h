/* Queues of objects, linked through an array of nodes that is indexed by the objects' keys. An object is in one queue
 * at a time; the newest is the head. */
#ifndef RATIO_QUEUE_H
#define RATIO_QUEUE_H

#include <stdint.h>

enum { NOBODY = UINT32_MAX };

struct node {
        uint32_t newer, older;
};

struct queue {
        uint32_t head, tail;
        uint64_t bytes;
};

#define EMPTY_QUEUE ((struct queue){NOBODY, NOBODY, 0})

void queue_add(struct queue *, struct node *, uint32_t key, uint32_t size);
void queue_remove(struct queue *, struct node *, uint32_t key, uint32_t size);

#endif
